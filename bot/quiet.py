"""Quiet hours: when a person wants to hear nothing that they did not ask for."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_HOURS = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)")


def read_hours(text: str) -> tuple[time, time]:
    """Return when quiet hours such as 22:00-07:00 begin and end. Raises ValueError with a sentence."""
    match = _HOURS.fullmatch(text.strip())
    try:
        begin, end = (time(int(match[at]), int(match[at + 1])) for at in (1, 3)) if match else (time(), time())
    except ValueError:
        begin = end = time()
    if begin == end:
        raise ValueError(f"{text} are no quiet hours; write them as 22:00-07:00.")
    return begin, end


def in_words(hours: tuple[time, time]) -> str:
    """Return quiet hours as they are kept."""
    return f"{hours[0]:%H:%M}-{hours[1]:%H:%M}"


def end_of_quiet(hours: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return when the quiet hours that hold now are over; None when none hold.

    Both ends are points in time and not readings of a clock: where a clock is set back in the night, quiet hours end at
    the first time that it shows their end, and do not begin again when it shows their beginning once more.
    """
    begin, end = read_hours(hours)
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        last = day if begin < end else day + timedelta(days=1)
        first_moment = datetime.combine(day, begin, zone).astimezone(UTC)
        last_moment = datetime.combine(last, end, zone).astimezone(UTC)
        if first_moment <= now < last_moment:
            return last_moment
    return None

"""Times of day and lengths of time as people write them, and what a clock in a zone makes of a local time."""

import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_HALF = r"[ap]\.?m\b\.?"
TIME = rf"(?:at\s+)?(?:\d{{1,2}}:\d\d(?::\d\d)?(?:\s*{_HALF})?|\d{{1,2}}\s*{_HALF}|noon|midnight)|at\s+\d{{1,2}}"
_CLOCK = re.compile(rf"(?:at\s+)?(?P<h>\d{{1,2}})(?::(?P<m>\d\d))?(?::(?P<s>\d\d))?\s*(?P<half>{_HALF})?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_UNIT = r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?![a-z])"
_PART = rf"\d{{1,7}}\s*{_UNIT}"
LENGTH = rf"(?:half an hour|an? (?:minute|hour|day|week)\b|{_PART}(?:(?:\s*,|\s+and)?\s*{_PART})*)"
_PARTS = re.compile(rf"(\d{{1,7}})\s*({_UNIT})")
NOON = 12
LAST_HOUR, LAST_MINUTE = 23, 59
A_DAY_OF_MINUTES = 24 * 60 + 1  # no clock was ever set forward by more


def read_time(words: str) -> time:
    """Return a time of day. Raises ValueError for one that there is not, or that could be two."""
    if words.endswith(("noon", "midnight")):
        return time(NOON if words.endswith("noon") else 0)
    match = _CLOCK.fullmatch(words)
    if match is None:
        raise ValueError(f"“{words}” is no time of day; write it as 7:30, 18:30 or 8am.")
    hour, minute, second = (int(match[name] or 0) for name in ("h", "m", "s"))
    half = (match["half"] or "").replace(".", "")
    is_clock = 1 <= hour <= NOON if half else hour <= LAST_HOUR
    if not is_clock or minute > LAST_MINUTE or second > LAST_MINUTE:
        raise ValueError(f"There is no time {_bare(words)}; a day goes from 0:00 to 23:59, such as 7:30, 18:30 or 8am.")
    if half:
        return time(hour % NOON + (NOON if half == "pm" else 0), minute, second)
    if match["m"] is None and 1 <= hour <= NOON:
        raise ValueError(
            f"{hour} could be {hour % 24:02}:00 or {(hour + NOON) % 24:02}:00; "
            f"write {hour}:00 or {(hour + NOON) % 24}:00, or {hour}am or {hour}pm."
        )
    return time(hour, minute, second)


def read_length(words: str) -> tuple[timedelta, timedelta]:
    """Return a length of time: its days, which are days of a calendar, and what comes to them."""
    if words == "half an hour":
        return timedelta(0), timedelta(minutes=30)
    parts = _PARTS.findall(re.sub(r"\ban?\b", "1", words))
    seconds = {unit: sum(int(number) * _SECONDS[unit] for number, name in parts if name[0] == unit) for unit in _SECONDS}
    return timedelta(seconds=seconds["d"] + seconds["w"]), timedelta(seconds=seconds["s"] + seconds["m"] + seconds["h"])


def moment(local: datetime, zone: ZoneInfo, now: datetime) -> datetime:
    """Return when a clock in a zone shows a local time; of two such times the first that is not past.

    Raises ValueError where the clock leaves that time out.
    """
    both = [local.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    if not exists(local, zone):
        minutes = (local + timedelta(minutes=more) for more in islice(range(1, A_DAY_OF_MINUTES), A_DAY_OF_MINUTES))
        then = next((one for one in minutes if exists(one, zone)), local)
        raise ValueError(
            f"There is no {local:%H:%M} on {day(local.date())}: the clocks in {zone} go forward then. The next time "
            f"that there is: write {then:%Y-%m-%d %H:%M}."
        )
    return next((at for at in both if at.astimezone(UTC) > now), both[0])


def exists(local: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a clock in a zone ever shows a local time."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local


def is_double(at: datetime) -> bool:
    """Tell whether a clock shows a local time twice."""
    first, second = (at.replace(fold=fold).utcoffset() for fold in (0, 1))
    return first != second and exists(at.replace(tzinfo=None, fold=0), _zone(at))


def day(of: date) -> str:
    """Return a day as people read it."""
    return f"{WEEKDAYS[of.weekday()][:3]} {of.day} {MONTHS[of.month - 1][:3]} {of.year}"


def _zone(at: datetime) -> ZoneInfo:
    if not isinstance(at.tzinfo, ZoneInfo):
        raise TypeError(f"{at} is in no named zone")
    return at.tzinfo


def _bare(words: str) -> str:
    return words.removeprefix("at").strip()

"""When schedules are due, in plain English: in words that can be read back, and times of the reader's zone."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim

from bot.schedules.book import Schedule
from bot.schedules.clock_words import MONTHS, WEEKDAYS, is_double
from bot.schedules.when import Form, When

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_AT = re.compile(r"(\d{1,2}) (\d{1,2}) (\S+) (\S+) (\S+)")
_TEENS = range(11, 14)
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
CLOSE = timedelta(days=8)  # a week's distance, and a clock that is set in it
LAST_SURE_DAY = 28  # later ones are not in every month


def in_words(schedule: Schedule, zone: ZoneInfo, now: datetime) -> str:
    """Return when a schedule is due, and its next three times in a reader's zone."""
    rule = rhythm(schedule.when, now)
    times = next_times(schedule, now) if schedule.is_on else []
    if schedule.when.form is Form.ONCE:
        elsewhere = "" if zone == schedule.when.zone else f"; that is {moments(times, zone, now)} in {zone}" if times else ""
        return f"{rule} ({schedule.when.zone}){elsewhere}."
    until = f", until {moment(schedule.until, schedule.when.zone, now)}" if schedule.until is not None else ""
    here = "" if zone == schedule.when.zone else f" ({zone})"
    coming = f" Next: {moments(times, zone, now, schedule.when.zone)}{here}." if times else ""
    return f"{rule} ({schedule.when.zone}){until}.{coming}"


def rhythm(when: When, now: datetime) -> str:
    """Return how a schedule says when it is due, in its own zone."""
    match when.form:
        case Form.ONCE:
            at = datetime.fromisoformat(when.spec).astimezone(when.zone)
            which = f", the {'second' if at.fold else 'first'} of two, as the clocks go back" if is_double(at) else ""
            return f"{moment(at, when.zone, now)}{which}"
        case Form.EVERY:
            return f"Every {length(timedelta(seconds=int(when.spec)))}"
        case Form.CRON:
            return _cron(when.spec)


def next_times(schedule: Schedule, now: datetime, most: int = 3) -> list[datetime]:
    """Return when a schedule is due next, if it is not paused."""
    return list(islice(schedule.times(now), most))


def moments(times: Sequence[datetime], zone: ZoneInfo, now: datetime, rule_zone: ZoneInfo | None = None) -> str:
    """Return points in time in a zone, in a row, and where clocks are set between them: there, and in the rule's zone."""
    before, said, day = now, [], ""
    for at in times:
        words, of_day = moment(at, zone, now), at.astimezone(zone).date().isoformat()
        words = words[-len("08:00") :] if of_day == day else words
        said.append(words + _shift(before, at, zone, rule_zone or zone))
        before, day = at, of_day
    return _row(said)


def moment(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Return a point in time in a zone: Mon 23 Nov 08:00, with its year where that is another one."""
    local = at.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{WEEKDAYS[local.weekday()][:3]} {local.day} {MONTHS[local.month - 1][:3]}{year} {local:%H:%M}"


def length(interval: timedelta) -> str:
    """Return a length of time: 2 hours, or hour for a single one."""
    left, parts = int(interval.total_seconds()), []
    for seconds, name in _UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count} {name}{'s' if count > 1 else ''}")
    whole = " ".join(parts)
    return whole.removeprefix("1 ") if len(parts) == 1 else whole


def _shift(before: datetime, after: datetime, zone: ZoneInfo, rule_zone: ZoneInfo) -> str:
    """Return in a bracket that clocks were set between two times, unless they are so far apart that nobody wonders."""
    said = []
    for one in dict.fromkeys((zone, rule_zone)):
        was, now = before.astimezone(one).utcoffset(), after.astimezone(one).utcoffset()
        if was is not None and now is not None and was != now and after - before <= CLOSE:
            where = "" if zone == rule_zone else f" in {one}"
            said.append(f"the clocks{where} have gone {'forward' if now > was else 'back'}")
    return f" ({', '.join(said)})" if said else ""


def _cron(spec: str) -> str:
    """Return a cron expression in the words in which a person may have given it, else in cronsim's."""
    match = _AT.fullmatch(spec)
    if match is not None:
        minute, hour, number, month, weekdays = match.groups()
        days = _days(number, month, weekdays)
        if days:
            return f"{days} at {int(hour):02}:{int(minute):02}"
    return CronSim(spec, datetime.now(UTC)).explain()


def _days(number: str, month: str, weekdays: str) -> str:
    """Return on which days that is; nothing for what has no short name."""
    every = {("*", "*", "*"): "Every day", ("*", "*", "1-5"): "Every weekday", ("*", "*", "0,6"): "Every weekend"}
    named = every.get((number, month, weekdays), "")
    if not named and (number, month) == ("*", "*") and re.fullmatch(r"[0-7](?:,[0-7])*", weekdays):
        numbers = sorted({(int(one) - 1) % 7 for one in weekdays.split(",")})
        return f"Every {_row([WEEKDAYS[one] for one in numbers])}"
    if named or weekdays != "*" or not (number.isdecimal() or number == "L"):
        return named
    if month == "*":
        return "Every month on the last day" if number == "L" else f"Every month on the {_ordinal(int(number))}"
    if month.isdecimal() and number != "L":
        return f"Every year on {int(number)} {MONTHS[int(month) - 1][:3]}"
    return ""


def _ordinal(number: int) -> str:
    ending = "th" if number in _TEENS else _ENDINGS.get(number % 10, "th")
    where = "" if number <= LAST_SURE_DAY else " (where there is one)"
    return f"{number}{ending}{where}"


def _row(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last

"""The forms in which people say when: each with the words that it takes and what it means."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.schedules import when as whens
from bot.schedules.clock_words import LENGTH, MONTHS, TIME, WEEKDAYS, day, exists, moment, read_length, read_time
from bot.schedules.when import When

FURTHEST = 50  # years
LAST_DAY = 31  # of a month
_LEAP_YEAR = 2024  # what day it has not, no year has
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?s?\b\.?"
_MONTH = rf"(?:sept|{'|'.join(f'{one[:3]}(?:{one[3:]})?' for one in MONTHS)})\b\.?".lower()
_DATE = (
    rf"(?:{_WEEKDAY},?\s+)?(?:\d{{1,2}}(?:st|nd|rd|th)?\.?\s+{_MONTH}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?)(?:,?\s+\d{{4}}\b)?"
)
_LIST = rf"{_WEEKDAY}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+){_WEEKDAY})*"
_NUMBERS = r"[\d*][\d*/,-]*"
_CRON = rf"{_NUMBERS}\s+{_NUMBERS}\s+[\d*l][\d*/,lw-]*\s+(?:{_NUMBERS}|{_MONTH}[\w/,-]*)\s+(?:{_NUMBERS}|{_WEEKDAY})[\w/,#-]*"


@dataclass(frozen=True)
class Asked:
    """What is read, when and where."""

    words: str
    now: datetime
    zone: ZoneInfo

    @property
    def local(self) -> datetime:
        """The time at which it is read, in its zone."""
        return self.now.astimezone(self.zone)

    @property
    def today(self) -> date:
        """The day of that."""
        return self.local.date()


_Reader = Callable[[Asked, "re.Match[str]"], When]


def too_far() -> str:
    """Return the sentence for who means a time beyond all plans."""
    return f"That is more than {FURTHEST} years away. Write a time that comes sooner, such as `tomorrow 8:00`."


def _time(asked: Asked, match: "re.Match[str]", *, every_day: bool = False) -> time:
    words = match["time"]
    if not words:
        raise ValueError(f"At what time? I understood “{asked.words}”; write `{asked.words} 8:00`, for example.")
    if words.endswith("midnight") and not every_day:
        raise ValueError("Midnight could be where that day begins or where it ends. Write 0:00 for its beginning, or 23:59.")
    return read_time(words)


def _once(asked: Asked, on: date, at: time) -> When:
    if not asked.now.year - FURTHEST < on.year <= asked.now.year + FURTHEST:
        raise ValueError(
            too_far() if on.year > asked.now.year else f"{on} is long past. Write a time to come, such as `tomorrow 8:00`."
        )
    return whens.once(moment(datetime.combine(on, at), asked.zone, asked.now), asked.zone)


def read_cron(asked: Asked, expression: str) -> When:
    """Return the times of a cron expression. Raises ValueError with a sentence."""
    try:
        return whens.cron(expression.upper(), asked.zone, asked.now)
    except ValueError as error:
        raise ValueError(_sentence(error)) from None


def _cron(asked: Asked, match: "re.Match[str]") -> When:
    return read_cron(asked, match[0])


def _every(asked: Asked, match: "re.Match[str]") -> When:
    days, more = read_length(match["length"] if match["length"][0].isdigit() else f"a {match['length']}")
    try:
        return whens.every(days + more, asked.zone, asked.now)
    except ValueError as error:
        raise ValueError(_sentence(error)) from None


def _every_at(asked: Asked, match: "re.Match[str]") -> When:
    del asked
    raise ValueError(
        f"“Every {match['length']}” is counted from now on and takes no time of day. Write `every {match['length']}`, or "
        "days that have a time: `every day 9:00`, `every monday 9:00`."
    )


def _no_such_length(asked: Asked, match: "re.Match[str]") -> When:
    del asked, match
    raise ValueError(
        "Months and years have no fixed length. Write `every month on the 1st at 9:00` or `every year on 24 dec at 9:00`."
    )


def _on_days(asked: Asked, match: "re.Match[str]") -> When:
    is_daily = match["days"] in ("every day", "daily", "each day")
    at = _time(asked, match, every_day=is_daily)
    numbers = {(_weekday(one) + 1) % 7 for one in re.findall(_WEEKDAY, match["days"])}
    if "weekday" in match["days"] or "workday" in match["days"]:
        field = "1-5"
    elif "weekend" in match["days"]:
        field = "0,6"
    else:
        field = "*" if is_daily else ",".join(map(str, sorted(numbers)))
    return read_cron(asked, f"{_clock_fields(at)} * * {field}")


def _on_day_of_month(asked: Asked, match: "re.Match[str]") -> When:
    number, at = match["number"].rstrip("stndrh"), _time(asked, match)
    if number.isdecimal() and not 1 <= int(number) <= LAST_DAY:
        raise ValueError(f"No month has a day {number}. Write `every month on the 1st at 9:00`, or `on the last day`.")
    return read_cron(asked, f"{_clock_fields(at)} {int(number) if number.isdecimal() else 'L'} * *")


def _on_day_of_year(asked: Asked, match: "re.Match[str]") -> When:
    month, number = _month_and_day(match["date"])
    _existing(_LEAP_YEAR, month, number, match["date"])
    return read_cron(asked, f"{_clock_fields(_time(asked, match))} {number} {month} *")


def _clock_fields(at: time) -> str:
    if at.second:
        raise ValueError(f"What comes again comes at whole minutes. Write {at:%H:%M} instead of {at}.")
    return f"{at.minute} {at.hour}"


def _in(asked: Asked, match: "re.Match[str]") -> When:
    days, more = read_length(match["length"])
    if match["time"]:
        if more:
            raise ValueError(f"“In {match['length']}” says a time, and “{match['time']}” another one. Leave one of them out.")
        return _once(asked, asked.today + days, _time(asked, match))
    return whens.once((asked.local + days).astimezone(UTC) + more, asked.zone)


def _iso(asked: Asked, match: "re.Match[str]") -> When:
    on = _existing(int(match["year"]), int(match["month"]), int(match["day"]), match["date"])
    at = _time(asked, match)
    if match["offset"] is None:
        return _once(asked, on, at)
    if abs(on.year - asked.now.year) > FURTHEST:
        raise ValueError(too_far() if on.year > asked.now.year else f"{on} is long past. Write a time to come.")
    sign = match["offset"].replace("z", "+00:00")
    return whens.once(_offset(on, at, sign), asked.zone)


def _offset(on: date, at: time, offset: str) -> datetime:
    try:
        return datetime.fromisoformat(f"{on}T{at}{offset}")
    except ValueError:
        raise ValueError(f"“{offset}” is no distance from UTC; write it as +01:00, or leave it out.") from None


def _on_date(asked: Asked, match: "re.Match[str]") -> When:
    words = match["date"]
    month, number = _month_and_day(words)
    year = re.search(r"\d{4}", words)
    at = _time(asked, match)
    if year is not None:
        on = _existing(int(year[0]), month, number, words)
    else:
        _existing(_LEAP_YEAR, month, number, words)
        on = _coming(asked, month, number, at)
    weekday = re.match(_WEEKDAY, words)
    if weekday and _weekday(weekday[0]) != on.weekday():
        raise ValueError(f"{day(on)[4:]} is a {WEEKDAYS[on.weekday()]}. Write `{on} {at:%H:%M}`, or the date that you mean.")
    return _once(asked, on, at)


def _coming(asked: Asked, month: int, number: int, at: time) -> date:
    """Return the next day of this month and number at which that time is not past."""
    local = asked.local.replace(tzinfo=None)
    for year in range(asked.today.year, asked.today.year + 9):
        try:
            on = date(year, month, number)
        except ValueError:
            continue
        if datetime.combine(on, at) > local:
            return on
    raise ValueError(too_far())


def _on_day(asked: Asked, match: "re.Match[str]") -> When:
    at, word = _time(asked, match), match["day"]
    if word in ("today", "tomorrow"):
        return _once(asked, asked.today + timedelta(days=int(word == "tomorrow")), at)
    on = asked.today + timedelta(days=(_weekday(word) - asked.today.weekday()) % 7)
    return _coming_on(asked, on, at, timedelta(days=7))


def _at(asked: Asked, match: "re.Match[str]") -> When:
    return _coming_on(asked, asked.today, read_time(match["time"]), timedelta(days=1))


def _coming_on(asked: Asked, on: date, at: time, step: timedelta) -> When:
    """Return a time on a day or, where that is past, a step later."""
    local = datetime.combine(on, at)
    if local > asked.local.replace(tzinfo=None):
        return _once(asked, on, at)
    is_to_come = exists(local, asked.zone) and moment(local, asked.zone, asked.now) > asked.now
    return _once(asked, on if is_to_come else on + step, at)


def _existing(year: int, month: int, number: int, words: str) -> date:
    try:
        return date(year, month, number)
    except ValueError:
        raise ValueError(f"There is no day {words.strip()}. Write a day that there is, such as `2026-11-23 08:00`.") from None


def _month_and_day(words: str) -> tuple[int, int]:
    month = next(n for n, name in enumerate(MONTHS, 1) if re.search(rf"\b{name[:3].lower()}", words))
    number = re.search(r"\b(\d{1,2})(?!\d)", words)
    return month, int(number[1]) if number else 0


def _weekday(word: str) -> int:
    return next(n for n, name in enumerate(WEEKDAYS) if word.startswith(name[:3].lower()))


def _sentence(error: ValueError) -> str:
    words = str(error)
    return words[0].upper() + words[1:].rstrip(".") + "."


def _with_time(days: str) -> tuple[str, str]:
    """Return the forms of days that take a time: after them, before them, or forgotten."""
    return rf"{days}(?:,?\s+(?P<time>{TIME}))?", rf"(?P<time>{TIME}),?\s+{days}"


_EVERY = "(?:every|each)"
_DAYS = (
    rf"(?P<days>{_EVERY} day|daily|{_EVERY} (?:week|work)day|(?:on )?(?:week|work)days|{_EVERY} weekend|(?:on )?weekends|"
    rf"{_EVERY} {_LIST}|(?:on )?{_LIST}(?<=days))"
)
_ISO = (
    r"(?:on )?(?P<date>(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2}))"
    rf"(?:(?:t|,?\s+)(?P<time>{TIME})(?:\.\d{{1,6}})?(?P<offset>z|[+-]\d\d:?\d\d)?)?"
)
FORMS: tuple[tuple["re.Pattern[str]", _Reader], ...] = tuple(
    (re.compile(pattern), reader)
    for patterns, reader in (
        ((_CRON,), _cron),
        ((rf"{_EVERY} (?P<length>{LENGTH}|minute|hour)", r"(?P<length>hour)ly"), _every),
        ((rf"{_EVERY} (?P<length>{LENGTH})\s+(?:{TIME})",), _every_at),
        ((rf"{_EVERY} \d{{1,7}} (?:months?|years?)",), _no_such_length),
        (_with_time(_DAYS), _on_days),
        (_with_time(r"(?:every month|monthly) on the (?P<number>\d{1,2}(?:st|nd|rd|th)?|last day)"), _on_day_of_month),
        (_with_time(rf"(?:every year|yearly) on (?:the )?(?P<date>{_DATE})"), _on_day_of_year),
        ((rf"in (?P<length>{LENGTH})(?:,?\s+(?P<time>{TIME}))?",), _in),
        ((_ISO,), _iso),
        (_with_time(rf"(?:on )?(?:the )?(?P<date>{_DATE})"), _on_date),
        (_with_time(rf"(?:on )?(?P<day>today|tomorrow|{_WEEKDAY})"), _on_day),
        ((rf"(?P<time>{TIME})",), _at),
    )
    for pattern in patterns
)

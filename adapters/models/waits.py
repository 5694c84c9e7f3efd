"""How long a provider asks to wait, in all the ways in which providers say it."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST = 31 * 86_400.0  # seconds; whatever asks for more than a month is a mistake and not a time to wait for
_EPOCH = 1e9  # seconds; a number this large is a moment, and one a thousand times larger a moment in milliseconds
_UNITS = {"ms": 0.001, "milli": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = r"\d+(?:\.\d+)?\s*(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)"
_DURATION = re.compile(rf"(?:{_PART}\s*)+", re.IGNORECASE)
_STEP = re.compile(r"(\d+(?:\.\d+)?)\s*(milli|ms|s|m|h|d)[a-z]*", re.IGNORECASE)
_IN_WORDS = re.compile(rf"(?:try again|retry)\s+(?:in|after)\s+((?:{_PART}\s*)+)", re.IGNORECASE)
_REGAIN = re.compile(r"regain access on (\d{4})-(\d\d)-(\d\d)(?: at (\d\d?):(\d\d))?", re.IGNORECASE)


def wait_of(headers: Mapping[str, str], message: str) -> float | None:
    """Return the seconds that an error's headers (names in lower case) or its words ask to wait, if they can be understood."""
    now = _moment_of(headers.get("date", "")) or datetime.now(UTC)
    said = _sane(_number(headers.get("retry-after-ms", "")) / 1000)
    if said is None:
        said = _seconds(headers.get("retry-after", ""), now)
    if said is None:
        said = max(_resets(headers, now), default=None)
    return wait_in_words(message) if said is None else said


def wait_in_words(message: str) -> float | None:
    """Return the seconds that a sentence asks to wait, as in “Please try again in 7m12.5s.”."""
    found = _IN_WORDS.search(message)
    return _duration(found[1]) if found else None


def access_again(message: str) -> datetime | None:
    """Return the moment from which an account has access again, as far as a sentence names it."""
    found = _REGAIN.search(message)
    if found is None:
        return None
    year, month, day, hour, minute = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None  # no such day


def _resets(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    """Give how long it is until each exhausted limit is there again."""
    for name, value in headers.items():
        # The vendors disagree on the order: anthropic-ratelimit-tokens-reset, x-ratelimit-reset-tokens, x-ratelimit-reset.
        if "ratelimit" in name and "reset" in name and headers.get(name.replace("reset", "remaining"), "0") == "0":
            wait = _seconds(value, now)
            if wait is not None:
                yield wait


def _seconds(value: str, now: datetime) -> float | None:
    """Read a number of seconds, a moment, or a duration such as 6m0s."""
    number = _number(value)
    if not math.isnan(number):
        moment = next((number / scale for scale in (1000, 1) if number / scale >= _EPOCH), None)
        return _sane(number if moment is None else max(0.0, moment - now.timestamp()))
    if _DURATION.fullmatch(value.strip()):
        return _duration(value)
    until = _moment_of(value)
    return _sane(max(0.0, (until - now).total_seconds())) if until else None


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _duration(value: str) -> float | None:
    return _sane(sum(float(amount) * _UNITS[unit.lower()] for amount, unit in _STEP.findall(value)))


def _moment_of(value: str) -> datetime | None:
    """Read a date of HTTP or of RFC 3339."""
    try:
        moment = datetime.fromisoformat(value) if value[:1].isdecimal() else parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _sane(seconds: float) -> float | None:
    return min(seconds, _LONGEST) if seconds >= 0 else None

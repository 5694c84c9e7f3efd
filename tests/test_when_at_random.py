"""Whatever somebody writes for a time: it is to come, or it is refused in a sentence; what is echoed can be read back."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.schedules import english
from bot.schedules.reading import read_when, split_when
from bot.schedules.when import Form, When

ROUNDS = int(os.environ.get("BUTLERS_FUZZ", "300"))
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "UTC",
)
_WORDS = (
    *("every", "each", "in", "at", "on", "the", "and", "today", "tomorrow", "monday", "fridays", "weekday", "weekend", "day"),
    *(
        "daily",
        "month",
        "year",
        "1st",
        "31st",
        "last",
        "feb",
        "Nov",
        "2027",
        "29",
        "8",
        "8:00",
        "2:30",
        "02:30",
        "24:00",
        "8am",
    ),
    *("12pm", "noon", "midnight", "minutes", "20", "2h", "1h30m", "0", "999999", "days", "weeks", "hour", "an", "half", "*"),
    *("*/5", "1-5", "L", "7", "0,6", "5#3", "2027-03-28", "2027-10-31", "2026-02-30", "T", "Z", "+01:00", ",", "::", "UTC"),
    *("Europe/Berlin", "Mars/Base", "milk", "\uff12", "\u0663", "\u202e", "²"),
)
MOMENTS = st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2030-12-31"), timezones=st.just(UTC))
NAMED_ZONES = st.sampled_from(ZONES).map(ZoneInfo)
Reader = Callable[[str, datetime, ZoneInfo], tuple[When, str]]
TEXTS = st.one_of(st.lists(st.sampled_from(_WORDS), max_size=8).map(" ".join), st.text(max_size=60))


@settings(max_examples=ROUNDS * 5, deadline=None)
@given(TEXTS, MOMENTS, NAMED_ZONES)
def test_no_words_do_harm(words: str, now: datetime, zone: ZoneInfo) -> None:
    """Words are a time to come, or a sentence says what is wrong with them; so are those before others."""
    for read in (_read, split_when):
        found = _outcome(read, words, now, zone)
        if isinstance(found, str):
            assert found[-1] in ".?"
            assert len(found) < 600
            continue
        when, rest = found
        first = when.after(now)
        assert first is not None
        assert first > now
        assert words.rstrip().endswith(rest)


def _read(words: str, now: datetime, zone: ZoneInfo) -> tuple[When, str]:
    return read_when(words, now, zone), ""


def _outcome(read: Reader, words: str, now: datetime, zone: ZoneInfo) -> tuple[When, str] | str:
    try:
        return read(words, now, zone)
    except ValueError as error:
        return str(error) or "!"


@settings(max_examples=ROUNDS, deadline=None)
@given(MOMENTS, st.timedeltas(timedelta(minutes=2), timedelta(days=900)), NAMED_ZONES)
def test_what_is_echoed_once_can_be_read_back(now: datetime, ahead: timedelta, zone: ZoneInfo) -> None:
    """A time that comes once is told in words that mean it again, unless the clock shows it twice."""
    at = (now + ahead).replace(second=0, microsecond=0)
    written = f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
    when = read_when(written, now, zone)
    words = english.rhythm(when, now)
    if "of two" not in words:
        assert when.after(now) == at
        assert read_when(words, now, zone).after(now) == at


@settings(max_examples=ROUNDS, deadline=None)
@given(
    st.sampled_from(["every day", "every weekday", "every weekend", "every monday and sunday", "every month on the 3rd"]),
    st.integers(0, 23),
    st.integers(0, 59),
    MOMENTS,
    NAMED_ZONES,
)
def test_what_is_echoed_again_and_again_can_be_read_back(
    days: str, hour: int, minute: int, now: datetime, zone: ZoneInfo
) -> None:
    """A rule is told in words that mean the same rule."""
    when = read_when(f"{days} {hour}:{minute:02}", now, zone)
    assert when.form is Form.CRON
    assert read_when(english.rhythm(when, now), now, zone).spec == when.spec


@settings(max_examples=ROUNDS, deadline=None)
@given(st.integers(1, 366 * 24 * 60), MOMENTS, NAMED_ZONES)
def test_intervals_can_be_read_back(minutes: int, now: datetime, zone: ZoneInfo) -> None:
    """An interval is told in words that mean the same interval."""
    when = read_when(f"every {minutes} minutes", now, zone)
    assert read_when(english.rhythm(when, now), now, zone).spec == when.spec

"""What people write for a time is read as they mean it, or refused in a sentence; never taken for another time."""

import os
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.schedules import english
from bot.schedules.reading import read_when, split_when
from bot.schedules.when import Form
from tests.houses import ROOT
from tests.timing import next_three

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 21, 12, 0, 17, tzinfo=UTC)  # a Saturday, 13:00 in Berlin, 7:00 in New York
ROUNDS = int(os.environ.get("BUTLERS_FUZZ", "300"))


@pytest.mark.parametrize(
    ("words", "local"),
    [
        ("2026-11-23T08:00", "2026-11-23 08:00:00"),
        ("2026-11-23 8:00", "2026-11-23 08:00:00"),
        ("2026-11-23 08:00:30", "2026-11-23 08:00:30"),
        ("2026-11-23T08:00:00.000Z", "2026-11-23 09:00:00"),
        ("2026-11-23T08:00-05:00", "2026-11-23 14:00:00"),
        ("in 20 minutes", "2026-11-21 13:20:17"),
        ("in 2h", "2026-11-21 15:00:17"),
        ("in 1h30m", "2026-11-21 14:30:17"),
        ("in 1 hour and 30 minutes", "2026-11-21 14:30:17"),
        ("in half an hour", "2026-11-21 13:30:17"),
        ("in a week", "2026-11-28 13:00:17"),
        ("in 2 days at 9:00", "2026-11-23 09:00:00"),
        ("today 18:30", "2026-11-21 18:30:00"),
        ("tomorrow 8:00", "2026-11-22 08:00:00"),
        ("Tomorrow at 8am", "2026-11-22 08:00:00"),
        ("8:00 tomorrow", "2026-11-22 08:00:00"),
        ("monday 9:00", "2026-11-23 09:00:00"),
        ("saturday 18:00", "2026-11-21 18:00:00"),
        ("saturday 9:00", "2026-11-28 09:00:00"),
        ("18:30", "2026-11-21 18:30:00"),
        ("at 8:00", "2026-11-22 08:00:00"),
        ("at 18", "2026-11-21 18:00:00"),
        ("8:30 pm", "2026-11-21 20:30:00"),
        ("12am", "2026-11-22 00:00:00"),
        ("noon", "2026-11-22 12:00:00"),
        ("midnight", "2026-11-22 00:00:00"),
        ("23 Nov 8:00", "2026-11-23 08:00:00"),
        ("on Mon 23 November 2026 at 8:00", "2026-11-23 08:00:00"),
        ("Nov 20, 8:00", "2027-11-20 08:00:00"),
        ("29 feb 8:00", "2028-02-29 08:00:00"),
    ],
)
def test_a_single_time(words: str, local: str) -> None:
    """A time that comes once is read in the person's zone, and the next such time is meant."""
    when = read_when(words, NOW, BERLIN)
    (at,) = next_three(when, NOW)
    assert (when.form, f"{at.astimezone(BERLIN):%Y-%m-%d %H:%M:%S}") == (Form.ONCE, local)


@pytest.mark.parametrize(
    ("words", "form", "spec"),
    [
        ("30 7 * * 1-5", "cron", "30 7 * * 1-5"),
        ("30 7 * * mon-fri", "cron", "30 7 * * MON-FRI"),
        ("every 2h", "every", "7200"),
        ("every 30m", "every", "1800"),
        ("every 90 minutes", "every", "5400"),
        ("every 2 days", "every", "172800"),
        ("every hour", "every", "3600"),
        ("hourly", "every", "3600"),
        ("every day 7:30", "cron", "30 7 * * *"),
        ("daily at midnight", "cron", "0 0 * * *"),
        ("every weekday at 7:30", "cron", "30 7 * * 1-5"),
        ("weekdays 7:30", "cron", "30 7 * * 1-5"),
        ("every weekend 10:00", "cron", "0 10 * * 0,6"),
        ("every monday 9:00", "cron", "0 9 * * 1"),
        ("every Monday and Thursday 9:00", "cron", "0 9 * * 1,4"),
        ("every mon, wed and sun at 9pm", "cron", "0 21 * * 0,1,3"),
        ("mondays 9:00", "cron", "0 9 * * 1"),
        ("9:00 every friday", "cron", "0 9 * * 5"),
        ("every month on the 1st at 9:00", "cron", "0 9 1 * *"),
        ("every month on the last day at 9:00", "cron", "0 9 L * *"),
        ("every year on 24 dec at 18:00", "cron", "0 18 24 12 *"),
    ],
)
def test_a_time_that_comes_again(words: str, form: str, spec: str) -> None:
    """What comes again becomes a cron expression or an interval."""
    when = read_when(words, NOW, BERLIN)
    assert (when.form, when.spec, when.zone) == (form, spec, BERLIN)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("at 8", "8 could be 08:00 or 20:00; write 8:00 or 20:00, or 8am or 8pm."),
        ("tomorrow at 8", "8 could be 08:00 or 20:00"),
        ("every day 8", "8 could be 08:00 or 20:00"),
        ("12", "12 could be 12:00 or 00:00"),
        ("tomorrow midnight", "Midnight could be where that day begins or where it ends."),
        ("tomorrow", "At what time? I understood “tomorrow”; write `tomorrow 8:00`, for example."),
        ("every monday", "At what time?"),
        ("2026-11-25", "At what time?"),
        ("61 7 * * *", "The minute of the cron expression “61 7 * * *” is impossible; 30 7 * * 1-5 is"),
        ("* * *", "“* * *” is no cron expression: it has five fields"),
        ("30 February 8:00", "There is no day 30 february. Write a day that there is, such as"),
        ("2027-02-30 8:00", "There is no day 2027-02-30."),
        ("every month on the 32nd 9:00", "No month has a day 32."),
        ("tue 23 nov 8:00", "23 Nov 2026 is a Monday. Write `2026-11-23 08:00`"),
        ("25:00", "There is no time 25:00; a day goes from 0:00 to 23:59"),
        ("13pm", "There is no time 13pm"),
        ("tomorrow 8:00 Europe/Berlni", "Europe/Berlni is no zone such as Europe/Berlin. Did you mean Europe/Berlin?"),
        ("today 8:00", "Sat 21 Nov 2026 08:00 is past: in Europe/Berlin it is Sat 21 Nov 2026 13:00. Write a time to come"),
        ("2020-01-01 8:00", "Wed 1 Jan 2020 08:00 is past"),
        ("0001-01-01 8:00", "0001-01-01 is long past."),
        ("9999-12-31T23:59", "That is more than 50 years away."),
        ("in 9999999 weeks", "That is more than 50 years away."),
        ("every 30s", "An interval takes a minute at least, and a year at most, such as every 2h."),
        ("every 9999999 weeks", "An interval takes a minute at least"),
        ("every 2 days at 9:00", "“Every 2 days” is counted from now on and takes no time of day."),
        ("every 2 months", "Months and years have no fixed length."),
        ("in 2 hours at 9:00", "“In 2 hours” says a time, and “at 9:00” another one."),
        ("every day 7:30:10", "What comes again comes at whole minutes. Write 07:30"),
        ("2026-11-23T08:00+99:99", "“+99:99” is no distance from UTC"),
        ("2027-03-28 2:30", "There is no 02:30 on Sun 28 Mar 2027: the clocks in Europe/Berlin go forward then."),
        ("soon", "I do not understand “soon” as a time. Write `in 20 minutes`,"),
        ("x" * 300, "That is too long for a time."),
        ("  ", "A time is missing. Write `in 20 minutes`"),
    ],
)
def test_what_is_no_time_or_two(words: str, answer: str) -> None:
    """What is wrong is said with what was understood and an example."""
    with pytest.raises(ValueError, match=r".") as refused:
        read_when(words, NOW, BERLIN)
    assert str(refused.value).startswith(answer)


def test_the_hour_that_comes_twice() -> None:
    """Of a time that comes twice the first is taken, and that is said; one that there is not is refused with the next."""
    when = read_when("2027-10-31 2:30", NOW, BERLIN)
    assert next_three(when, NOW) == [datetime(2027, 10, 31, 0, 30, tzinfo=UTC)]
    assert english.rhythm(when, NOW) == "Sun 31 Oct 2027 02:30, the first of two, as the clocks go back"
    between = datetime(2027, 10, 31, 0, 45, tzinfo=UTC)
    assert next_three(read_when("today 2:30", between, BERLIN), between) == [datetime(2027, 10, 31, 1, 30, tzinfo=UTC)]
    with pytest.raises(ValueError, match=r"The next time that there is: write 2027-03-28 03:00\."):
        read_when("2027-03-28 2:30", NOW, BERLIN)
    night = datetime(2027, 3, 28, 12, tzinfo=UTC)
    assert next_three(read_when("2:30", night, BERLIN), night) == [datetime(2027, 3, 29, 0, 30, tzinfo=UTC)]


def test_a_zone_may_be_named() -> None:
    """A zone after the time is that of the time."""
    when = read_when("tomorrow 8:00 in america/new_york", NOW, BERLIN)
    assert (when.zone, next_three(when, NOW)) == (NEW_YORK, [datetime(2026, 11, 22, 13, tzinfo=UTC)])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("in 20 minutes take out the bread", "take out the bread"),
        ("tomorrow 8:00 call mum", "call mum"),
        ("every friday 17:00 timesheet", "timesheet"),
        ("8:00 tomorrow, call mum", "call mum"),
        ("at 8 pm film", "film"),
        ("30 7 * * 1-5 stand-up", "stand-up"),
        ("in 2 days at 9:00 water plants", "water plants"),
        ("tomorrow 8:00 input/output review", "input/output review"),
        ("tomorrow 8:00 Europe/Berlin call", "call"),
        ("8:30 pm\nlist:\n- milk", "list:\n- milk"),
        ("in 20 minutes", ""),
    ],
)
def test_the_time_comes_first(text: str, what: str) -> None:
    """The longest beginning that is a time is the time, and the rest is what it is about."""
    assert split_when(text, NOW, BERLIN)[1] == what


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("5 eggs", "“5 eggs” does not begin with a time, and the time comes first: `in 20 minutes`"),
        ("tomorrow call mum", "At what time?"),
        ("tomorrow at 8 call mum", "8 could be"),
        ("every 2 days at 9:00 water", "“Every 2 days” is counted from now on"),
        ("take out bread in 20 minutes", "“take out bread in” does not begin with a time"),
        ("marvin 5 eggs", "“marvin 5 eggs” does not"),
        ("2026-11-23T08:00Z at 9:00 train", "“2026-11-23T08:00Z” says when, and “at 9:00 train” does, too."),
        ("", "A time is missing."),
    ],
)
def test_what_begins_with_no_time(text: str, answer: str) -> None:
    """What is no time, or two, is refused, and nothing is guessed."""
    with pytest.raises(ValueError, match=r".") as refused:
        split_when(text, NOW, BERLIN)
    assert str(refused.value).startswith(answer)


def test_the_page_s_forms_are_read() -> None:
    """Each form of a time that docs/schedules.md lists is understood."""
    table = (ROOT / "docs" / "schedules.md").read_text().split("## When")[1].split("Times are read")[0]
    words = [one for row in table.splitlines() for one in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    assert len(words) > 20
    for one in words:
        assert read_when(one, NOW, BERLIN).after(NOW) is not None

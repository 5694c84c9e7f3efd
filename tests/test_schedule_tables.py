"""Schedules in a butler.toml: what they may say, and each fault with its place and a cure."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.commands.look import shortcomings
from bot.errors import ConfigurationError
from bot.household import read_butler
from bot.schedules.table import ScheduleTable, read_interval
from tests.houses import ROOT
from tests.test_configuration import DESIGN_TOML

HEAD = "[butler]\nname = 'a'\n\n[[butler.schedule]]\nname = 'x'\n"
DUE = "cron = '0 8 * * *'\n"
DOES = "prompt = 'Brief me.'\n"
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def write(folder: Path, text: str, name: str = "a") -> Path:
    """Write a butler's folder."""
    (folder / name).mkdir()
    (folder / name / "butler.toml").write_text(text)
    return folder / name


def complaint(folder: Path, text: str) -> str:
    """Return what is said of a file."""
    with pytest.raises(ConfigurationError) as caught:
        read_butler(write(folder, text))
    return str(caught.value)


def test_the_design_s_file_works(tmp_path: Path) -> None:
    """The file of the design is read as it stands, and nothing of its schedule is missing in this house."""
    butler = read_butler(write(tmp_path, DESIGN_TOML, "assistant"))
    (table,) = butler.schedules
    assert (table.name, table.when(BERLIN, NOW).spec, table.silent, table.catch_up) == (
        "morning-briefing",
        "0 8 * * *",
        False,
        "latest",
    )
    assert [text for text in shortcomings(butler, []) if "schedule" in text] == []


def test_everything_that_a_schedule_may_say(tmp_path: Path) -> None:
    """Each key is read, as a text or as TOML's own value."""
    text = (
        f"{HEAD}every = '2h'\nprompt_file = 'practice/look.md'\nzone = 'asia/tokyo'\nsilent = true\nurgent = true\n"
        "exact = true\ncatch_up = 'all'\nuntil = 2026-12-24\nmax_cost = 0.05\nmax_cost_month = '2.5'\n"
        "person = 'telegram:8'\nto = 'slack:C123'\ncheck = { name = 'changed_file', path = 'notes.md' }\n"
        f"\n[[butler.schedule]]\nname = 'y'\nat = 2026-12-24T18:00:00\nuntil = '2026-12-25T10:00+01:00'\n{DOES}"
    )
    first, second = read_butler(write(tmp_path, text)).schedules
    assert (first.zone, first.max_cost, first.max_cost_month) == ("Asia/Tokyo", Decimal("0.05"), Decimal("2.5"))
    assert first.when(BERLIN, NOW).spec == "7200"
    assert first.until == date(2026, 12, 24)
    assert first.ends(BERLIN) == datetime(2026, 12, 24, 22, 59, 59, tzinfo=UTC)
    assert second.when(BERLIN, NOW).after(NOW) == datetime(2026, 12, 24, 17, tzinfo=UTC)
    assert second.ends(BERLIN) == datetime(2026, 12, 25, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (f"cron = '61 8 * * *'\n{DOES}", "line 6, butler.schedule.0.cron: the minute of the cron expression “61 8 * * *” is"),
        (f"cron = 'daily'\n{DOES}", "butler.schedule.0.cron: “daily” is no cron expression: it has five fields"),
        (f"cron = '0 8 30 2 *'\n{DOES}", "the day-of-month of the cron expression “0 8 30 2 *” is impossible"),
        (f"every = '2 lightyears'\n{DOES}", "butler.schedule.0.every: “2 lightyears” is no interval; write it like 30m, 2h"),
        (f"every = '5s'\n{DOES}", "an interval takes a minute at least"),
        (f"at = 'soon'\n{DOES}", "butler.schedule.0.at: “soon” is no date and time; write it like 2026-12-24T18:00"),
        (f"at = 7\n{DOES}", "butler.schedule.0.at: is no date and time; write it like"),
        (f"{DUE}{DOES}until = '2026-02-30'\n", "butler.schedule.0.until: “2026-02-30” is no date; write it like 2026-12-24"),
        (f"{DUE}{DOES}zone = 'Europe/Berln'\n", "line 8, butler.schedule.0.zone: Europe/Berln is no zone such as"),
        (f"{DUE}{DOES}zone = 'Europe/Berln'\n", "Did you mean Europe/Berlin?"),
        (f"{DUE}every = '2h'\n{DOES}", "line 4, butler.schedule.0: has cron and every, of which there can be one: say when"),
        (DOES, "line 4, butler.schedule.0: lacks cron or every or at: say when it is due, such as cron = "),
        (DUE, "butler.schedule.0: lacks prompt or prompt_file: say what is to be done, such as prompt = "),
        (f"{DUE}{DOES}prompt_file = 'x.md'\n", "has prompt and prompt_file, of which there can be one"),
        (f"{DUE}prompt = ' '\n", "line 7, butler.schedule.0.prompt: is empty; say what the butler is to do, such as"),
        (f"{DUE}prompt_file = '../b/CLAUDE.md'\n", "must be a file in the butler's own folder, such as practice/"),
        (f"{DUE}prompt_file = '/etc/passwd'\n", "“/etc/passwd” must be a file in the butler's own folder"),
        (f"{DUE}{DOES}person = 'Ben'\n", "butler.schedule.0.person: “Ben” must be a chat and an id in it, such as telegram:7"),
        (f"{DUE}{DOES}max_cost = 0\n", "line 8, butler.schedule.0.max_cost: Input should be greater than 0"),
        (f"{DUE}{DOES}catch_up = 'some'\n", "butler.schedule.0.catch_up: Input should be 'latest', 'all' or 'skip'"),
        (f"{DUE}{DOES}slient = true\n", "line 8, butler.schedule.0.slient: unknown key. Did you mean silent?"),
        (f"{DUE}{DOES}check = {{ path = 'x' }}\n", "butler.schedule.0.check: must name what is looked at, such as {"),
        (
            f"{DUE}{DOES}check = {{ name = 'change_file', path = 'x' }}\n",
            "no check change_file. Did you mean changed_file?",
        ),
        (
            f"{DUE}{DOES}check = {{ name = 'changed_file' }}\n",
            "line 8, butler.schedule.0.check: path of changed",
        ),
        (f"{DUE}{DOES}check = {{ name = 'new_message', wher = 'x' }}\n", "new_message takes no wher"),
        (f"{DUE}{DOES}check = {{ name = 'email.unread' }}\n", "looks into the module email, which this file does not have"),
        (
            f"{DUE}{DOES}\n[[butler.schedule]]\nname = 'x'\n{DUE}{DOES}",
            "line 10, butler.schedule.1.name: “x” names another schedule already; give each its own name",
        ),
        (f"{DUE}{DOES}\n[[butler.schedule]]\nname = 'y'\n{DOES}", "line 9, butler.schedule.1: lacks cron or every or at"),
    ],
)
def test_a_fault_says_its_place_and_its_cure(tmp_path: Path, lines: str, expected: str) -> None:
    """What is wrong is named with file, line and key, and what would be right."""
    said = complaint(tmp_path, HEAD + lines)
    assert said.startswith(f"{tmp_path / 'a' / 'butler.toml'}: ")
    assert expected in said


def test_a_module_that_nobody_installed_is_said(tmp_path: Path) -> None:
    """A schedule that looks into a module which is not installed is named where butlers are listed."""
    text = f"{HEAD}{DUE}{DOES}check = {{ name = 'email.unread' }}\n[modules.email]\nprovider = 'gmail'\n"
    butler = read_butler(write(tmp_path, text))
    assert shortcomings(butler, ["email"]) == [
        "⚠ module email is not installed, so its tools are missing",
        "⚠ schedule x is not run: it looks into the module email, which is not installed",
    ]
    assert shortcomings(butler, []) == []


@pytest.mark.parametrize(("text", "minutes"), [("30m", 30), ("2h", 120), ("every 2 hours", 120), ("1d", 1440), ("1h 30m", 90)])
def test_intervals_are_read(text: str, minutes: int) -> None:
    """An interval is a number of minutes, hours or days."""
    assert read_interval(text).total_seconds() == minutes * 60


def test_a_point_in_time_of_a_zone_of_its_own() -> None:
    """A time that says its distance from UTC is taken by its word, whatever the zone."""
    table = ScheduleTable.model_validate({"name": "x", "at": "2026-12-24T18:00+09:00", "prompt": "p"})
    assert table.when(BERLIN, NOW).after(NOW) == datetime(2026, 12, 24, 9, tzinfo=UTC)


def test_the_page_s_schedules_work(tmp_path: Path) -> None:
    """What docs/schedules.md shows of a file can be used as it stands there."""
    (shown,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "schedules.md").read_text(), re.DOTALL)
    tables = read_butler(write(tmp_path, f"[butler]\nname = 'a'\n{shown}")).schedules
    assert {name for table in tables for name in table.model_fields_set} >= {"name", "cron", "prompt", "check", "to"}

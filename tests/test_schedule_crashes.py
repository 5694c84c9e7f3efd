"""Crashes at times: a process dies at each commit and request of a scheduled turn, and of a turn that makes schedules."""

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.anthropic_script import Answer, ToolCall
from tests.armed import Armed, armed, dies_at
from tests.houses import wait_until
from tests.storms import LONG, is_settled, last_words

pytestmark = pytest.mark.crash
ADA = 7
STRIDE = 1 if LONG else 11  # every so many boundaries
_NUMBERS = count()
IS_DONE = """
    SELECT count(*) FROM runs JOIN schedules ON schedules.id = schedule_id
    WHERE runs.state = 'done' AND told IN ('told', 'silent') AND schedules.name = ?"""
UNFINISHED = "SELECT 1 FROM runs WHERE state NOT IN ('done', 'skipped')"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Armed]:
    """A house of its own whose processes can be told where to die."""
    with armed(tmp_path) as made:
        yield made


def makes_all(request: dict[str, object]) -> Answer:
    """Make a schedule of each kind for the word that was written; in a run, answer."""
    words = [word for word in last_words(request) if word and not word.startswith("<told>")]
    if not words:
        return Answer(text=f"Made {next(_NUMBERS)}.", delay=0.1)
    (word,) = words
    if not word.startswith("m"):
        return Answer(text=f"Said {word} {next(_NUMBERS)}.", delay=0.1)
    soon = "in 1 second"
    calls = (
        ToolCall("schedule_create", {"name": f"task {word}", "when": soon, "prompt": f"task {word}"}),
        ToolCall("remind", {"when": soon, "text": f"remind {word}"}),
        ToolCall("nudge", {"when": soon, "prompt": f"nudge {word}", "key": f"nudge {word}", "silent": True}),
        ToolCall("trigger", {"prompt": f"trigger {word}"}),
    )
    return Answer(tool_calls=calls, delay=0.1)


def test_no_boundary_loses_or_doubles_what_is_done_at_times(
    fresh: Armed,
) -> None:
    """A process dies at each boundary from the message to its schedules' answers: each is made once, done once, told once."""
    house, telegram, claude, file = fresh
    ada = telegram.person(ADA)
    claude.script = makes_all
    number, died = 0, True
    while died:
        number += STRIDE
        word = f"m{number}"
        house.execute("UPDATE keys SET free = 1000000000")  # in the long form a key's day is too short
        dies_at(file, number)
        ada.writes(word)
        names = [f"{kind} {word}" for kind in ("task", "remind", "nudge", "trigger")]
        wait_until(
            lambda names=names: all(house.value(IS_DONE, name) == 1 for name in names) and is_settled(house),  # type: ignore[misc]
            f"all of {word} is done",
            60,
        )
        died = not file.with_suffix(".chosen").exists()
        for name in names:
            assert house.value("SELECT count(*) FROM schedules WHERE name = ?", name) == 1
        assert house.rows(UNFINISHED) == []
        seen = Counter(name for name in names for text in ada.sees() if name in text)
        doubts = int(str(house.value("SELECT coalesce(sum(doubts), 0) FROM parts")))
        assert set(seen) == set(names) - {f"nudge {word}"}
        assert sum(seen.values()) - len(seen) <= doubts
    assert number > 20

"""Moves: what butlers keep is handed over or forgotten in their own stores, once in each, whatever comes in between."""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import moves
from bot.errors import ConfigurationError
from bot.moves import Move
from bot.store import closed
from bot.store.database import Database
from bot.store.move_tables import moves as move_rows
from bot.tools import ToolError
from skills import belongings
from skills.belongings import Belongings
from skills.memory import facts
from skills.memory.facts import Telling
from skills.memory.tools import Memory
from skills.state import values
from skills.state.tools import State
from tests import stores
from tests.room import ADA, BEN, Room
from tests.test_tools import CONTEXT
from workers.stores import BUTLER_HISTORIES

pytestmark = pytest.mark.both_stores


@pytest.fixture
def room(room: Room) -> Room:
    """A room that both have entered, in which Ben told a fact."""
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
    tell(room.store, "person:2", "The bike is red")
    return room


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Database]:
    """Another butler's store."""
    with closing(stores.migrated(tmp_path / "other.db", BUTLER_HISTORIES)) as made:
        tell(made, "person:2", "The bike is red")
        yield made


def tell(store: Database, subject: str, words: str) -> tuple[int, bool] | None:
    """Tell a fact."""
    with store.write() as tx:
        return facts.tell(tx, subject, Telling(words, "Ben", CONTEXT.now))


def told(store: Database, subject: str) -> set[str]:
    """Return what is kept for a subject."""
    return {fact.text for fact in facts.find(store, subject, "")}


def remove(room: Room, how: str) -> None:
    """Remove Ben."""
    room.takes_in("/people remove 2")
    room.presses(ADA, how)


def test_a_store_is_written_only_after_the_house(room: Room) -> None:
    """The decision alone changes no store, so that what a crash took back in the house was done nowhere; the sweep does it."""
    remove(room, "Remove and forget everything")
    assert told(room.store, "person:2") == {"The bike is red"}
    room.sweeps()
    assert told(room.store, "person:2") == set()
    with room.database.read() as tx:
        assert moves.undone(tx) == []
        assert tx.scalars(select(move_rows.c.subject)).all() == ["person:2"]


def test_what_comes_too_late_is_kept_for_nobody(room: Room) -> None:
    """A call that still runs when somebody is forgotten writes nothing and says so; let in again, they are kept for again."""
    memory, state = Memory(room.store, room.database), State(room.store)
    remove(room, "Remove and forget everything")
    room.sweeps()
    late = replace(CONTEXT, subject="person:2", key="late")
    with pytest.raises(ToolError, match="nothing more is kept for this person"):
        memory.remember(late, "My code is 4711")
    with pytest.raises(ToolError, match="nothing more is kept for this person"):
        state.state_set(late, "code", 4711)
    assert told(room.store, "person:2") == set()
    room.takes_in("/people admit 2")
    room.sweeps()
    assert memory.remember(late, "I am back").startswith("Kept as fact")
    room.sweeps()
    assert told(room.store, "person:2") == {"I am back"}


def test_what_comes_too_late_is_the_heirs(room: Room) -> None:
    """A call that still runs when somebody becomes another writes for that other, and over nothing of theirs."""
    with room.store.write() as tx:
        values.put(tx, "person:1", "code", "Ada's", CONTEXT.now, stranger=False)
    with room.database.write() as tx:
        moves.hand_over(tx, 2, 1, room.now)
    tell(room.store, "person:2", "told before the sweep")
    room.sweeps()
    tell(room.store, "person:2", "told after it")
    with room.store.write() as tx:
        values.put(tx, "person:2", "code", "Ben's", CONTEXT.now, stranger=False)
        assert values.keys(tx, "person:2") == []
        found = {key: kept.value for key in values.keys(tx, "person:1") if (kept := values.get(tx, "person:1", key))}
    assert told(room.store, "person:1") == {"The bike is red", "told before the sweep", "told after it"}
    assert told(room.store, "person:2") == set()
    assert found == {"code": "Ada's", "joined/code": "Ben's"}


def test_an_heirs_heir(room: Room) -> None:
    """Where the first is handed over or forgotten later, what comes for the second goes the same way."""
    steps = (Move(1, "person:3", "person:2", ()), Move(2, "person:2", "person:1", ()), Move(3, "person:1", None, ()))
    with room.store.write() as tx:
        for expected, move in zip(("person:2", "person:1", None), steps, strict=True):
            closed.close(tx, move.subject, move.into)
            assert closed.heir(tx, "person:3") == expected
    assert tell(room.store, "person:3", "late") is None


def test_a_broken_store_stops_no_other(
    room: Room, other: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be done in one store is done in the others, said in the log, and done there when it can be, once in each."""
    broken = [True]

    def store_of(butler: str) -> Database:
        if butler == "broken" and broken:
            raise ConfigurationError("The database cannot be read.")
        return other if butler == "broken" else room.store

    room.belongings = Belongings(lambda: ["broken", "whole"], store_of)
    remove(room, "Remove and forget everything")
    with caplog.at_level(logging.ERROR):
        room.sweeps()
        room.sweeps()
    assert caplog.text.count("the store of broken cannot be used") == 1
    assert (told(room.store, "person:2"), told(other, "person:2")) == (set(), {"The bike is red"})
    room.takes_in("/people admit 2")
    room.sweeps()
    tell(room.store, "person:2", "I am back")
    broken.clear()
    monkeypatch.setattr(belongings, "monotonic", lambda: float("inf"))
    room.sweeps()
    assert (told(room.store, "person:2"), told(other, "person:2")) == ({"I am back"}, set())
    _, is_new = tell(other, "person:2", "I am back") or (0, False)
    assert is_new
    with room.database.read() as tx:
        assert moves.undone(tx) == []

"""Reflection: butlers look back by themselves, only when something was said, and it costs nothing when nothing was."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.store.schedule_tables import schedules
from tests.anthropic_server import AnthropicServer
from tests.households import kept, writes
from tests.room import ADA, BEN, Room
from tests.timing import stands

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def room(tmp_path: Path, claude: AnthropicServer) -> Iterator[Room]:
    """A house in which Ada has written."""
    with Room(tmp_path, claude) as made:
        made.takes_in("/start")
        (tmp_path / "household" / "assistant").mkdir(parents=True)
        yield made


def test_an_idle_day_costs_nothing(room: Room) -> None:
    """A day with reverie, consolidation and a checked schedule asks no model; one message begins one reverie."""
    (room.folder / "household" / "assistant" / "notes.md").write_text("milk")
    looks = "check = { name = 'changed_file', path = 'notes.md' }"
    table = f"[[butler.schedule]]\nname = 'watch'\nevery = '1h'\nprompt = 'Look.'\n{looks}"
    writes(room, table, reverie="Look back.", consolidation="Put in order.")
    room.asks("hello")
    room.waits_until(room.now + HOUR)
    assert [(one.name, one.silent) for one in kept(room, source="house")] == [("reverie", True), ("consolidation", True)]
    before = len(room.claude.message_requests)
    room.waits_until(room.now + DAY)
    assert len(room.claude.message_requests) == before
    room.asks("I have a dentist on Friday.")
    room.claude.says("(nothing)")
    told = room.reads(ADA)
    room.waits_until(room.now + HOUR)
    assert len(room.claude.message_requests) == before + 2  # the answer, and one reverie
    body = str(room.claude.message_requests[-1].body)
    assert "Look back." in body
    assert "I have a dentist on Friday." in body
    room.waits_until(room.now + DAY)
    assert len(room.claude.message_requests) == before + 3  # and one consolidation at night
    assert "Put in order." in str(room.claude.message_requests[-1].body)
    assert room.reads(ADA) == told


def test_a_practice_that_is_empty_pauses_and_comes_back(room: Room) -> None:
    """A reverie without words is paused and said once, and goes on when its file has words again."""
    writes(room, reverie="Look back.")
    room.asks("hello")
    room.waits_until(room.now + HOUR)
    writes(room, reverie="")
    room.asks("hello again")
    room.waits_until(room.now + DAY)
    (reverie,) = kept(room, source="house")
    assert (reverie.is_on, reverie.off_by) == (False, "file")
    assert len([text for text in room.reads(ADA) if "reverie.md of assistant is gone or empty" in text]) == 1
    writes(room, reverie="Look back again.")
    assert stands(room, reverie).is_on


def test_each_has_a_reverie_of_their_own(room: Room) -> None:
    """Whoever talks with a butler has one with it, a guest has none, and none is there for a butler without the file."""
    writes(room, reverie="Look back.")
    writes(room, butler="general")
    room.asks("hello")
    room.asks("hello", BEN)
    room.asks("@general hello", BEN)
    room.sync.look()
    assert [(one.butler, one.person_id) for one in kept(room, name="reverie")] == [("assistant", 1), ("assistant", 2)]


def test_somebody_whose_chats_were_joined_has_one(room: Room) -> None:
    """Of two reveries that became one person's the house keeps one."""
    writes(room, reverie="Look back.")
    room.asks("hello")
    room.asks("hello", BEN)
    room.sync.look()
    with room.database.write() as tx:
        tx.execute(update(schedules).values(person_id=1))
    room.__dict__.pop("sync")
    room.sync.look()
    assert sorted(one.off_by or "on" for one in kept(room, source="house")) == ["on", "on", "removed"]
    assert [one.person_id for one in kept(room, source="house") if one.is_on] == [1, 2]

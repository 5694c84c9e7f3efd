"""Who leaves, joins a chat or becomes a guest: what becomes of their schedules, and of the words in them."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot import conversations, unasked
from bot.messages import Address
from bot.schedules import book, runs, when
from bot.schedules.book import OffBy, Schedule, Source
from bot.store.schedule_tables import held, schedules
from bot.store.schedule_tables import runs as run_rows
from bot.store.tables import people as people_rows
from bot.store.tables import turns
from bot.unasked import Word
from tests.dumps import dump_of
from tests.room import ADA, BEN, Room
from tests.test_linking import join
from tests.test_pairing import ZOE_ON_SLACK
from tests.timing import keeps, reminds, stands

HOUR = timedelta(hours=1)


@pytest.fixture
def room(room: Room) -> Room:
    """A room that both have entered."""
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
    return room


def served(room: Room) -> Schedule:
    """Let the house do something for Ben every hour, once done and once in vain, and keep words of it for the morning."""
    hourly = keeps(room, when.every(HOUR, room.zone, room.now), "4711", prompt="Look for 4711.", person_id=2)
    reminds(room, room.now + 30 * HOUR, "4711 is due", person_id=2)
    room.claude.calls_tool("remember", {"fact": "Ben's secret is 4711"})
    room.claude.says("I found 4711.")
    room.waits_until(room.now + HOUR + timedelta(minutes=2))
    assert room.reads(BEN)[-1] == "I found 4711."
    with room.database.write() as tx:
        again = runs.take(tx, hourly.id, room.now, "retrying", room.now, retry_at=room.now + timedelta(minutes=5), why="4711?")
        runs.note(tx, again, note="4711 is new")
        tx.execute(update(people_rows).where(people_rows.c.id == 2).values(quiet="22:00-07:00"))
        home = conversations.find_or_open(tx, Address(channel="telegram", chat=BEN.id))
        tx.execute(
            held.insert().values(
                conversation_id=home.id, person_id=2, until=room.now, title="4711", text="4711", at=room.now, origin="house"
            )
        )
    return hourly


def test_for_who_is_removed_nothing_is_done(room: Room) -> None:
    """Their schedules are off, what was to be tried again is not, and what waited is told to nobody; who returns resumes."""
    hourly = served(room)
    room.takes_in("/people remove 2")
    room.presses(ADA, "Remove, keep what was said")
    said, asked = room.reads(BEN), len(room.claude.message_requests)
    room.waits_until(room.now + 48 * HOUR)
    assert room.reads(BEN) == said
    assert len(room.claude.message_requests) == asked
    with room.database.write() as tx:
        assert tx.scalars(select(run_rows.c.state).order_by(run_rows.c.id)).all() == ["done", "stopped"]
        assert tx.execute(select(held)).all() == []
        kept = book.find(tx, schedules.c.person_id == 2)
        assert [(one.is_on, one.off_by) for one in kept] == [(False, OffBy.PERSON)] * 2
        assert "4711" in kept[0].prompt
    room.takes_in("/people admit 2 member")
    with room.database.write() as tx:
        book.switch_on(tx, hourly, room.now)
    room.claude.says("It is there.")
    room.waits_until(room.now + HOUR + timedelta(minutes=2))
    assert room.reads(BEN)[-1] == "It is there."


def test_what_schedules_said_is_forgotten(room: Room) -> None:
    """No word of a forgotten person's schedules is left: not what was asked, thought, found or failed; their times are."""
    served(room)
    room.takes_in("/people remove 2")
    room.presses(ADA, "Remove and forget everything")
    room.sweeps()
    with room.database.read() as tx, room.store.read() as own:
        left = dump_of(tx)
        assert "4711" not in left
        assert "4711" not in dump_of(own)
        assert tx.scalars(select(turns.c.trigger)).all() == ["schedule"]
        assert len(tx.execute(select(run_rows)).all()) == 2
        assert book.find(tx, schedules.c.person_id == 2) == []


def test_a_butlers_file_goes_on_for_the_next_owner(room: Room) -> None:
    """What butler.toml asks for was Ben's as an owner; when he is removed, it is Ada's from its next time on."""
    room.takes_in("/people role 2 owner")
    briefing = keeps(room, when.every(HOUR, room.zone, room.now), person_id=2, source=Source.TOML)
    room.takes_in("/people remove 2")
    room.presses(ADA, "Remove, keep what was said")
    assert (stands(room, briefing).is_on, stands(room, briefing).person_id) == (True, None)
    room.now += HOUR
    room.firing.fire()
    assert stands(room, briefing).person_id == 1


def test_schedules_follow_into_a_joined_chat(room: Room) -> None:
    """What was to be done and told for Zoe on Slack is Ben's when that is his chat, in his zone."""
    room.writes(ZOE_ON_SLACK, "hello")
    room.presses(ADA, "Admit as member")
    room.takes_in("/settings zone Asia/Tokyo", BEN)
    zoes, bens = keeps(room, "0 8 * * *", person_id=3), keeps(room, "0 8 * * *", person_id=2)
    with room.database.write() as tx:
        tx.execute(update(people_rows).where(people_rows.c.id == 3).values(quiet="00:00-23:59", zone="Europe/Berlin"))
    with room.database.write() as tx:
        person = runs.person_of(tx, zoes)
        place = unasked.home_of(tx, 3)
        assert place is not None
        assert unasked.say(tx, person, place, Word("The house", "a word for Zoe"), room.now) is None
    join(room, BEN, ZOE_ON_SLACK)
    with room.database.read() as tx:
        moved = book.find(tx, schedules.c.person_id == 2)
        assert sorted(one.id for one in moved) == [zoes.id, bens.id]
        assert {one.when.zone.key for one in moved} == {"Asia/Tokyo"}
        assert {str(one.next_at) for one in moved} == {"2026-11-21 23:00:00+00:00"}
        assert tx.scalars(select(held.c.person_id)).all() == [2]
    room.waits_until(room.now + timedelta(hours=10, minutes=59))
    assert "a word for Zoe" in room.reads(ZOE_ON_SLACK)


def test_nothing_is_done_at_times_for_a_guest(room: Room) -> None:
    """Each time is skipped with the reason, a second try is none, and a reminder is not said; a member is served again."""
    hourly = served(room)
    room.takes_in("/people role 2 guest")
    asked = len(room.claude.message_requests)
    room.waits_until(room.now + 3 * HOUR)
    assert len(room.claude.message_requests) == asked
    with room.database.read() as tx:
        rows = tx.execute(select(run_rows).where(run_rows.c.schedule_id == hourly.id).order_by(run_rows.c.due_at)).all()
        assert [(row.state, row.times) for row in rows] == [("done", 1), ("stopped", 1), ("skipped", 3)]
        assert rows[-1].why == rows[1].why == "Ben may have nothing done at times any more"
    room.takes_in("/people role 2 member")
    room.claude.says("There you are.")
    room.waits_until(room.now + HOUR + timedelta(minutes=2))
    assert room.reads(BEN)[-1] == "There you are."

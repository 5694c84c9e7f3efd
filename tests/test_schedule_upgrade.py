"""A house of before the schedules: what it held back over somebody's quiet hours is told after the update, once."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from bot import outbox, silence, unasked
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from bot.store.schedule_tables import held
from bot.store.tables import outbox as replies
from bot.store.tables import people
from tests.test_treasury_upgrade import put

BEFORE = ("house_0001.py", "house_0002.py", "house_0003.py", "house_0004.py", "house_0005.py")
NIGHT = datetime(2026, 11, 21, 23, tzinfo=UTC)
MORNING = NIGHT + timedelta(hours=7)
WAITED = ("The key anthropic-1 was refused.", "The house has spent 80 % of its day.")


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Database]:
    """The database of a house that was stopped at night, by the version of before, with words held back for two owners."""
    steps = tmp_path / "house"
    steps.mkdir()
    for name in BEFORE:
        shutil.copy(migrate.HOUSE[0] / name, steps)
    with closing(Database(sqlite_url(tmp_path / "house.db"))) as made:
        migrate.upgrade_here({made.url: (steps,)})
        with made.write() as tx:
            fill(tx)
        migrate.upgrade_here({made.url: migrate.HOUSE})
        yield made


def fill(tx: Connection) -> None:
    """Write what the version of before wrote."""
    for person in (1, 2):
        about = {"id": person, "name": f"P{person}", "role": "owner", "zone": "Europe/Berlin", "quiet": "22:00-07:00"}
        put(tx, "people", **about, created_at=at(NIGHT))
        identity = {"channel": "telegram", "external_id": str(person), "home": str(person), "source": "list"}
        put(tx, "identities", **identity, person_id=person, joined=0)
        place = {"id": person, "channel": "telegram", "chat": str(person), "thread": "", "private": 1}
        put(tx, "conversations", **place, prompt_from=0, thoughts_from=0)
        for number, words in enumerate(WAITED):
            says(tx, person, words, NIGHT + timedelta(minutes=number), hold_until=at(MORNING))
    says(tx, 1, "What you asked for.", NIGHT)
    says(tx, 1, "Told before.", NIGHT, state="sent", hold_until=at(NIGHT))


def says(tx: Connection, conversation_id: int, words: str, moment: datetime, **more: object) -> None:
    """Put something into the outbox, as the version of before did."""
    about = {"conversation_id": conversation_id, "kind": "notice", "text": words, "attempts": 0}
    put(tx, "outbox", **{"state": "pending", **about, "created_at": at(moment), "next_try_at": at(moment), **more})


def at(moment: datetime) -> str:
    """Return a moment as the tables keep it."""
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"


def test_what_was_held_back_is_told_once(old: Database) -> None:
    """What somebody asked for is delivered at once; when it is quiet no more, each owner reads all that waited, in order."""
    with old.read() as tx:
        reply = outbox.next_reply(tx, 1)
        assert reply is not None
        assert reply.text == "What you asked for."
        assert outbox.waiting(tx, ["telegram"], NIGHT) == [1]
    with old.write() as tx:
        assert unasked.release(tx, MORNING - timedelta(seconds=1)) == []
        assert unasked.release(tx, MORNING) == [1, 2]
        assert unasked.release(tx, MORNING) == []
        told = tx.scalars(select(replies.c.text).where(replies.c.created_at == MORNING)).all()
    first, second = WAITED
    assert told == [f"While it was quiet:\n\n**00:00 The house**\n{first}\n\n**00:01 The house**\n{second}"] * 2


def test_who_ends_their_quiet_hours_reads_what_was_held_back(old: Database) -> None:
    """After the update what waits is its person's: it is told when they want no quiet hours any more, and nobody else's is."""
    with old.write() as tx:
        tx.execute(update(people).where(people.c.id == 1).values(quiet=None))
        assert unasked.hold_anew(tx, 1, NIGHT) == [1]


def test_who_is_no_owner_any_more_is_told_nothing_of_it(old: Database) -> None:
    """What waited for an owner reaches nobody who is none by the morning."""
    with old.write() as tx:
        silence.hush(tx, 2)
        assert tx.scalars(select(held.c.person_id)).all() == [1, 1]

"""How long what butlers sent is kept: until it is old or forgotten, and no longer than anybody needs it."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bot import release
from bot.store.file_tables import blobs
from bot.store.tables import outbox
from tests.room import Room
from tests.test_sent_files import sends


def kept(room: Room) -> tuple[int, int]:
    """Count the bytes that are kept, and the replies that are files."""
    with room.database.read() as tx:
        files = tx.scalar(select(func.count()).where(outbox.c.enclosure.is_not(None)))
        return tx.scalar(select(func.count()).select_from(blobs)) or 0, files or 0


@pytest.mark.both_stores
def test_a_forgotten_chat_keeps_no_files(room: Room) -> None:
    """What was sent into a chat goes with it, but for bytes that were sent into another one as well."""
    sends(room)
    sends(room, "list.csv", "a,b")
    with room.database.write() as tx:
        here = tx.scalar(select(outbox.c.conversation_id).where(outbox.c.enclosure.is_not(None)).limit(1))
        tx.execute(outbox.update().where(outbox.c.enclosure.is_not(None)).values(state="sent"))
    assert kept(room) == (2, 2)
    with room.database.write() as tx:
        release.forget(tx, [0])
    assert kept(room) == (2, 2)
    with room.database.write() as tx:
        release.forget(tx, [here or 0])
    assert kept(room) == (0, 0)


@pytest.mark.both_stores
def test_bytes_that_somebody_else_needs_stay(room: Room) -> None:
    """The same bytes sent twice go with the last of them."""
    sends(room, "first.md")
    sends(room, "second.md")
    assert kept(room) == (1, 2)
    with room.database.write() as tx:
        newest = select(func.max(outbox.c.id)).where(outbox.c.enclosure.is_not(None)).scalar_subquery()
        old = room.clock() - release.KEPT_FOR - timedelta(days=1)
        tx.execute(outbox.update().where(outbox.c.id == newest).values(state="sent", created_at=old))
        assert release.is_due(tx, room.clock())
        assert release.expire(tx, room.clock()) == 1
        assert not release.is_due(tx, room.clock())
    assert kept(room) == (1, 1)

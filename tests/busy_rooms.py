"""Rooms in which somebody writes while a butler works."""

from sqlalchemy import select

from bot import progress
from bot.store.tables import inbox
from bot.turn import Turn
from tests.room import Room


def begins(room: Room, conversation_id: int) -> Turn:
    """Let a worker begin what waits."""
    turn = room.runner("w").turns.take(conversation_id, suspects=True)
    assert turn is not None
    return turn


def note(room: Room, turn: Turn) -> str:
    """Return what the person is shown about what was written meanwhile."""
    with room.database.read() as tx:
        found = progress.of_turn(tx, turn.id)
    assert found is not None
    return found.in_words(room.now, silent=False)


def rows(room: Room) -> list[tuple[str, str, int | None]]:
    """Return each message with its state and its turn."""
    with room.database.read() as tx:
        found = tx.execute(select(inbox.c.text, inbox.c.state, inbox.c.turn_id).order_by(inbox.c.id))
        return [(row.text, row.state, row.turn_id) for row in found if not row.text.startswith("/")]

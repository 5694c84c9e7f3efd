"""What becomes of the turns of a worker that died: each is taken up again, and one that kills workers is set aside."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from bot import asks, conversations, journal, outbox, transcript, turn_events
from bot.messages import ReplyKind
from bot.schedules import ending, runs
from bot.schedules.ending import Fault, Outcome
from bot.store.tables import CLAIMED, OPEN, inbox, turns
from bot.store.tables import conversations as conversation_rows
from bot.treasury.treasury import Treasury
from bot.turn import close
from bot.turn_events import Happening

DEATHS_ALONE = 3
# The first death may have been a neighbour's fault: only those count in which the message was the only suspect.
MOST_DEATHS = 1 + DEATHS_ALONE


def workers_with_claims(tx: Connection) -> set[str]:
    """Return the workers that hold claims."""
    return {str(worker) for worker in tx.scalars(select(conversation_rows.c.worker).where(CLAIMED).distinct())}


def take_over(tx: Connection, worker: str, treasury: Treasury, now: datetime, *, is_certain: bool = True) -> list[int]:
    """Free the conversations of a dead worker and return them. What it had reserved counts as spent.

    Where its death is not certain, it may be in the middle of a call whose effect cannot be found yet.
    """
    held = select(conversation_rows.c.id).where(CLAIMED, conversation_rows.c.worker == worker).order_by(conversation_rows.c.id)
    freed = list(tx.scalars(held))
    for row in tx.execute(select(turns).where(turns.c.conversation_id.in_(freed), OPEN).order_by(turns.c.id)).all():
        treasury.charge_left(tx, row.id, now)
        if not is_certain:
            journal.look_no_more(tx, row.id)
        turn_events.note(tx, row.id, Happening.WORKER_DIED, f"worker {worker} died", now)
        tx.execute(update(inbox).where(inbox.c.turn_id == row.id).values(kills=inbox.c.kills + 1))
        _judge(tx, row, now)
    for conversation_id in freed:
        conversations.release(tx, conversation_id)
    return freed


def _judge(tx: Connection, turn: Row[Any], now: datetime) -> None:
    messages, kills = tx.execute(select(func.count(), func.max(inbox.c.kills)).where(inbox.c.turn_id == turn.id)).one()
    if kills >= MOST_DEATHS:
        _park(tx, turn, now)
    elif messages > 1 and turn.steps == 0 and turn.follows is None:  # after an interruption one answer is for all of them
        _split(tx, turn, now)


def _park(tx: Connection, turn: Row[Any], now: datetime) -> None:
    """Set a turn aside, with its messages and a sentence about it; the chat goes on without them."""
    first = tx.scalar(select(func.min(inbox.c.id)).where(inbox.c.turn_id == turn.id))
    text = (
        f"My worker crashed {MOST_DEATHS} times over this message, so I have set it aside as number {first}. "
        f"`/failed` lists it, and `/retry {first}` tries it once more."
    )
    journal.give_up(tx, turn.id, now)
    text += journal.warning(tx, turn.id, turn.follows)
    transcript.withdraw(tx, turn.id)
    reply_id = _say(tx, turn, text, now)
    close(tx, turn.id, turn.conversation_id, "parked", reply_id, now, text)


def _say(tx: Connection, turn: Row[Any], text: str, now: datetime) -> int | None:
    ask = asks.of_place(tx, conversations.get(tx, turn.conversation_id))
    if ask is not None:
        asks.answer(tx, ask, turn.id, ReplyKind.FAILURE, text, now)
        return None
    if turn.run_id is None:
        return outbox.add(tx, turn.conversation_id, ReplyKind.FAILURE, text, now, turn_id=turn.id)
    frame = runs.frame(tx, turn.run_id, conversations.get(tx, turn.conversation_id))
    return ending.end(tx, frame, Outcome(turn.id, text, Fault.LASTING), now)


def _split(tx: Connection, turn: Row[Any], now: datetime) -> None:
    """Let each message of a turn that got nowhere be tried by itself."""
    transcript.withdraw(tx, turn.id)
    tx.execute(update(inbox).where(inbox.c.turn_id == turn.id).values(state="waiting", turn_id=None))
    tx.execute(update(turns).where(turns.c.id == turn.id).values(state="split", ended_at=now))

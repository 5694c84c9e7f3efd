"""Stopping: a turn ends where it stands, and what waits behind it is dropped, each with a reply that says so."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from bot import asks, conversations, journal, outbox, transcript, turn_events
from bot.messages import Origin, ReplyKind
from bot.passing import take_back_preview
from bot.ports import Text
from bot.schedules import runs
from bot.schedules.book import Schedule
from bot.schedules.runs import HOUSE
from bot.store.tables import OPEN, WAITING, inbox, turns
from bot.treasury import caps
from bot.treasury.treasury import Treasury
from bot.turn import close
from bot.turn_events import Happening

_NOTE = (Text(text="[the house] The person stopped this here."),)


def stop(
    tx: Connection, treasury: Treasury, conversation_id: int, reply_id: int | None, now: datetime, *, only: int | None = None
) -> str:
    """Stop a conversation's turn and drop what waits behind it; return what became of them, or nothing if there was none.

    `only` leaves what is done for other people than this one.
    """
    row = tx.execute(
        select(turns).where(turns.c.conversation_id == conversation_id, OPEN, *_of(only, turns.c.person_id))
    ).first()
    said = []
    runs.stop(tx, conversation_id, now)
    asked = [stop(tx, treasury, place_id, None, now) for place_id in asks.stop(tx, conversation_id, now)]
    if row is not None:
        treasury.charge_left(tx, row.id, now)
        journal.give_up(tx, row.id, now)
        transcript.append(tx, conversation_id, row.id, "user", _NOTE, Origin.HOUSE, now)
        turn_events.note(tx, row.id, Happening.STOPPED, "by a person or by the house", now)
        close(tx, row.id, conversation_id, "stopped", reply_id, now)
        take_back_preview(tx, row.id)
        if row.run_id is not None:
            caps.limit_turn(tx, row.id, None)
    if row is not None or asked:
        said.append("Stopped.")
    waiting = (inbox.c.conversation_id == conversation_id, WAITING, *_of(only, inbox.c.person_id))
    dropped = tx.execute(update(inbox).where(*waiting).values(state="answered", reply_id=reply_id)).rowcount
    if dropped:
        said.append(f"{dropped} message{'s' if dropped > 1 else ''} that waited {'are' if dropped > 1 else 'is'} dropped.")
    return " ".join(said) + (journal.warning(tx, row.id, row.follows) if row is not None else "")


def stop_schedule(tx: Connection, treasury: Treasury, schedule: Schedule, now: datetime) -> str:
    """Stop what is done for a schedule now, and let nothing of it be tried again; return what became of that."""
    runs.stop_of(tx, schedule.id, now)
    return "" if schedule.place_id is None else stop(tx, treasury, schedule.place_id, None, now)


def stop_all(tx: Connection, treasury: Treasury, person_id: int, why: str, now: datetime) -> tuple[int, ...]:
    """Stop whatever is done for a person, wherever that is; return the conversations. Why is said where nobody else reads."""
    at_work = select(turns.c.conversation_id).where(turns.c.person_id == person_id, OPEN)
    waiting = select(inbox.c.conversation_id).where(WAITING, inbox.c.person_id == person_id)
    found = tuple(tx.scalars(at_work.union(waiting)))
    for conversation_id in found:
        if conversations.get(tx, conversation_id).address.channel == HOUSE:
            stop(tx, treasury, conversation_id, None, now, only=person_id)
            continue
        reply_id = outbox.add(tx, conversation_id, ReplyKind.COMMAND, "", now)
        said = stop(tx, treasury, conversation_id, reply_id, now, only=person_id)
        is_private = conversations.get(tx, conversation_id).address.private
        outbox.set_text(tx, reply_id, f"{why} {said}" if is_private else said)
    return found


def _of(person_id: int | None, column: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    return () if person_id is None else (column == person_id,)

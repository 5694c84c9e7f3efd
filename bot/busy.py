"""What becomes of a message that is written while a butler works: it steers, it waits, or it interrupts.

The mode is that of who writes, and it concerns their own turns only: what somebody else writes in a group waits.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, exists, func, select, update

from bot import conversations, journal, transcript, turn_events
from bot.messages import Origin
from bot.passing import take_back_preview
from bot.people import Mode, Person
from bot.ports import Text
from bot.store.tables import OPEN, WAITING, inbox, turns
from bot.store.tables import conversations as places
from bot.treasury.treasury import Treasury
from bot.turn_events import Happening

TOLD_FROM = timedelta(seconds=5)
_NOTE = (Text(text="[the house] The person wrote again: this was stopped here. Begin anew, with what follows."),)
_AT_WORK = select(turns).where(turns.c.conversation_id == bindparam("conversation"), OPEN)
_NAMED = select(
    exists().where(
        inbox.c.conversation_id == bindparam("conversation"),
        inbox.c.person_id == bindparam("by"),
        inbox.c.butler.not_in(bindparam("at_work", expanding=True)),
        WAITING,
    )
)
_NEWEST = select(func.max(inbox.c.id)).where(
    inbox.c.conversation_id == bindparam("conversation"), inbox.c.person_id == bindparam("by"), WAITING
)
_AT_WORK_FOR = select(inbox.c.butler).where(inbox.c.turn_id == bindparam("turn")).order_by(inbox.c.id).limit(1)
_JOIN = update(inbox).where(inbox.c.id == _NEWEST.scalar_subquery()).values(butler=bindparam("for_whom"))
_SLEEP = select(
    places.c.wake_at,
    select(func.count()).where(inbox.c.conversation_id == bindparam("conversation"), WAITING).scalar_subquery(),
).where(places.c.id == bindparam("conversation"))
_WAIT_AGAIN = update(inbox).where(inbox.c.turn_id == bindparam("turn"), inbox.c.state == "taken").values(state="waiting")
_INTERRUPT = (
    update(turns).where(turns.c.id == bindparam("turn")).values(state="interrupted", ended_at=bindparam("at"), error=None)
)


class Fate(StrEnum):
    """What becomes of a message."""

    STEERS = "steers"
    WAITS = "waits"
    INTERRUPTS = "interrupts"


@dataclass(frozen=True)
class Meeting:
    """A message that met a turn; `until` is when that goes on, if it sleeps and its person has not been told so since."""

    turn_id: int
    fate: Fate
    until: datetime | None = None

    def in_words(self, zone: ZoneInfo) -> str:
        """Return what becomes of the message, where the turn sleeps and so shows nothing itself."""
        when = "" if self.until is None else f"{self.until.astimezone(zone):%H:%M}"
        if self.fate is Fate.STEERS:
            return f"(noted; I read it when I go on, at {when})"
        return f"(it waits until this is done; I go on at {when})"


def meet(
    tx: Connection, treasury: Treasury, conversation_id: int, writer: Person, now: datetime, named: str | None = None
) -> Meeting | None:
    """Do what a message that was just taken in does to the turn that runs there; None where none runs.

    One that interrupts is for the butler at work, unless it names another.
    """
    row = tx.execute(_AT_WORK, {"conversation": conversation_id}).first()
    if row is None:
        return None
    for_whom = tx.scalar(_AT_WORK_FOR, {"turn": row.id})  # a name, or what stands for one that is still to be found
    if named is None and _interrupts(row, writer):
        tx.execute(_JOIN, {"conversation": conversation_id, "by": writer.id, "for_whom": for_whom})
    fate = _fate(tx, row, for_whom, writer)
    if fate is Fate.INTERRUPTS:
        _interrupt(tx, treasury, row.id, conversation_id, now)
        return Meeting(row.id, fate)
    return Meeting(row.id, fate, _sleeps_until(tx, conversation_id, now) if row.state == "waiting" else None)


def _sleeps_until(tx: Connection, conversation_id: int, now: datetime) -> datetime | None:
    """Return when a turn goes on, for the first message that comes while it sleeps for more than a moment."""
    until, waiting = tx.execute(_SLEEP, {"conversation": conversation_id}).one()
    return until if until is not None and until - now > TOLD_FROM and waiting == 1 else None


def _interrupts(turn: Row[Any], writer: Person) -> bool:
    return turn.person_id == writer.id and turn.run_id is None and writer.mode is Mode.INTERRUPT


def _fate(tx: Connection, turn: Row[Any], for_whom: str | None, writer: Person) -> Fate:
    """Return what the writer's mode makes of a message; one for another butler waits, and so does what comes after it."""
    if turn.person_id != writer.id or turn.run_id is not None or writer.mode is Mode.QUEUE:
        return Fate.WAITS
    at_work = [turn.butler, for_whom or turn.butler]
    if tx.scalar(_NAMED, {"conversation": turn.conversation_id, "by": writer.id, "at_work": at_work}):
        return Fate.WAITS
    return Fate.INTERRUPTS if writer.mode is Mode.INTERRUPT else Fate.STEERS


def _interrupt(tx: Connection, treasury: Treasury, turn_id: int, conversation_id: int, now: datetime) -> None:
    """End a turn as a stop does; what it was asked waits again, so that the next turn begins with it.

    What it has read and done stays in the transcript: nothing is done a second time because of an interruption.
    """
    treasury.charge_left(tx, turn_id, now)
    journal.give_up(tx, turn_id, now)
    transcript.append(tx, conversation_id, turn_id, "user", _NOTE, Origin.HOUSE, now)
    tx.execute(_WAIT_AGAIN, {"turn": turn_id})
    tx.execute(_INTERRUPT, {"turn": turn_id, "at": now})
    take_back_preview(tx, turn_id)
    turn_events.note(tx, turn_id, Happening.INTERRUPTED, "by a further message", now)
    conversations.release(tx, conversation_id)

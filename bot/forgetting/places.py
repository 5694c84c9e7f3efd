"""Places: every table of the house in which what was said may stand, and which of its rows are whose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, and_, false, or_, select

from bot.search import history
from bot.silence import private_conversations
from bot.store.ask_tables import asks
from bot.store.busy_tables import turn_events
from bot.store.compaction_tables import long_results
from bot.store.said_tables import said
from bot.store.schedule_tables import held, runs, schedules
from bot.store.tables import OPEN, PENDING, calls, conversations, inbox, outbox, transcript, turns


@dataclass(frozen=True)
class Scope:
    """What is gone through: whose, where, and until when."""

    subjects: Sequence[str]
    here: Sequence[int]  # conversations
    until_turn: int
    until_at: datetime

    def of(self, table: Table, turn: Column[int], at: Column[datetime] | None = None) -> ColumnElement[bool]:
        """Return the condition for rows of these turns, or of none and from that time, in these conversations."""
        rows = (
            turn <= self.until_turn if at is None else or_(turn <= self.until_turn, and_(turn.is_(None), at <= self.until_at))
        )
        if "conversation_id" in table.c:
            return and_(table.c.conversation_id.in_(self.here), rows)
        return and_(turn.in_(select(turns.c.id).where(turns.c.conversation_id.in_(self.here))), rows)


@dataclass(frozen=True)
class Place:
    """A table: the column by which it is gone through, those that hold words, that of the turn, and which rows are meant."""

    key: Column[object]
    words: tuple[str, ...]
    turn: Column[int] | None
    rows: Callable[[Scope], ColumnElement[bool]]

    @property
    def table(self) -> Table:
        """The table."""
        return self.key.table


def _of_schedules(scope: Scope) -> ColumnElement[bool]:
    mine = select(schedules.c.id).where(or_(schedules.c.place_id.in_(scope.here), schedules.c.conversation_id.in_(scope.here)))
    return and_(runs.c.schedule_id.in_(mine), runs.c.fired_at <= scope.until_at)


PLACES = (
    Place(transcript.c.id, ("content",), transcript.c.turn_id, lambda scope: scope.of(transcript, transcript.c.turn_id)),
    Place(calls.c.key, ("arguments", "result"), calls.c.turn_id, lambda scope: scope.of(calls, calls.c.turn_id)),
    Place(inbox.c.id, ("text",), inbox.c.turn_id, lambda scope: scope.of(inbox, inbox.c.turn_id, inbox.c.received_at)),
    Place(
        outbox.c.id, ("text", "error"), outbox.c.turn_id, lambda scope: scope.of(outbox, outbox.c.turn_id, outbox.c.created_at)
    ),
    Place(turns.c.id, ("error",), turns.c.id, lambda scope: scope.of(turns, turns.c.id)),
    Place(turn_events.c.id, ("words",), turn_events.c.turn_id, lambda scope: scope.of(turn_events, turn_events.c.turn_id)),
    Place(
        long_results.c.id,
        ("text",),
        None,
        lambda scope: and_(long_results.c.conversation_id.in_(scope.here), long_results.c.at <= scope.until_at),
    ),
    Place(runs.c.id, ("why", "note"), None, _of_schedules),
    Place(
        held.c.id,
        ("title", "text"),
        None,
        lambda scope: and_(held.c.conversation_id.in_(scope.here), held.c.at <= scope.until_at),
    ),
    Place(
        said.c.id,
        ("text",),
        said.c.turn_id,
        lambda scope: and_(
            said.c.subject.in_(scope.subjects),
            or_(said.c.turn_id <= scope.until_turn, and_(said.c.turn_id.is_(None), said.c.at <= scope.until_at)),
        ),
    ),
)


def scope(tx: Connection, subject: str, until_turn: int, until_at: datetime) -> Scope:
    """Return what of the house is somebody's, or a group's: their chats, and where else butlers work for them."""
    subjects = history.subjects(tx, subject)
    here: set[int] = {number for one in subjects for number in tx.scalars(_chats(one))}
    theirs = or_(
        schedules.c.conversation_id.in_(here), *(schedules.c.person_id == one for one in map(_person, subjects) if one)
    )
    here.update(tx.scalars(select(schedules.c.place_id).where(theirs, schedules.c.place_id.is_not(None))))
    asked = select(inbox.c.conversation_id).join(asks, asks.c.id == inbox.c.ask_id).where(asks.c.subject.in_(subjects))
    here.update(tx.scalars(asked))
    return Scope(subjects, sorted(here), until_turn, until_at)


def is_quiet(tx: Connection, scope: Scope, says: Callable[[str], bool]) -> bool:
    """Tell whether all turns are over that may have read what was not clean yet, and whatever says it is delivered."""
    working = select(turns.c.id).where(turns.c.conversation_id.in_(scope.here), turns.c.id <= scope.until_turn, OPEN)
    if tx.execute(working.limit(1)).first() is not None:
        return False
    return not any(map(says, tx.scalars(select(outbox.c.text).where(outbox.c.conversation_id.in_(scope.here), PENDING))))


def over(place: Place) -> ColumnElement[bool]:
    """Return the condition for rows of turns that are over; what is still being delivered is left as it is."""
    if place.table is outbox:
        return ~PENDING
    if place.turn is None:
        return ~false()
    return or_(place.turn.is_(None), place.turn.not_in(select(turns.c.id).where(OPEN)))


def _chats(subject: str) -> Select[Any]:
    person = _person(subject)
    if person:
        return private_conversations(person)
    channel, chat = subject.removeprefix("group:").split(":", 1)
    where = (conversations.c.channel == channel, conversations.c.chat == chat, conversations.c.private.is_(False))
    return select(conversations.c.id).where(*where)


def _person(subject: str) -> int | None:
    kind, _, number = subject.partition(":")
    return int(number) if kind == "person" else None

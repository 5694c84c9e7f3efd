"""Wishes to forget: noted in the house with the word that asked for it, and carried out after that, as often as it takes.

A butler's store is another database, and what was said may be long: neither is touched in the transaction that notes the wish.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_once

from bot import people
from bot.forgetting.traces import Traces
from bot.search import folding, history
from bot.store.forgetting_tables import UNDONE, forgettings
from bot.store.tables import turns

_NOTE = insert_once(forgettings).on_conflict_do_nothing().returning(forgettings.c.id)
_LAST_TURN = select(func.coalesce(func.max(turns.c.id), 0))
_UNDONE = select(forgettings).where(UNDONE).order_by(forgettings.c.id)
_THIS = update(forgettings).where(forgettings.c.id == bindparam("wish"))
_PENDING = select(forgettings.c.facts).where(
    UNDONE, forgettings.c.subject == bindparam("of"), forgettings.c.butler == bindparam("by")
)


CLEANING = "I am taking it out of all that was said."


class State(StrEnum):
    """How far it is."""

    WANTED = "wanted"
    AGAIN = "again"  # gone through once; what turns said that had read it before is gone through when they are over
    CLEAN = "clean"  # nothing says it any more; what was deleted is still to be taken off the disk
    DONE = "done"


@dataclass(frozen=True)
class Forgotten:
    """What is to be forgotten: these facts of a butler and all that says the same; without a butler, all of the subject."""

    subject: str
    butler: str | None = None
    facts: Sequence[int] = ()
    texts: Sequence[str] = ()
    turns: Sequence[int] = ()


@dataclass(frozen=True)
class Wish:
    """One that is not carried out yet."""

    id: int
    what: Forgotten
    until_turn: int
    until_at: datetime
    state: State
    progress: dict[str, Any]
    traces: Traces  # by which it is found where it is said again
    reply_id: int | None


def note(tx: Connection, key: str, what: Forgotten, now: datetime, reply_id: int | None = None) -> None:
    """Note what is to be forgotten, once for each key."""
    values = {**vars(what), "facts": list(what.facts), "texts": list(what.texts), "turns": list(what.turns)}
    until = {"until_turn": tx.scalar(_LAST_TURN), "until_at": now}
    tx.execute(
        _NOTE, {"key": key, **values, **until, "reply_id": reply_id, "state": State.WANTED, "progress": {}, "made_at": now}
    )


def drop(tx: Connection, subject: str) -> None:
    """Drop what is wanted for somebody of whom all is forgotten."""
    tx.execute(delete(forgettings).where(UNDONE, forgettings.c.subject == subject))


def undone(tx: Connection) -> list[Wish]:
    """Return what is still to be carried out, in the order in which it was asked for."""
    return [_wish(tx, row) for row in tx.execute(_UNDONE)]


def pending(tx: Connection, subject: str, butler: str) -> set[int]:
    """Return the facts that are as good as forgotten."""
    return {number for numbers in tx.scalars(_PENDING, {"of": subject, "by": butler}) for number in numbers}


def is_noted(tx: Connection, key: str) -> bool:
    """Tell whether this was asked for before under the same key."""
    return tx.execute(select(forgettings.c.id).where(forgettings.c.key == key)).first() is not None


def note_progress(tx: Connection, wish: Wish, progress: dict[str, Any], places: int) -> None:
    """Note how far it is, and how much was cleaned on the way."""
    tx.execute(_THIS.values(progress=progress, places=forgettings.c.places + places), {"wish": wish.id})


def go_through_again(tx: Connection, wish: Wish, now: datetime) -> None:
    """Go through what was said until now: turns that ran meanwhile may have read what was not clean yet."""
    values: dict[str, Any] = {"state": State.AGAIN, "progress": {}, "until_turn": tx.scalar(_LAST_TURN), "until_at": now}
    tx.execute(_THIS.values(**values), {"wish": wish.id})


def note_clean(tx: Connection, wish: Wish) -> None:
    """Note that nothing says it any more: not even the wish."""
    tx.execute(_THIS.values(state=State.CLEAN, texts=[], progress={}), {"wish": wish.id})


def note_done(tx: Connection, wish: Wish, now: datetime) -> int | None:
    """Note that it is carried out and return how many places were cleaned; None when somebody else noted it before."""
    mine = _THIS.where(forgettings.c.state == State.CLEAN).values(state=State.DONE, done_at=now)
    return tx.execute(mine.returning(forgettings.c.places), {"wish": wish.id}).scalar()


def cleaned(places: int) -> str:
    """Return the sentence that stands in the end where it was said that it is being cleaned."""
    how = {0: "Nothing else said it", 1: "It was taken out of 1 place"}.get(places, f"It was taken out of {places} places")
    return f"{how} in what I keep; what stands in the chat itself, and back-ups made before, I cannot change."


def _wish(tx: Connection, row: Row[Any]) -> Wish:
    subject = history.heir(tx, row.subject)
    kind, _, number = subject.partition(":")
    name = people.person(tx, int(number)).name if kind == "person" else ""
    what = Forgotten(subject, row.butler, row.facts, row.texts, row.turns)
    until = (row.until_turn, row.until_at)
    traces = Traces(row.texts, row.made_at.date(), frozenset(folding.words(name)))
    return Wish(row.id, what, *until, State(row.state), row.progress, traces, row.reply_id)

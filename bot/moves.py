"""Moves: what butlers are to hand over or forget, noted with the decision and carried out in their own stores after it.

A butler's store is another database: written within the house's transaction, it would keep what a crash took back there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from bot.store.move_tables import UNDONE, moves

_UNDONE = select(moves.c.id, moves.c.subject, moves.c.into, moves.c.calls).where(UNDONE).order_by(moves.c.id)


@dataclass(frozen=True)
class Move:
    """What is kept for `subject` is to be that of `into`; without one, it is forgotten, with what these calls gave."""

    id: int
    subject: str
    into: str | None
    calls: Sequence[str]


def hand_over(tx: Connection, second: int, first: int, now: datetime) -> None:
    """Let what butlers keep for a person be another's."""
    _note(tx, second, f"person:{first}", (), now)


def forget(tx: Connection, person_id: int, calls: Sequence[str], now: datetime) -> None:
    """Let butlers forget a person, and what these calls gave."""
    _note(tx, person_id, None, calls, now)


def keep_again(tx: Connection, person_id: int, now: datetime) -> None:
    """Let butlers keep something again for a person whom they were to forget."""
    _note(tx, person_id, f"person:{person_id}", (), now)


def undone(tx: Connection) -> list[Move]:
    """Return what is still to be carried out, in the order in which it was decided."""
    return [Move(row.id, row.subject, row.into, row.calls) for row in tx.execute(_UNDONE)]


def note_done(tx: Connection, done: Sequence[Move], now: datetime) -> None:
    """Note that these are carried out."""
    tx.execute(update(moves).where(moves.c.id.in_([move.id for move in done])).values(done_at=now))


def _note(tx: Connection, person_id: int, into: str | None, calls: Sequence[str], now: datetime) -> None:
    values = {"subject": f"person:{person_id}", "into": into, "calls": list(calls), "made_at": now}
    tx.execute(insert(moves).values(values))

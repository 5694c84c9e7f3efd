"""The values of one butler, by the subject whose they are and their key."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from bot.store import closed
from bot.store.database import Moment

JOINED = "joined/"  # before the keys of values that were another's and would stand in the place of one's own

state = Table(
    "state",
    MetaData(),
    Column("subject", String, nullable=False),
    Column("key", String, nullable=False),
    Column("value", JSON, nullable=False),
    Column("stranger", Boolean, nullable=False),
    Column("updated_at", Moment, nullable=False),
    PrimaryKeyConstraint("subject", "key"),
)


@dataclass(frozen=True)
class Kept:
    """A value, and whether a stranger may have written it."""

    value: Any
    stranger: bool


def get(tx: Connection, subject: str, key: str) -> Kept | None:
    """Return a subject's value under a key, if there is one."""
    row = tx.execute(select(state.c.value, state.c.stranger).where(*_at(subject, key))).first()
    return None if row is None else Kept(row.value, row.stranger)


def put(tx: Connection, subject: str, key: str, value: object, now: datetime, *, stranger: bool) -> bool:
    """Keep a value, in the place of what was there; tell whether anything is still kept for this subject."""
    heir = closed.heir(tx, subject)
    if heir is None:
        return False
    if heir != subject:
        subject, key = heir, JOINED + key
    values = {"value": value, "stranger": stranger, "updated_at": now}
    tx.execute(
        insert(state)
        .values(subject=subject, key=key, **values)
        .on_conflict_do_update(index_elements=[state.c.subject, state.c.key], set_=values)
    )
    return True


def drop(tx: Connection, subject: str, key: str) -> None:
    """Remove a value; no harm when there is none."""
    tx.execute(delete(state).where(*_at(subject, key)))


def keys(tx: Connection, subject: str, prefix: str = "") -> list[str]:
    """Return a subject's keys that begin with a prefix."""
    mine = (state.c.subject == subject, state.c.key.startswith(prefix, autoescape=True))
    return list(tx.scalars(select(state.c.key).where(*mine).order_by(state.c.key)))


def clean(tx: Connection, subject: str, cleaned: Callable[[object], Any]) -> None:
    """Keep values as they are when they are cleaned; what is kept under a key that says it is kept no longer."""
    for row in tx.execute(select(state).where(state.c.subject == subject)).all():
        value = cleaned(row.value)
        if cleaned(row.key) != row.key:
            drop(tx, subject, row.key)
        elif value != row.value:
            tx.execute(update(state).where(*_at(subject, row.key)).values(value=value))


def forget_all(tx: Connection, subject: str) -> None:
    """Remove all values of a subject."""
    tx.execute(delete(state).where(state.c.subject == subject))


def move_all(tx: Connection, subject: str, to: str) -> None:
    """Let all values of a subject be another's, who loses none of their own to it."""
    taken = set(keys(tx, to))
    for key in keys(tx, subject):
        free = key
        while free in taken:
            free = JOINED + free
        taken.add(free)
        tx.execute(update(state).where(*_at(subject, key)).values(subject=to, key=free))


def _at(subject: str, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return state.c.subject == subject, state.c.key == key

"""Subjects for which a butler's store keeps nothing more: those that were handed over, and those that were forgotten."""

from sqlalchemy import Column, Connection, MetaData, String, Table, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

closed = Table("closed", MetaData(), Column("subject", String, primary_key=True), Column("into", String))
NOTHING_KEPT = "Not done: nothing more is kept for this person, whose belongings were just forgotten."
_INTO = select(closed.c.into).where(closed.c.subject == bindparam("subject"))


def heir(tx: Connection, subject: str) -> str | None:
    """Return for whom is kept what would be kept for a subject: itself, another, or nobody."""
    row = tx.execute(_INTO, {"subject": subject}).first()
    return subject if row is None else row.into


def close(tx: Connection, subject: str, into: str | None) -> None:
    """Keep nothing more for a subject, and what comes for it for another, if there is one."""
    tx.execute(update(closed).where(closed.c.into == subject).values(into=into))
    new = insert(closed).values(subject=subject, into=into)
    tx.execute(new.on_conflict_do_update(index_elements=[closed.c.subject], set_={"into": into}))


def open_again(tx: Connection, subject: str) -> None:
    """Keep again for a subject."""
    tx.execute(delete(closed).where(closed.c.subject == subject))

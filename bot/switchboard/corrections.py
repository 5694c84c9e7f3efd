"""Corrections: messages that went to one butler and were for another, as people said with /butler NAME."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select

from bot.store.switchboard_tables import corrections
from bot.store.tables import inbox
from bot.switchboard.nearest import Example

MOST = 5_000  # the oldest are forgotten
_STATE = select(func.count(), func.coalesce(func.max(corrections.c.id), 0)).select_from(corrections)
_ALL = (
    select(corrections.c.id, corrections.c.butler, inbox.c.text)
    .join(inbox, inbox.c.id == corrections.c.inbox_id)
    .order_by(corrections.c.id)
)


class State(NamedTuple):
    """What changes whenever the corrections do."""

    number: int
    last: int


def state(tx: Connection) -> State:
    """Return how they stand."""
    return State(*tx.execute(_STATE).one())


def since(tx: Connection, number: int) -> list[Example]:
    """Return those after this number, as examples; what was forgotten of them teaches nothing."""
    rows = tx.execute(_ALL.where(corrections.c.id > number))
    return [Example(row.text, row.butler, row.id) for row in rows if row.text]


def teach(tx: Connection, inbox_id: int, person_id: int, butler: str, now: datetime) -> None:
    """Keep that a message was for this butler."""
    tx.execute(delete(corrections).where(corrections.c.inbox_id == inbox_id))
    tx.execute(insert(corrections).values(inbox_id=inbox_id, person_id=person_id, butler=butler, at=now))
    too_old = select(corrections.c.id).order_by(corrections.c.id.desc()).offset(MOST).limit(1).scalar_subquery()
    tx.execute(delete(corrections).where(corrections.c.id <= too_old))


def of_message(tx: Connection, inbox_id: int) -> str | None:
    """Return for which butler a message was, as a person said; None where nobody did."""
    return tx.scalar(select(corrections.c.butler).where(corrections.c.inbox_id == inbox_id))


def words_of(tx: Connection, number: int) -> tuple[int, int, str] | None:
    """Return a correction's person, the conversation of its message and the words of that; None where it is forgotten."""
    wanted = select(corrections.c.person_id, inbox.c.conversation_id, inbox.c.text).join(inbox)
    row = tx.execute(wanted.where(corrections.c.id == number)).first()
    return None if row is None else (row.person_id, row.conversation_id, row.text)


def last_of(tx: Connection, conversation_id: int, person_id: int) -> Row[Any] | None:
    """Return what a person last taught in a conversation, with the message."""
    mine = (corrections.c.person_id == person_id, inbox.c.conversation_id == conversation_id)
    wanted = select(corrections, inbox.c.text).join(inbox).where(*mine).order_by(corrections.c.id.desc()).limit(1)
    return tx.execute(wanted).first()


def unlearn(tx: Connection, inbox_ids: Iterable[int]) -> bool:
    """Forget what these messages taught; tell whether that was anything."""
    return tx.execute(delete(corrections).where(corrections.c.inbox_id.in_(list(inbox_ids)))).rowcount > 0


def forget_person(tx: Connection, person_id: int) -> None:
    """Forget what a person taught."""
    tx.execute(delete(corrections).where(corrections.c.person_id == person_id))


def gone(tx: Connection, butlers: Iterable[str]) -> dict[str, int]:
    """Return how many corrections name each butler that is not among these."""
    rows = tx.execute(
        select(corrections.c.butler, func.count())
        .where(corrections.c.butler.not_in(list(butlers)))
        .group_by(corrections.c.butler)
        .order_by(corrections.c.butler)
    )
    return {str(butler): int(count) for butler, count in rows}

"""The history: all that was said, kept so that it is found again by those whom it was said to.

A row is added in the transaction that keeps the words themselves. What is long is kept in pieces, so that a hit shows what
stands around it. Whatever removes words elsewhere removes them here.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from bot.messages import Origin
from bot.search.index import Entry, WordIndex
from bot.store.move_tables import moves
from bot.store.said_tables import said

AT_A_TIME = 500  # rows
LONGEST = 2_000  # characters of a row
# Tools that only say again what is kept elsewhere.
ECHOES = frozenset({"search_history", "recall", "find_tool", "read_skill", "read_result"})
INDEX = WordIndex("said_words")
_ADD = insert(said).returning(said.c.id)
_GET = select(said).where(said.c.id.in_(bindparam("numbers", expanding=True)))
_OF_TURN = select(said).where(said.c.turn_id == bindparam("turn"))
_DROP = delete(said).where(said.c.id.in_(bindparam("numbers", expanding=True)))
_HANDED_OVER = select(moves.c.subject).where(moves.c.into == bindparam("into"), moves.c.subject != bindparam("into"))
_HANDED_TO = (
    select(moves.c.into)
    .where(moves.c.subject == bindparam("from_whom"), moves.c.into.is_not(None), moves.c.into != moves.c.subject)
    .order_by(moves.c.id.desc())
    .limit(1)
)
_BREAK = re.compile(r"\n|(?<=[.!?…。！？])\s|\s")  # noqa: RUF001 - the stops of Chinese and Japanese


class Speaker(StrEnum):
    """Whose words they are."""

    PERSON = "person"
    BUTLER = "butler"
    TOOL = "tool"
    HOUSE = "house"


class Words(NamedTuple):
    """Something that was said, with whose it is to find."""

    subject: str
    conversation_id: int
    turn_id: int | None
    speaker: Speaker
    text: str
    origin: Origin
    at: datetime
    person_id: int | None = None
    name: str | None = None


def note(tx: Connection, words: Words) -> None:
    """Let something that was said be found."""
    for piece in pieces(words.text):
        values = {**words._asdict(), "text": piece}
        number = tx.execute(_ADD, values).scalar_one()
        INDEX.add(tx, [Entry(number, words.subject, piece)])


def rows(tx: Connection, numbers: Sequence[int]) -> dict[int, Row[Any]]:
    """Return rows by their numbers."""
    return {row.id: row for row in tx.execute(_GET, {"numbers": numbers})}


def index_all(tx: Connection) -> None:
    """Let all rows be found where the index is empty, as after they were copied from another store."""
    last = 0
    while found := tx.execute(select(said).where(said.c.id > last).order_by(said.c.id).limit(AT_A_TIME)).all():
        INDEX.add(tx, [Entry(row.id, row.subject, row.text) for row in found])
        last = found[-1].id


def withdraw(tx: Connection, turn_id: int) -> None:
    """Let nothing be found that a turn said and that is shown to no model again."""
    drop(tx, tx.execute(_OF_TURN, {"turn": turn_id}).all())


def drop(tx: Connection, found: Iterable[Row[Any]]) -> None:
    """Remove rows, from the index too."""
    entries = [Entry(row.id, row.subject, row.text) for row in found]
    INDEX.drop(tx, entries)
    tx.execute(_DROP, {"numbers": [entry.number for entry in entries]})


def reindex(tx: Connection, row: Row[Any], text: str) -> None:
    """Let a row be found by other words than those that it had."""
    INDEX.drop(tx, [Entry(row.id, row.subject, row.text)])
    INDEX.add(tx, [Entry(row.id, row.subject, text)])


def subjects(tx: Connection, subject: str) -> list[str]:
    """Return whose words somebody may find: their own, and those of everybody whom they were known as before."""
    found = [subject]
    for one in found:
        found += [row for row in tx.scalars(_HANDED_OVER, {"into": one}) if row not in found]
    return found


def heir(tx: Connection, subject: str) -> str:
    """Return whose everything is by now that was a subject's: their own, or that of whom they are known as since."""
    seen = {subject}
    while (into := tx.scalar(_HANDED_TO, {"from_whom": subject})) is not None and into not in seen:
        subject = str(into)
        seen.add(subject)
    return subject


def pieces(text: str) -> Iterator[str]:
    """Cut a long text where it can be cut best; what nobody sees is no piece."""
    text = text.strip()
    while len(text) > LONGEST:
        breaks = [match.end() for match in _BREAK.finditer(text, LONGEST // 2, LONGEST)]
        end = breaks[-1] if breaks else LONGEST
        yield text[:end].strip()
        text = text[end:].strip()
    if text:
        yield text

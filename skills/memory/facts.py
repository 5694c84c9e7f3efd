"""The facts of one butler: found again by their words, and each with what it replaced."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    literal,
    or_,
    select,
    update,
)

from bot.search import folding
from bot.search.index import Entry, WordIndex
from bot.search.wish import Wish, read
from bot.store import closed
from bot.store.database import Database, Moment

MOST = 20
LOOKED_AT = 60  # of each word, the newest
INDEX = WordIndex("fact_words")

facts = Table(
    "facts",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("subject", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", String, nullable=False),
    Column("stranger", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    Column("about", String, nullable=False),  # what it says something about, such as locker code
    Column("confidence", String, nullable=False),  # sure, likely, unsure
    Column("turn_id", Integer),  # in which it was told; none: by a command, or before that was noted
    Column("replaced_by", Integer),  # the fact that holds instead
    Column("replaced_at", Moment),
)
HOLDS = facts.c.replaced_by.is_(None)


class Confidence(StrEnum):
    """How far a fact is to be believed."""

    SURE = "sure"
    LIKELY = "likely"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Telling:
    """A fact that is told: by whom, when, in which turn, and whether a stranger may have written it."""

    text: str
    source: str
    at: datetime
    stranger: bool = False
    about: str = ""
    confidence: Confidence = Confidence.SURE
    turn_id: int | None = None


@dataclass(frozen=True)
class Fact:
    """A fact that is known."""

    id: int
    text: str
    source: str
    stranger: bool
    at: datetime
    about: str
    confidence: Confidence
    turn_id: int | None
    replaced_by: int | None
    replaced_at: datetime | None


def tell(tx: Connection, subject: str, told: Telling, replaces: int | None = None) -> tuple[int, bool] | None:
    """Keep a fact and return its number, and whether it is new; None where nothing more is kept for this subject.

    What is known in the same words is kept once, on the better word of the two who told it.
    """
    heir = closed.heir(tx, subject)
    if heir is None:
        return None
    known = _same(tx, heir, told.text)
    if known is not None and (known.id != replaces or known.text == told.text):
        if known.stranger and not told.stranger:
            better = {"source": told.source, "stranger": False, "confidence": told.confidence, "at": told.at}
            tx.execute(update(facts).where(facts.c.id == known.id).values(**better))
        _replace(tx, heir, replaces, known.id, told.at)
        return known.id, False
    number = tx.execute(insert(facts).values(subject=heir, **vars(told)).returning(facts.c.id)).scalar_one()
    INDEX.add(tx, [Entry(number, heir, _words(told.text, told.about))])
    _replace(tx, heir, replaces, number, told.at)
    return int(number), True


def get(tx: Connection, subject: str, number: int) -> Fact | None:
    """Return a subject's fact by its number, if there is one."""
    return next(iter(_facts(tx, facts.c.subject == subject, _is(number))), None)


def known(tx: Connection, subject: str) -> list[Fact]:
    """Return all facts of a subject, the newest first."""
    return _facts(tx, facts.c.subject == subject)


def find(store: Database, subject: str, words: str, *, replaced: bool = False, skip: int = 0) -> list[Fact]:
    """Return a subject's facts that hold any of these words, the best first; without words, the newest.

    `replaced`: those too in whose place others are.
    """
    mine = [facts.c.subject == subject, *([] if replaced else [HOLDS])]
    with store.read() as tx:
        if not read(words).terms:
            return _facts(tx, *mine, most=MOST, skip=skip)
        worth = _worth(tx, subject, words)
        there = facts.c.id.in_(worth) if worth else facts.c.text.icontains(words.strip(), autoescape=True)
        kept = _facts(tx, *mine, there)
    return sorted(kept, key=lambda fact: (-worth[fact.id], -fact.id))[skip : skip + MOST]


def near(tx: Connection, subject: str, told: Telling) -> list[Fact]:
    """Return the facts that share words with one that is told, the newest first."""
    return _facts(tx, facts.c.subject == subject, HOLDS, facts.c.id.in_(_worth(tx, subject, f"{told.text} {told.about}")))


def chain(tx: Connection, subject: str, number: int) -> list[Fact]:
    """Return a fact with all that it replaced and that replaced it, the oldest first."""
    mine = facts.c.subject == subject
    found: dict[int, Fact] = {}
    new = _facts(tx, mine, _is(number))
    while new:
        found |= {fact.id: fact for fact in new}
        later = [fact.replaced_by for fact in found.values() if fact.replaced_by is not None]
        new = _facts(tx, mine, or_(facts.c.replaced_by.in_(found), facts.c.id.in_(later)), facts.c.id.not_in(found))
    return sorted(found.values(), key=lambda fact: (fact.at, fact.id))


def index_all(tx: Connection) -> None:
    """Let all facts be found where the index is empty, as after they were copied from another store."""
    INDEX.add(tx, [_entry(row) for row in tx.execute(select(facts))])


def drop(tx: Connection, subject: str, numbers: Sequence[int]) -> None:
    """Delete facts of a subject."""
    mine = (facts.c.subject == subject, facts.c.id.in_(numbers))
    INDEX.drop(tx, [_entry(row) for row in tx.execute(select(facts).where(*mine))])
    tx.execute(delete(facts).where(*mine))


def forget_all(tx: Connection, subject: str) -> None:
    """Delete all facts of a subject."""
    drop(tx, subject, list(tx.scalars(select(facts.c.id).where(facts.c.subject == subject))))


def move_all(tx: Connection, subject: str, to: str) -> None:
    """Let all facts of a subject be another's, each once."""
    known = select(facts.c.text).where(facts.c.subject == to)
    drop(tx, subject, list(tx.scalars(select(facts.c.id).where(facts.c.subject == subject, facts.c.text.in_(known)))))
    rows = tx.execute(select(facts).where(facts.c.subject == subject)).all()
    INDEX.drop(tx, [_entry(row) for row in rows])
    INDEX.add(tx, [_entry(row)._replace(scope=to) for row in rows])
    tx.execute(update(facts).where(facts.c.subject == subject).values(subject=to))


def _same(tx: Connection, subject: str, text: str) -> Row[Any] | None:
    """Return the fact that says the same in the same words, as far as those are written alike."""
    exact = tx.execute(select(facts).where(facts.c.subject == subject, facts.c.text == text, HOLDS)).first()
    if exact is not None:
        return exact
    words = folding.words(text)
    near = INDEX.find(tx, [subject], read(" ".join(words)), MOST) if words else []
    rows = tx.execute(select(facts).where(facts.c.id.in_(near), HOLDS).order_by(facts.c.id)).all()
    return next((row for row in rows if folding.words(row.text) == words), None)


def _replace(tx: Connection, subject: str, old: int | None, new: int, now: datetime) -> None:
    if old is not None and old != new:
        mine = (facts.c.subject == subject, facts.c.id == old)
        tx.execute(update(facts).where(*mine).values(replaced_by=new, replaced_at=now))


def _worth(tx: Connection, subject: str, words: str) -> Counter[int]:
    """Return how much each fact that holds any of these words is worth: the more of them it holds, and the rarer they are."""
    worth: Counter[int] = Counter()
    for term in read(words).widened.terms:
        found = INDEX.find(tx, [subject], Wish((term,)), LOOKED_AT)
        worth.update({number: 2 * LOOKED_AT + LOOKED_AT // len(found) for number in found})
    return worth


def _facts(tx: Connection, *which: ColumnElement[bool], most: int | None = None, skip: int = 0) -> list[Fact]:
    query = select(facts).where(*which).order_by(facts.c.id.desc())
    return [_fact(row) for row in tx.execute(query if most is None else query.offset(skip).limit(most))]


def _is(number: int) -> ColumnElement[bool]:
    """Return the condition for a fact by a number that somebody typed: PostgreSQL refuses one that its column cannot hold."""
    return facts.c.id == literal(number, BigInteger)


def _words(text: str, about: str) -> str:
    return f"{text} {about}".strip()


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.id, row.subject, _words(row.text, row.about))


def _fact(row: Row[Any]) -> Fact:
    values = {name: getattr(row, name) for name in Fact.__dataclass_fields__}
    return Fact(**values | {"confidence": Confidence(row.confidence)})

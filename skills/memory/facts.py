"""The facts of one butler, found again by their words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from bot.store import closed
from bot.store.database import Database, Moment

MOST = 20

facts = Table(
    "facts",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("subject", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", String, nullable=False),
    Column("stranger", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
)

_MATCHES = (
    text(
        "SELECT facts.id FROM facts_words JOIN facts ON facts.id = facts_words.rowid "
        "WHERE facts_words MATCH :words AND facts.subject = :subject ORDER BY bm25(facts_words) LIMIT :most"
    )
    .bindparams(bindparam("most", MOST))
    .columns(facts.c.id)
)
_WORDS, _WANTED = func.to_tsvector(text("'simple'"), facts.c.text), func.to_tsquery(text("'simple'"), bindparam("words"))
_MATCHES_IN_POSTGRESQL = (
    select(facts.c.id)
    .where(_WORDS.op("@@")(_WANTED), facts.c.subject == bindparam("subject"))
    .order_by(func.ts_rank(_WORDS, _WANTED).desc(), facts.c.id)
    .limit(MOST)
)


@dataclass(frozen=True)
class Fact:
    """Something that was told: by whom or in which turn, when, and whether a stranger may have written it."""

    id: int
    text: str
    source: str
    stranger: bool
    at: datetime


def tell(tx: Connection, subject: str, words: str, source: str, at: datetime, *, stranger: bool) -> tuple[int, bool] | None:
    """Keep a fact and return its number, and whether it is new; None where nothing more is kept for this subject."""
    heir = closed.heir(tx, subject)
    if heir is None:
        return None
    subject = heir
    known = tx.scalar(select(facts.c.id).where(facts.c.subject == subject, facts.c.text == words))
    if known is not None:
        return int(known), False
    values = {"subject": subject, "text": words, "source": source, "stranger": stranger, "at": at}
    return int(tx.execute(insert(facts).values(values).returning(facts.c.id)).scalar_one()), True


def find(store: Database, subject: str, words: str) -> list[Fact]:
    """Return a subject's facts that hold any of these words, the best first; without words, the newest."""
    mine = select(facts).where(facts.c.subject == subject)
    terms = re.findall(r"\w+", words)
    with store.read() as tx:
        if not terms:
            rows = tx.execute(mine.order_by(facts.c.id.desc()).limit(MOST)).all()
            return [_fact(row) for row in rows]
        ids = _matching(tx, subject, terms)
        if not ids:
            # Words that the index does not separate, as in Chinese, are looked for letter by letter.
            rows = tx.execute(mine.where(facts.c.text.contains(words, autoescape=True)).limit(MOST)).all()
            return [_fact(row) for row in rows]
        by_id = {row.id: _fact(row) for row in tx.execute(mine.where(facts.c.id.in_(ids)))}
    return [by_id[number] for number in ids]


def _matching(tx: Connection, subject: str, terms: Sequence[str]) -> list[int]:
    """Return the facts in which a word begins with one of these, the best first."""
    if tx.dialect.name == "sqlite":
        query = " OR ".join(f'"{term}"*' for term in terms)
        return list(tx.scalars(_MATCHES, {"words": query, "subject": subject}))
    query = " | ".join(f"'{term}':*" for term in terms)
    return list(tx.scalars(_MATCHES_IN_POSTGRESQL, {"words": query, "subject": subject}))


def forget(tx: Connection, subject: str, number: int) -> str | None:
    """Delete a subject's fact and return what it said, or None when there is none with this number."""
    return tx.execute(delete(facts).where(facts.c.subject == subject, facts.c.id == number).returning(facts.c.text)).scalar()


def forget_all(tx: Connection, subject: str) -> None:
    """Delete all facts of a subject."""
    tx.execute(delete(facts).where(facts.c.subject == subject))


def move_all(tx: Connection, subject: str, to: str) -> None:
    """Let all facts of a subject be another's, each once."""
    known = select(facts.c.text).where(facts.c.subject == to)
    tx.execute(delete(facts).where(facts.c.subject == subject, facts.c.text.in_(known)))
    tx.execute(update(facts).where(facts.c.subject == subject).values(subject=to))


def _fact(row: object) -> Fact:
    return Fact(row.id, row.text, row.source, row.stranger, row.at)  # type: ignore[attr-defined]

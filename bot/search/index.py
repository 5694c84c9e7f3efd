"""The index: which rows hold which words, by scopes: those of a scope are found without a look at any other's.

SQLite keeps it in an FTS5 table of which the contents are not stored a second time, PostgreSQL in a table of tsvectors. Both
are given words that were folded here, so that what is found on one is found on the other.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, text

from bot.search import folding
from bot.search.wish import Term, Wish

SQLITE = "sqlite"
_CHANGES = text("SELECT total_changes()")


class Entry(NamedTuple):
    """A row to be found: its number, its scope, and its text."""

    number: int
    scope: str
    text: str


class WordIndex:
    """The index of one table."""

    def __init__(self, name: str) -> None:
        values = "VALUES (:number, :scope, :words)"
        self._name = name
        self._add_in_sqlite = text(f"INSERT INTO {name} (rowid, scope, words) {values}")
        self._drop_in_sqlite = text(
            f"INSERT INTO {name} ({name}, rowid, scope, words) VALUES ('delete', :number, :scope, :words)"  # noqa: S608
        )
        self._find_in_sqlite = text(
            f"SELECT rowid FROM {name} WHERE {name} MATCH :wish ORDER BY rowid DESC LIMIT :most"  # noqa: S608
        )
        self._settle = text(f"INSERT INTO {name} ({name}, rank) VALUES ('merge', :pages)")  # noqa: S608
        self._add = text(
            f"INSERT INTO {name} (number, scope, words) VALUES (:number, :scope, to_tsvector('simple', :words))"  # noqa: S608
        )
        self._drop = text(f"DELETE FROM {name} WHERE number = :number")  # noqa: S608
        self._find = text(
            f"SELECT number FROM {name} WHERE scope IN :scopes AND words @@ to_tsquery('simple', :wish) "  # noqa: S608
            "ORDER BY number DESC LIMIT :most"
        ).bindparams(bindparam("scopes", expanding=True))

    def make(self, tx: Connection) -> None:
        """Make the index in a database that has none."""
        name = self._name
        if tx.dialect.name == SQLITE:
            tx.exec_driver_sql(f"CREATE VIRTUAL TABLE {name} USING fts5(scope, words, content='')")
            return
        tx.exec_driver_sql(f"CREATE TABLE {name} (number BIGINT PRIMARY KEY, scope VARCHAR NOT NULL, words TSVECTOR NOT NULL)")
        tx.exec_driver_sql(f"CREATE INDEX {name}_words ON {name} USING gin (words)")
        tx.exec_driver_sql(f"CREATE INDEX {name}_scope ON {name} (scope, number)")

    def add(self, tx: Connection, entries: Iterable[Entry]) -> None:
        """Let rows be found."""
        rows = [_row(entry) for entry in entries]
        if rows:
            tx.execute(self._add_in_sqlite if tx.dialect.name == SQLITE else self._add, rows)

    def drop(self, tx: Connection, entries: Iterable[Entry]) -> None:
        """Let rows be found no more; each must be given as it was added."""
        rows = [_row(entry) for entry in entries]
        if rows:
            tx.execute(self._drop_in_sqlite if tx.dialect.name == SQLITE else self._drop, rows)

    def settle(self, tx: Connection, pages: int) -> bool:
        """Take what was dropped out of the index's files, some pages at a time; tell whether nothing of it is left.

        FTS5 only marks words as dropped until it merges what holds them; PostgreSQL cleans up by itself.
        """
        if tx.dialect.name != SQLITE:
            return True
        before = tx.scalar(_CHANGES)
        tx.execute(self._settle, {"pages": -pages})  # less than nothing: all of the index becomes one
        return bool(tx.scalar(_CHANGES) - before < 2)  # noqa: PLR2004 - as its documentation says

    def find(self, tx: Connection, scopes: Sequence[str], wish: Wish, most: int) -> list[int]:
        """Return the numbers of the newest rows of these scopes that hold all that is wished for."""
        if not scopes or not wish.terms:
            return []
        tokens = [_token(scope) for scope in scopes]
        if tx.dialect.name == SQLITE:
            given = {"wish": _match(tokens, wish), "most": most}
            return list(tx.scalars(self._find_in_sqlite, given))
        return list(tx.scalars(self._find, {"scopes": tokens, "wish": _tsquery(wish), "most": most}))


def _row(entry: Entry) -> dict[str, object]:
    return {"number": entry.number, "scope": _token(entry.scope), "words": " ".join(folding.words(entry.text))}


def _token(scope: str) -> str:
    """Return a scope as one word of the index, so that no two are alike."""
    return scope.encode().hex()


def _match(tokens: Sequence[str], wish: Wish) -> str:
    """Return a wish in FTS5's language; folded words hold nothing that means something there."""
    scopes = " OR ".join(f'"{token}"' for token in tokens)
    return " AND ".join((f"scope : ({scopes})", *(f"words : ({_either(term)})" for term in wish.terms)))


def _either(term: Term) -> str:
    return " OR ".join(f'"{" ".join(way)}"{" *" if term.begins else ""}' for way in term.ways)


def _tsquery(wish: Wish) -> str:
    """Return a wish in PostgreSQL's language."""
    return " & ".join(f"({' | '.join(_phrase(way, begins=term.begins) for way in term.ways)})" for term in wish.terms)


def _phrase(way: Sequence[str], *, begins: bool) -> str:
    *before, last = (f"'{word}'" for word in way)
    return f"({' <-> '.join((*before, last + ':*' * begins))})"

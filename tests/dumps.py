"""All that a SQLite database holds, line by line, with the tables behind its indexes of words."""

import sqlite3
from collections.abc import Iterator

from sqlalchemy import Connection


def dump(books: sqlite3.Connection) -> Iterator[str]:
    """Give each row of each table; a virtual table is only a view of those behind it, which are among them."""
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    for (name,) in books.execute(tables).fetchall():
        for row in books.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 - a name of the schema
            yield f"{name}: {row}"


def dump_of(tx: Connection) -> str:
    """Return all that the database of a transaction holds."""
    books = tx.connection.driver_connection
    assert isinstance(books, sqlite3.Connection)
    return "\n".join(dump(books))

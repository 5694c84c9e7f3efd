"""All that a database holds, line by line, with the tables behind SQLite's indexes of words."""

from collections.abc import Iterator

from sqlalchemy import Connection, inspect, text

# A virtual table is only a view of those behind it, which are among them.
_IN_SQLITE = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"


def dump_of(tx: Connection) -> str:
    """Return each row of each table of a transaction's database."""
    return "\n".join(_lines(tx))


def _lines(tx: Connection) -> Iterator[str]:
    is_file = tx.dialect.name == "sqlite"
    for name in tx.scalars(text(_IN_SQLITE)).all() if is_file else inspect(tx).get_table_names():
        for row in tx.execute(text(f'SELECT * FROM "{name}"')):  # noqa: S608 - a name of the schema
            yield f"{name}: {row}"

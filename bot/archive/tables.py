"""Tables as an archive sees them: those that are really there, whatever made them, but for what is only an index of others."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import JSON, Column, Connection, DateTime, LargeBinary, MetaData, Table, inspect, text
from sqlalchemy.types import BigInteger, Boolean, Float, Integer, String, TypeEngine

from bot.errors import ConfigurationError

VERSIONS = "alembic_version"  # said by the manifest
SEARCHED = "TSVECTOR"  # the type of a column by which PostgreSQL finds words: its table is an index
Kind = Literal["plain", "moment", "json", "binary"]
_KINDS: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
    (JSON, "json"),
    (DateTime, "moment"),
    (LargeBinary, "binary"),
    (Boolean, "plain"),
    (BigInteger, "plain"),
    (Integer, "plain"),
    (Float, "plain"),
    (String, "plain"),
)
_REAL = text(
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
)
_DERIVED = text("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual'")


def revisions(tx: Connection) -> tuple[str, ...]:
    """Return how far each history of a database has come; none in one that has no tables yet."""
    if not inspect(tx).has_table(VERSIONS):
        return ()
    return tuple(sorted(tx.scalars(text(f"SELECT version_num FROM {VERSIONS}"))))  # noqa: S608 - a name of ours


def tables(tx: Connection) -> Sequence[Table]:
    """Return the tables of a database that hold more than an index, as they really are, in the order of their references."""
    metadata = MetaData()
    metadata.reflect(tx, only=_names(tx))
    found = [table for table in metadata.sorted_tables if table.name != VERSIONS and not _is_index(table)]
    return sorted(found, key=lambda table: table.name)


def indexes(tx: Connection) -> set[str]:
    """Return the tables that are indexes of others: what they hold can be made again."""
    if tx.dialect.name == "sqlite":
        return set(tx.scalars(_DERIVED))
    metadata = MetaData()
    metadata.reflect(tx)
    return {table.name for table in metadata.tables.values() if _is_index(table)}


def columns(table: Table) -> list[Column[Any]]:
    """Return the columns that hold something of their own, and not what the database reckons from others."""
    return [column for column in table.columns if column.computed is None]


def kind_of(column: Column[Any]) -> Kind:
    """Return how a column's values are written. Raises ConfigurationError for a type that no archive knows."""
    for known, kind in _KINDS:
        if isinstance(column.type, known):
            return kind
    raise ConfigurationError(
        f"The column {column.name} of the table {column.table.name} holds what no back-up can hold: {column.type!r}."
    )


def _names(tx: Connection) -> list[str]:
    """Return the names of real tables: SQLite keeps those in which a virtual one stands beside them."""
    return list(tx.scalars(_REAL)) if tx.dialect.name == "sqlite" else inspect(tx).get_table_names()


def _is_index(table: Table) -> bool:
    return any(str(column.type).upper() == SEARCHED and column.computed is None for column in table.columns)

"""Fills every table of a database, whatever tables it has, with rows that are hard to keep; and reads all of them."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Column, Connection, Text, cast, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import Table

from bot.archive import tables

WORDS = ("", "words", "ä 密码 🦊 \u202e", "a\nb\tc\r\n", '"quoted" \\ \'', "null", "x" * 3000, "NaN", "\u2028", "{}")
VALUES: tuple[Any, ...] = (None, {}, [], {"a": 1.5, "b": [None, True, "\u00e9"]}, "text", 0, 12345678901234567890, {"ü": "🦊"})
BYTES = (b"", b"\0\1\2", b"%PDF-1.7\n\xff\xfe", bytes(range(256)) * 40)
NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
Rows = Mapping[str, list[tuple[Any, ...]]]


def fill(tx: Connection, chance: Random, most: int = 4) -> None:
    """Add some rows to every table; what refers to another table names a row that is there."""
    found = {table.name: table for table in tables.tables(tx)}
    # Where two refer to each other, the values that may be left out are.
    for name in _in_order(found):
        table = found[name]
        for number in range(chance.randint(1, most)):
            values = {column.name: _value(tx, table, column, number, chance) for column in tables.columns(table)}
            with suppress(IntegrityError), tx.begin_nested():  # one that repeats what may not be is left out
                tx.execute(insert(table).values(values))


def rows(tx: Connection) -> Rows:
    """Return all rows of all tables, as they are kept."""
    found = {}
    for table in tables.tables(tx):
        columns = [cast(one, Text) if tables.kind_of(one) == "json" else one for one in tables.columns(table)]
        kept = [tuple(_plain(value) for value in row) for row in tx.execute(select(*columns))]
        found[table.name] = sorted(kept, key=repr)
    return found


def _in_order(found: Mapping[str, Table]) -> list[str]:
    """Return the tables, each after those to which it must refer."""
    order: list[str] = []
    while len(order) < len(found):
        for name, table in found.items():
            wanted = {key.column.table.name for column in table.columns if not column.nullable for key in column.foreign_keys}
            if name not in order and wanted <= {*order, name}:
                order.append(name)
    return order


def _value(tx: Connection, table: Table, column: Column[Any], number: int, chance: Random) -> Any:
    for key in column.foreign_keys:
        known = tx.scalars(select(key.column)).all()
        if known and (not column.nullable or chance.random() < 0.7):
            free = [one for one in known if one not in set(tx.scalars(select(column)))]
            return chance.choice(free or known)
        return None
    if column.nullable and chance.random() < 0.3:
        return None
    unique = column.primary_key or any(column.name in [one.name for one in rule.columns] for rule in _unique(table))
    word = f"{chance.choice(WORDS)[:9]}{number}" if unique else chance.choice(WORDS)
    integer = number + 1 + chance.choice((0, 7)) * number if unique else chance.choice((0, 1, -5, 2**31 - 1))
    moment = (NOW + timedelta(seconds=number, microseconds=chance.randint(0, 10**6))).replace(tzinfo=_zone(column))
    kinds = {"json": chance.choice(VALUES), "binary": chance.choice(BYTES), "moment": moment}
    plain = {bool: chance.random() < 0.5, int: integer, float: chance.choice((0.0, 0.1, -1.5e-9)), str: word}
    kind = tables.kind_of(column)
    return plain[column.type.python_type] if kind == "plain" else kinds[kind]


def _unique(table: Table) -> list[Any]:
    return [
        *(index for index in table.indexes if index.unique),
        *(rule for rule in table.constraints if hasattr(rule, "columns")),
    ]


def _zone(column: Column[Any]) -> Any:
    return UTC if getattr(column.type, "timezone", False) else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    return bytes(value) if isinstance(value, memoryview) else value

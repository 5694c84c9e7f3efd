"""Loading: what an archive holds becomes a database again, in one transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, bindparam, cast, false, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import AddConstraint, DropConstraint

from bot.archive import manifest, tables
from bot.archive.reading import Archive, Row
from bot.archive.writing import be_patient
from bot.errors import ConfigurationError
from bot.store import migrate

AT_ONCE = 1000  # rows
MOST_BYTES = 1 << 23  # of what is binary, in the same statement
# What makes an index of words anew, by the index's name; those that a database fills by itself have none.
Again = Mapping[str, Callable[[Connection], None]]


def why_not(wanted: manifest.Database, histories: Sequence[Path]) -> str | None:
    """Return why this house cannot take in a database of an archive, or nothing."""
    known = {step.stem for folder in histories for step in folder.glob("*_[0-9]*.py")}
    mine = {step.rpartition("_")[0] for step in known}
    for step in wanted.revisions:
        history = step.rpartition("_")[0]
        if history not in mine:
            return f"it holds what {history} kept for {wanted.butler or 'the house'}, and {history} is not installed here"
        if step not in known:
            return "it was written by a newer version of Butlers. Install that first"
    return None


def load(tx: Connection, archive: Archive, wanted: manifest.Database, histories: Sequence[Path], again: Again) -> None:
    """Fill an empty database as the archive says, and bring it to the newest state of its tables. Raises ConfigurationError."""
    _prepare(tx)
    migrate.step(tx, histories, wanted.revisions)
    made = {table.name: table for table in tables.tables(tx)}
    strange = {table.name for table in wanted.tables} ^ set(made)
    if strange:
        raise ConfigurationError(f"{archive.path} is damaged: the table {min(strange)} is missing, or should not be there.")
    references = [rule for table in made.values() for rule in table.foreign_key_constraints] if _is_server(tx) else []
    for rule in references:
        tx.execute(DropConstraint(rule))
    for table in wanted.tables:
        _fill(tx, archive, table, made[table.name])
    for rule in references:
        tx.execute(AddConstraint(rule))
    for index in tables.indexes(tx) & set(again):  # one that comes with a later step is filled by that
        again[index](tx)
    migrate.step(tx, histories)
    continue_numbers(tx)


def continue_numbers(tx: Connection) -> None:
    """Let the next numbers that a server gives follow the greatest of each table; SQLite's do."""
    for table in tables.tables(tx) if _is_server(tx) else ():
        column = table.autoincrement_column
        if column is None:
            continue
        name = tx.scalar(select(func.pg_get_serial_sequence(f'"{table.name}"', column.name)))
        if name is not None:
            following = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
            tx.execute(select(func.setval(name, following, false())))


def _prepare(tx: Connection) -> None:
    if _is_server(tx):
        be_patient(tx)
        return
    tx.execute(text("PRAGMA defer_foreign_keys = ON"))  # rows come table by table; all of them are there at the end
    tx.execute(text("PRAGMA cache_size = -16384"))


def _fill(tx: Connection, archive: Archive, described: manifest.Table, table: Table) -> None:
    """Put the rows of an archive into a table."""
    missing = {column.name for column in described.columns} - set(table.columns.keys())
    if missing:
        raise ConfigurationError(f"{archive.path} is damaged: {described.name} has no {min(missing)}.")
    names = [column.name for column in described.columns]
    tx.execute(table.delete())  # what a step of the history put there is in the archive as well
    statement = insert(table).values({column.name: _value(tx, column, table) for column in described.columns})
    done = 0
    try:
        for some in _batches(archive.rows(described), described):
            tx.execute(statement, [dict(zip(names, _read(tx, row, described), strict=True)) for row in some])
            done += len(some)
    except (DBAPIError, ValueError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise ConfigurationError(
            f"The table {described.name} cannot be filled: {str(reason).strip()}. Nothing was changed."
        ) from None
    if done != described.rows:
        raise ConfigurationError(f"{archive.path} is damaged: {described.name} has {done} rows.")


def _value(tx: Connection, column: manifest.Column, table: Table) -> ColumnElement[Any]:
    if column.kind != "json":
        return bindparam(column.name, type_=table.columns[column.name].type)
    written = bindparam(column.name, type_=Text())
    return cast(written, table.columns[column.name].type) if _is_server(tx) else written


def _batches(rows: Iterator[Row], table: manifest.Table) -> Iterator[list[Row]]:
    """Give rows together: many, unless they hold much that is binary."""
    binary = [place for place, column in enumerate(table.columns) if column.kind == "binary"]
    if not binary:
        while some := list(islice(rows, AT_ONCE)):
            yield some
        return
    some, size = [], 0
    for row in rows:
        some.append(row)
        size += sum(len(content) for place in binary if isinstance(content := row[place], bytes))
        if size >= MOST_BYTES or len(some) >= AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


def _read(tx: Connection, row: Row, table: manifest.Table) -> Row:
    """Return the values of a row as the database takes them."""
    for place, column in enumerate(table.columns):
        value = row[place]
        if not isinstance(value, str):
            continue
        if column.kind == "moment":
            row[place] = datetime.fromisoformat(value)
        elif "\0" in value and _is_server(tx):
            row[place] = value.replace("\0", "")  # PostgreSQL keeps none
    return row


def _is_server(tx: Connection) -> bool:
    return tx.dialect.name == "postgresql"

"""Writing an archive: one state of all the databases of a house, while it runs, with no more in memory than a few rows."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, Text, cast, func, inspect, select, text

from bot.archive import manifest, tables
from bot.archive.manifest import Manifest, Member
from bot.store.database import Database

AT_ONCE = 1000  # rows
_PIECE = 1 << 18  # bytes written at once
_LEVEL = 2  # of packing: the higher ones take thrice as long for a tenth less
_PATIENCE = ("statement_timeout", "idle_in_transaction_session_timeout")  # that a long reading must not have


class _Out:
    """A member that is being written."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self._name = name
        self._file = file
        self._hash = hashlib.sha256()
        self._size = 0
        self._waiting = bytearray()

    def write(self, content: bytes) -> None:
        """Write something, a little later."""
        self._waiting += content
        if len(self._waiting) >= _PIECE:
            self._flush()

    def done(self) -> Member:
        """Write the rest and return what was written."""
        self._flush()
        return Member(name=self._name, size=self._size, sha256=self._hash.hexdigest())

    def _flush(self) -> None:
        self._hash.update(self._waiting)
        self._size += len(self._waiting)
        self._file.write(self._waiting)
        self._waiting.clear()


@contextmanager
def one_state(databases: Mapping[str, Database]) -> Iterator[tuple[datetime, Mapping[str, Connection]]]:
    """Give readers of several databases that all see the state of one moment, and the moment.

    For that moment nobody writes: what a butler keeps and what the house knows of it are copied together or not at all.
    """
    with ExitStack() as readers:
        with ExitStack() as writers:
            for database in databases.values():
                writers.enter_context(database.write())
            made_at = datetime.now(UTC)
            found = {name: readers.enter_context(database.read()) for name, database in databases.items()}
            for tx in found.values():
                if tx.dialect.name == "postgresql":
                    be_patient(tx)
                inspect(tx).get_table_names()  # a reader's state is that of its first look
        yield made_at, found


def be_patient(tx: Connection) -> None:
    """Let a transaction on a server take as long as it must."""
    for name in _PATIENCE:
        tx.execute(text(f"SET LOCAL {name} = 0"))


def write(file: IO[bytes], databases: Mapping[str, Database]) -> Manifest:
    """Write the databases of a house, by their names in an archive, into a file that is open for writing."""
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as archive, one_state(databases) as (made_at, readers):
        said = Manifest(
            format=manifest.FORMAT,
            version=version("butlers"),
            made_at=made_at,
            store=readers[manifest.HOUSE].dialect.name,
            databases=tuple(_database(archive, name, tx) for name, tx in readers.items()),
        )
        archive.writestr(manifest.NAME, said.model_dump_json(indent=1))
    return said


def _database(archive: ZipFile, name: str, tx: Connection) -> manifest.Database:
    found = tuple(_table(archive, name, tx, table) for table in tables.tables(tx))
    return manifest.Database(name=name, revisions=tables.revisions(tx), tables=found)


def _table(archive: ZipFile, database: str, tx: Connection, table: Table) -> manifest.Table:
    """Write a table: its rows, and then the bytes of each binary column in the same order."""
    columns = tables.columns(table)
    described = tuple(manifest.Column(name=column.name, kind=tables.kind_of(column)) for column in columns)
    count = 0
    with _member(archive, manifest.rows_of(database, table.name)) as out:
        for row in _stream(tx, select(*[_written(column) for column in columns]), table):
            out.write(_line(row))
            count += 1
        members = [out.done()]
    for column in columns:
        if tables.kind_of(column) == "binary":
            with _member(archive, manifest.bytes_of(database, table.name, column.name)) as out:
                for (content,) in _stream(tx, select(column), table, at_once=1):
                    out.write(content or b"")
                members.append(out.done())
    return manifest.Table(name=table.name, columns=described, rows=count, members=tuple(members))


@contextmanager
def _member(archive: ZipFile, name: str) -> Iterator[_Out]:
    with archive.open(name, "w", force_zip64=True) as file:
        yield _Out(name, file)


def _stream(tx: Connection, query: Select[Any], table: Table, at_once: int = AT_ONCE) -> Iterator[Sequence[Any]]:
    """Give the rows of a table in the order of their keys."""
    rows = tx.execute(query.order_by(*table.primary_key.columns).execution_options(yield_per=at_once))
    for some in rows.partitions():
        yield from some


def _written(column: Column[Any]) -> ColumnElement[Any]:
    match tables.kind_of(column):
        case "json":
            return cast(column, Text)  # to the letter, and told apart from no value at all
        case "binary":
            return func.length(column)
        case _:
            return column


def _line(row: Sequence[object]) -> bytes:
    return json.dumps(tuple(row), ensure_ascii=False, separators=(",", ":"), default=_in_words).encode() + b"\n"


def _in_words(value: object) -> str:
    """Return a moment as it stands in a row; SQLite keeps it without its zone, which is UTC."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is no value of a row")
    return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).isoformat()


def private(path: Path) -> IO[bytes]:
    """Open a new file that only its owner can read."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

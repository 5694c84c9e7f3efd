"""One SQL database, in a file or on a server, and the two ways to use it: reading and writing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, DateTime, Dialect, RootTransaction, TypeDecorator, event, make_url
from sqlalchemy.exc import DBAPIError

from bot.store import postgresql, sqlite

_BEGIN = "begin"


class Moment(TypeDecorator[datetime]):
    """An aware point in time, kept in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware datetime into UTC; SQLite keeps no zone, so it is left out there."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("only aware datetimes are kept")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what was kept as an aware datetime in UTC."""
        del dialect
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


class Database:
    """A database in which one transaction writes at a time, from its first statement on, and what it reads is one state."""

    def __init__(self, url: str, kept: int = 8) -> None:
        self.url = url
        address = make_url(url)
        kind = sqlite if address.get_backend_name() == "sqlite" else postgresql
        self._reading, self._writing = kind.READING, kind.WRITING
        self._turn = kind.queue(address)
        self._take_off = kind.take_off
        self._engine = kind.engine(address, kept)

        @event.listens_for(self._engine, "begin")
        def begin(connection: Connection) -> None:
            if statement := connection.get_execution_options()[_BEGIN]:
                connection.exec_driver_sql(statement)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection whose statements see one state of the database."""
        connection, _ = self._begin(self._reading)
        with connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose statements are committed together, or not at all."""
        with self._turn():
            connection, transaction = self._begin(self._writing)
            with connection, transaction:
                yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """Give a connection whose statements stand outside any transaction, as CREATE DATABASE must."""
        connection, _ = self._begin("")
        with connection:
            yield connection

    def take_off(self) -> bool:
        """Take off the disk what was deleted; tell whether that is done, or somebody reads what was there before."""
        return bool(self._take_off(self._engine))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _begin(self, statement: str) -> tuple[Connection, RootTransaction]:
        """Begin a transaction; a connection that was lost since its last use is replaced, as it has done nothing yet."""
        for is_last in (False, True):
            connection = self._engine.connect().execution_options(**{_BEGIN: statement})
            try:
                return connection, connection.begin()
            except DBAPIError as error:
                connection.close()
                if is_last or not error.connection_invalidated:
                    raise
        raise AssertionError  # the last try returns or raises


def sqlite_url(path: Path) -> str:
    """Return the address of a SQLite file."""
    return f"sqlite+pysqlite:///{path}"

"""One SQL database, and the two ways to use it: reading and writing."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Engine, TypeDecorator, create_engine, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 10
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
    """A database of which every writing transaction holds the only write lock from its first statement.

    In SQLite a transaction that reads first and writes later fails at once when another one wrote in between, whatever
    the time-out; so writers begin with BEGIN IMMEDIATE. They queue at a file's lock, all threads of all processes in the
    order in which they come, instead of at SQLite's own, which sleeps up to 100 ms between two looks.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = f"{make_url(url).database}-lock"
        self._engine = _engine(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection whose statements see one state of the database."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose statements are committed together, or not at all."""
        with Path(self._lock).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed, or its process is dead
            with self._engine.connect() as connection:
                connection = connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})  # noqa: PLW2901 - the same one
                with connection.begin():
                    yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def sqlite_url(path: Path) -> str:
    """Return the address of a SQLite file."""
    return f"sqlite+pysqlite:///{path}"


def _engine(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_timeout=60,
        # isolation_level None: the driver begins nothing by itself, so that the statement below is the first.
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own connection
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-1024"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(str(connection.get_execution_options().get(_BEGIN, "BEGIN")))

    return engine

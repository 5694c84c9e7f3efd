"""PostgreSQL: a database on a server, which several machines may share; one transaction of the house writes at a time.

A writer's first statement takes a lock of the database that it keeps until its end, so that what it reads stays true until
it has written, as in SQLite. Readers wait for nobody. What a client that hangs, or that is cut off, holds is freed by the
server.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import BoundedSemaphore
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from bot.store.faults import PASSING

READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITERS = 1112888403  # the advisory lock; any number that other programs of this database do not use
WRITING = f"BEGIN; SELECT pg_advisory_xact_lock({WRITERS})"  # one trip; the next statement sees what was written before
MOST = 12  # connections of a process to one database
AT_THE_LOCK = 2  # of a process: one that works, and one that waits; the others keep no connection meanwhile
_SESSION = {
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "30s",  # a process that was stopped while it wrote
    "timezone": "UTC",
}
_CONNECTING = {  # seconds, and milliseconds for the last: how soon a machine that is gone is noticed
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def engine(url: URL, kept: int) -> Engine:
    """Return what connects to a server's database; so many connections are kept open while nobody uses them."""
    options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    made = create_engine(
        url,
        isolation_level="AUTOCOMMIT",  # the driver begins nothing by itself, so that a transaction's own BEGIN is the first
        connect_args={**_CONNECTING, "options": options},
        pool_size=kept,
        max_overflow=MOST - kept,
        pool_timeout=60,
    )
    event.listen(made, "handle_error", _sort)
    event.listen(made, "connect", _leave_out_nul)
    return made


def _leave_out_nul(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own connection
    """Let texts be kept without the letter that PostgreSQL refuses: what a model or a page wrote must not end a turn."""
    from psycopg.types.string import StrDumper  # noqa: PLC0415 - only a house on a server needs the driver

    class Dumper(StrDumper):
        def dump(self, obj: str) -> Any:  # noqa: ANN401 - the driver's own buffer
            return super().dump(obj.replace("\0", ""))

    connection.adapters.register_dumper(str, Dumper)


def _sort(context: ExceptionContext) -> DBAPIError | None:
    """Let all that passes be an OperationalError, which is what a full disk or a locked file of SQLite is."""
    found, error = context.sqlalchemy_exception, context.original_exception
    passes = context.is_disconnect or (getattr(error, "sqlstate", None) or "").startswith(PASSING)
    if isinstance(found, DBAPIError) and not isinstance(found, OperationalError) and passes:
        return OperationalError(found.statement, found.params, error, connection_invalidated=found.connection_invalidated)
    return None


def take_off(_: Engine) -> bool:
    """Leave it to the server's own vacuum to take off the disk what was deleted."""
    return True


def queue(_: URL) -> Callable[[], AbstractContextManager[object]]:
    """Return where a process's writers wait for their turn at the lock."""
    places = BoundedSemaphore(AT_THE_LOCK)
    return lambda: places

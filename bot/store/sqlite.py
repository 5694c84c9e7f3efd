"""SQLite: a file, in which one transaction writes at a time.

A transaction that reads first and writes later fails at once when another one wrote in between, whatever the time-out; so
writers begin with BEGIN IMMEDIATE. They queue at a file's lock, all threads of all processes in the order in which they
come, instead of at SQLite's own, which sleeps up to 100 ms between two looks.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 10
MOST = 32  # connections of a process to one file
# secure_delete: what is deleted is overwritten, and not only given free.
# cache_size: half a megabyte for each connection; what does not fit comes from the system's own cache, as quickly.
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-512", "secure_delete=ON")
READING, WRITING = "BEGIN", "BEGIN IMMEDIATE"


def engine(url: URL, kept: int) -> Engine:
    """Return what connects to a file; so many connections are kept open while nobody uses them."""
    made = create_engine(
        url,
        pool_size=kept,
        max_overflow=MOST - kept,
        pool_timeout=60,
        pool_use_lifo=True,  # so that few connections fill their caches
        # isolation_level None: the driver begins nothing by itself, so that a transaction's own BEGIN is the first.
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(made, "connect")
    def prepare(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own connection
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return made


def take_off(engine: Engine) -> bool:
    """Take off the disk what was deleted: from the log of what was written, too. Tell whether nothing is left of it."""
    connection = engine.raw_connection()
    try:
        busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return int(busy) == 0
    finally:
        connection.close()


def queue(url: URL) -> Callable[[], AbstractContextManager[None]]:
    """Return where writers wait for their turn."""
    path = Path(f"{url.database}-lock")

    @contextmanager
    def turn() -> Iterator[None]:
        with path.open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed, or its process is dead
            yield

    return turn

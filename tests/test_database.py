"""A database: one transaction writes at a time, readers see one state, and a lost connection loses nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from bot.store import postgresql
from bot.store.database import Database
from tests import stores
from tests.postgres import PostgresServer

THREADS, TIMES = 8, 20
both, on_postgresql = pytest.mark.both_stores, pytest.mark.on_postgresql


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Database]:
    """A database that counts."""
    with closing(Database(stores.address(tmp_path / "counter.db"))) as made:
        make(made)
        yield made


def make(database: Database) -> None:
    """Begin to count."""
    with database.write() as tx:
        tx.execute(text("CREATE TABLE counter (n INTEGER)"))
        tx.execute(text("INSERT INTO counter VALUES (0)"))


def value(database: Database) -> int:
    """Return how far it has counted."""
    with database.read() as tx:
        return int(tx.scalar(text("SELECT n FROM counter")) or 0)


def count(database: Database, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Read and then write, as nearly every transaction of the house does."""
    with database.write() as tx:
        n = tx.scalar(text("SELECT n FROM counter")) or 0
        meanwhile()
        tx.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})


@both
def test_what_a_writer_has_read_stays_true(counter: Database) -> None:
    """Threads that read and then write, over two pools as two processes have them, lose no count and meet no conflict."""
    with closing(Database(counter.url)) as other:

        def work(database: Database) -> None:
            for _ in range(TIMES):
                count(database)

        threads = [threading.Thread(target=work, args=[database]) for database in (counter, other) * (THREADS // 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert value(counter) == THREADS * TIMES


@both
def test_a_reader_sees_one_state(counter: Database) -> None:
    """What is written while somebody reads is seen by the next who reads."""
    with counter.read() as tx:
        assert tx.scalar(text("SELECT n FROM counter")) == 0
        count(counter)
        assert tx.scalar(text("SELECT n FROM counter")) == 0
    assert value(counter) == 1


@both
def test_all_or_nothing(counter: Database) -> None:
    """A transaction that fails leaves nothing behind, tables included."""

    def fail(database: Database) -> None:
        with database.write() as tx:
            tx.execute(text("CREATE TABLE more (n INTEGER)"))
            tx.execute(text("UPDATE counter SET n = 7"))
            raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            fail(counter)
    assert value(counter) == 0


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that a test may end."""
    with PostgresServer() as made:
        yield made


def test_a_server_that_comes_back(server: PostgresServer) -> None:
    """After a restart the next transaction works at once; one that the server cuts off, or cannot begin, fails whole."""
    server.create("counter")
    with closing(Database(server.url("counter"))) as database:
        make(database)
        server.stop()
        server.start()
        count(database)
        with pytest.raises(OperationalError):
            count(database, meanwhile=server.stop)
        with pytest.raises(OperationalError):
            count(database)
        server.start()
        assert value(database) == 1


@on_postgresql
@pytest.mark.parametrize(
    ("setting", "statement"),
    [("idle_in_transaction_session_timeout", "SELECT 1"), ("statement_timeout", "SELECT pg_sleep(9)")],
)
def test_who_hangs_holds_up_nobody(counter: Database, setting: str, statement: str) -> None:
    """The server ends a writer that does nothing any more, and the next one writes."""

    def hang(tx: Connection) -> None:
        tx.execute(text(f"SET LOCAL {setting} = '100ms'"))
        tx.execute(text("UPDATE counter SET n = 7"))
        if "idle" in setting:
            count(counter)  # waits until the server has ended the other
        tx.execute(text(statement))

    with closing(Database(counter.url)) as hanging:
        with pytest.raises(OperationalError), hanging.write() as tx:
            hang(tx)
        if "idle" not in setting:
            count(counter)
    assert value(counter) == 1


@on_postgresql
def test_a_lock_is_not_waited_for_for_ever(counter: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits too long for the other writers hears so as of a file that is locked."""
    monkeypatch.setitem(postgresql._SESSION, "lock_timeout", "100ms")  # noqa: SLF001 - for a test that ends soon
    with closing(Database(counter.url)) as waiting, counter.write() as tx:
        tx.execute(text("UPDATE counter SET n = 7"))
        with pytest.raises(OperationalError, match="lock timeout"):
            count(waiting)

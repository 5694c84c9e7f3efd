"""Between the answer and the books: workers die and the database is locked, and no token is lost."""

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from bot import conversations
from bot.store import postgresql
from bot.store.treasury_tables import ledger, reservations
from bot.treasury import audit
from tests.anthropic_script import Answer
from tests.anthropic_server import AnthropicServer
from tests.houses import OWNER, House, wait_until
from tests.locks import Lock, database_of, locked
from tests.room import Room
from tests.storms import LONG
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer
from workers.turns import INSIDE

WORDY = Answer(text="word " * 100)


def booked(house: House) -> list[tuple[object, ...]]:
    """Return what the ledger says of each request: what was reserved and charged for it, and whether that was reported."""
    return house.rows("SELECT upper, cost, reported FROM ledger JOIN reservations r ON r.id = reservation_id ORDER BY r.id")


def assert_one_death_is_booked(house: House, claude: AnthropicServer, asked: int) -> None:
    """Assert that the request that nobody settled is charged in full, the next by its usage, and that the books balance."""
    assert len(claude.message_requests) == asked + 2
    (upper, lost, said), (bound, cost, reported) = booked(house)[-2:]
    assert (lost, said) == (upper, 0)
    assert (int(str(cost)) < int(str(bound)), reported) == (True, 1)
    assert house.value("SELECT count(*) FROM reservations WHERE state = 'held'") == 0
    assert "✓ ledger: it balances" in house.run("check").stdout


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[House, Person, AnthropicServer]]:
    """A running house, and its owner."""
    with TelegramServer() as telegram, AnthropicServer() as claude:
        olga = telegram.person(OWNER, "Olga")
        with House(tmp_path, telegram, claude) as house:
            house.wait_until_ready()
            yield house, olga, claude
        assert telegram.refusals == []


@pytest.mark.crash
@pytest.mark.parametrize("moment", ["held", "streamed", "answered"] if LONG else ["answered"])
def test_a_worker_that_dies_over_its_request(fresh: tuple[House, Person, AnthropicServer], moment: str) -> None:
    """Killed before, during or right after the answer: what was reserved is spent, and the person has one answer."""
    house, olga, claude = fresh
    asked = len(claude.message_requests)
    if moment == "held":
        with claude.hold():
            olga.writes("Hello")
            claude.wait_until(lambda: claude.in_flight == 1, 10, "the request")
            house.kill("worker")
    elif moment == "streamed":
        claude.answers(WORDY)
        claude.hang_mid_stream(after_events=8)
        olga.writes("Hello")
        wait_until(lambda: "word" in (olga.sees_draft() or ""), "the answer begins to show")
        house.kill("worker")
    else:
        with claude.hold() as hold:
            olga.writes("Hello")
            claude.wait_until(lambda: claude.in_flight == 1, 10, "the request")
            with locked(database_of(house)):
                hold.release()
                claude.wait_until(lambda: claude.in_flight == 0, 10, "the answer has been sent")
                house.kill("worker")
    wait_until(lambda: house.value("SELECT state FROM inbox WHERE text = 'Hello'") == "answered", "it is answered", 20)
    wait_until(lambda: house.rows("SELECT 1 FROM outbox WHERE state = 'pending'") == [], "the answer has arrived")
    assert house.value("SELECT count(*) FROM outbox WHERE kind = 'answer'") == 1
    assert sum(text.startswith(("You said", "word")) for text in olga.sees()) == 1
    assert_one_death_is_booked(house, claude, asked)


def test_a_lock_that_ends_in_time(fresh: tuple[House, Person, AnthropicServer]) -> None:
    """While another program holds the database, settling waits: the answer and its true usage are kept afterwards."""
    house, olga, claude = fresh
    with claude.hold() as hold:
        olga.writes("Hello")
        claude.wait_until(lambda: claude.in_flight == 1, 10, "the request")
        with locked(database_of(house)):
            hold.release()
            claude.wait_until(lambda: claude.in_flight == 0, 10, "the answer has been sent")
            assert booked(house) == []
    assert olga.reads(20).startswith("You said")
    ((upper, cost, reported),) = booked(house)
    assert (int(str(cost)) < int(str(upper)), reported) == (True, 1)
    assert "✓ ledger: it balances" in house.run("check").stdout


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A room that waits for a locked database no longer than a moment."""
    monkeypatch.setattr("bot.store.sqlite.BUSY_SECONDS", 0.05)
    monkeypatch.setitem(postgresql._SESSION, "lock_timeout", "50ms")  # noqa: SLF001 - for a test that ends soon
    with AnthropicServer() as claude, Room(tmp_path, claude) as made:
        yield made


class Unlocks(logging.Handler):
    """Ends a lock when the house logs that a turn failed."""

    def __init__(self, lock: Lock) -> None:
        super().__init__()
        self.other = lock

    def emit(self, record: logging.LogRecord) -> None:
        """End the lock."""
        del record
        self.other.free()


def locks_then_answers(room: Room, lock: Lock) -> Any:
    """Return a script that locks the house's database in the moment of the first answer."""

    def script(_: object) -> Answer:
        if len(room.claude.message_requests) == 1:
            lock.take()
        return Answer(text="Here you are.")

    return script


@pytest.mark.both_stores
def test_a_lock_that_outlasts_the_answer(hasty: Room) -> None:
    """What cannot be settled is charged in full when the turn is stated to have failed; the books balance."""
    with closing(Lock(hasty.database.url)) as lock:
        hasty.claude.script = locks_then_answers(hasty, lock)
        unlocks = Unlocks(lock)
        logging.getLogger("workers.turns").addHandler(unlocks)
        assert hasty.asks("Hello") == INSIDE
        logging.getLogger("workers.turns").removeHandler(unlocks)
    with hasty.database.read() as tx:
        assert audit.imbalances(tx) == []
        row = tx.execute(select(ledger.c.cost, ledger.c.reported, reservations.c.upper).join(reservations)).one()
    assert (row.cost, row.reported) == (row.upper, False)
    assert hasty.asks("And now?") == "Here you are."


@pytest.mark.both_stores
def test_a_lock_that_outlasts_the_failure(hasty: Room) -> None:
    """Where not even the failure could be written, the turn is taken up again: charged, asked once more, answered once."""
    with closing(Lock(hasty.database.url)) as lock:
        hasty.claude.script = locks_then_answers(hasty, lock)
        with pytest.raises(OperationalError, match=r"database is locked|lock timeout"):
            hasty.asks("Hello")
        lock.free()
    with hasty.database.write() as tx:  # as the worker does with claims that none of its threads holds any more
        (worker,) = tx.exec_driver_sql("SELECT worker FROM conversations WHERE claim IS NOT NULL").scalars()
        conversations.give_back(tx, conversations.claims_of(tx, worker))
    hasty.runner().run_turn(1, None)
    assert hasty.replies(1) == ["Here you are."]
    with hasty.database.read() as tx:
        assert audit.imbalances(tx) == []
        rows = tx.execute(select(ledger.c.cost, ledger.c.reported, reservations.c.upper).join(reservations)).all()
    assert [(row.cost == row.upper, row.reported) for row in rows] == [(True, False), (False, True)]

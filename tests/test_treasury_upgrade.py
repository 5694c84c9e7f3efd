"""A house of before the treasury: its books are carried over, balance, and go on."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from bot.ports import Usage
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from bot.store.treasury_tables import budgets, ledger
from bot.treasury import audit, figures
from bot.treasury.budgets import Spender
from tests.spenders import NOW, treasury, wish

BEFORE = ("house_0001.py", "house_0002.py", "house_0003.py")
FIRST, LAST, TODAY = "day:2026-10-31", "day:2026-11-20", "day:2026-11-21"
ADA = Spender(turn_id=1, conversation_id=1, person_id=1, butler="assistant")
# A turn, its day, what was reserved, and what was charged: None where it is still held, or whether anybody reported it.
REQUESTS = (
    (1, FIRST, 900, 300, True),
    (1, FIRST, 900, 900, False),
    (2, LAST, 700, 70, True),
    (3, TODAY, 500, 50, True),
    (3, TODAY, 500, 0, True),
    (3, TODAY, 400, None, None),
    (4, TODAY, 600, None, None),  # the only one of its person and butler
)
TURNS = {1: (1, "assistant"), 2: (2, "assistant"), 3: (1, "cook"), 4: (3, "general")}


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Database]:
    """The database of a house that has just been stopped in the middle of two requests, by the version of before."""
    steps = tmp_path / "house"
    steps.mkdir()
    for name in BEFORE:
        shutil.copy(migrate.HOUSE[0] / name, steps)
    with closing(Database(sqlite_url(tmp_path / "house.db"))) as made:
        migrate.upgrade_here({made.url: (steps,)})
        with made.write() as tx:
            fill(tx)
        yield made


def put(tx: Connection, table: str, **values: object) -> None:
    """Add a row to a table as it was."""
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    tx.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608 - ours


def fill(tx: Connection) -> None:
    """Write what the version of before wrote."""
    for number in (1, 2, 3):
        put(tx, "people", id=number, name=f"P{number}", role="member", created_at=str(NOW)[:19])
        place = {"id": number, "channel": "telegram", "chat": str(number), "thread": "", "private": 1}
        put(tx, "conversations", **place, prompt_from=0, thoughts_from=0)
    for number, (person, butler) in TURNS.items():
        about = {"id": number, "conversation_id": person, "person_id": person, "butler": butler, "trigger": "message"}
        put(tx, "turns", **about, model="m", state="running", steps=0, attempts=0, started_at=str(NOW)[:19])
    for day in (FIRST, LAST, TODAY):
        mine = [one for one in REQUESTS if one[1] == day]
        held = sum(upper for *_, upper, cost, _ in mine if cost is None)
        put(tx, "budgets", scope="house", period=day, held=held, spent=sum(cost or 0 for *_, cost, _ in mine))
    for number, (turn, day, upper, cost, reported) in enumerate(REQUESTS, start=1):
        which = {"turn_id": turn, "key_id": "anthropic-1", "model": "claude-sonnet-5-5"}
        state = "held" if cost is None else "settled"
        put(tx, "reservations", id=number, **which, period=day, upper=upper, state=state, made_at=str(NOW)[:19])
        if cost is not None:
            used = {"input": cost // 10, "output": cost // 50, "cache_read": 7, "cache_write": 3} if reported and cost else {}
            tokens = {"input": 0, "output": 0, "cache_read": 0, "cache_write": 0} | used
            about = {"at": str(NOW)[:19], "cost": cost, "reported": reported}
            put(tx, "ledger", id=number, reservation_id=number, **which, **tokens, **about)


def test_what_was_spent_before_stands_in_every_book(old: Database) -> None:
    """Months, butlers and people have spent what the house had, what is held is held for them too, and all of it balances."""
    migrate.upgrade_here({old.url: migrate.HOUSE})
    with old.read() as tx:
        assert audit.imbalances(tx) == []
        rows = {(row.scope, row.period): (row.spent, row.held, row.unreported) for row in tx.execute(select(budgets))}
        spent = figures.by_spender(tx, NOW)
    assert rows["house", FIRST] == rows["person:1", FIRST] == rows["house", "month:2026-10"] == (1200, 0, 900)
    assert rows["house", "month:2026-11"] == (120, 1000, 0)
    assert rows["person:1", "month:2026-11"] == rows["butler:cook", "month:2026-11"] == (50, 400, 0)
    assert rows["butler:general", TODAY] == rows["person:3", TODAY] == (0, 600, 0)
    assert (spent["house"].today, spent["house"].month, spent["house"].tokens_month) == (50, 120, 7 + 1 + 3 + 5 + 1 + 3)


def test_what_was_reserved_before_is_charged_after(old: Database) -> None:
    """A request of before that was under way at the update becomes spent in all its books, once."""
    migrate.upgrade_here({old.url: migrate.HOUSE})
    purse = treasury()
    with old.write() as tx:
        purse.enter_keys(tx, NOW)
        for _ in range(2):
            purse.charge_left(tx, 3, NOW)
            purse.charge_left(tx, 4, NOW)
        assert audit.imbalances(tx) == []
        spent = figures.by_spender(tx, NOW)
        assert [(spent[who].today, spent[who].held) for who in ("house", "person:1", "butler:general")] == [
            (1050, 0),
            (450, 0),
            (600, 0),
        ]
        assert spent["house"].unreported == 1000


def test_money_goes_on(old: Database) -> None:
    """After the update requests are reserved and settled, on top of what was spent before."""
    migrate.upgrade_here({old.url: migrate.HOUSE})
    purse = treasury()
    with old.write() as tx:
        purse.enter_keys(tx, NOW)
        reservation = purse.reserve(tx, wish(spender=ADA), NOW)
        purse.settle(tx, reservation, Usage(input=1000, output=100), NOW)
        assert audit.imbalances(tx) == []
        assert figures.of(tx, "house", NOW).today == 50 + 3_000_000
        assert figures.of(tx, "person:1", NOW).month == 50 + 3_000_000


def test_requests_that_cost_nothing_are_carried_over(old: Database) -> None:
    """The rehearsal model's requests opened no budget before; after the update the books balance all the same."""
    day = "day:2026-11-19"
    with old.write() as tx:
        which = {"turn_id": 1, "key_id": "rehearsal", "model": "rehearsal"}
        put(tx, "reservations", id=50, **which, period=day, upper=0, state="settled", made_at=str(NOW)[:19])
        tokens = {"input": 11, "output": 2, "cache_read": 0, "cache_write": 0}
        put(tx, "ledger", id=50, reservation_id=50, **which, **tokens, at=str(NOW)[:19], cost=0, reported=True)
    migrate.upgrade_here({old.url: migrate.HOUSE})
    with old.read() as tx:
        assert audit.imbalances(tx) == []
        assert figures.of(tx, "house", datetime(2026, 11, 19, 8, tzinfo=UTC)).tokens_today == 13
        assert tx.scalar(select(func.count()).select_from(ledger)) == 6


def test_an_empty_house_is_carried_over(tmp_path: Path) -> None:
    """Where nothing was spent yet there is nothing to carry."""
    with closing(Database(sqlite_url(tmp_path / "house.db"))) as made:
        migrate.upgrade_here({made.url: migrate.HOUSE})
        with made.read() as tx:
            assert audit.imbalances(tx) == []
            assert tx.execute(select(budgets)).all() == []

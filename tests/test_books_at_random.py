"""The books at random: whatever happens in whatever order, they balance, and no cap is passed."""

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from bot.errors import AllDry, BudgetSpent
from bot.ports import Usage
from bot.store.database import Database
from bot.store.treasury_tables import budgets
from bot.treasury import audit
from bot.treasury.budgets import HOUSE, Cap, Spender
from bot.treasury.keys import Key
from bot.treasury.reservation import Reservation
from bot.treasury.treasury import Treasury
from tests.hammers import Kind, house, usd
from tests.spenders import NOW, treasury, wish
from tests.test_midnight import assert_free_is_true

KEYS = (*(Key(f"anthropic-{n}", "anthropic", f"sk-{n}") for n in (1, 2, 3)), Key("nvidia-1", "nvidia", "sk-4"))
CAPS = (
    Cap(HOUSE, "month", "tokens", 150_000),
    usd("butler:cook", "day", "0.15"),
    Cap("person:2", "month", "tokens", 60_000),
    usd("root", "all", "0.12"),
    Cap("turn", "all", "tokens", 20_000),
)
STEPS = st.one_of(
    st.tuples(st.just("reserve"), st.integers(0, 1), st.integers(1, 6), st.integers(0, 20_000), st.booleans()),
    st.tuples(st.sampled_from(["settle", "release", "charge"]), st.integers(0, 1), st.integers(0, 20), st.floats(0, 1)),
    st.tuples(st.just("crash"), st.integers(0, 1), st.integers(1, 6)),
    st.tuples(st.just("jump"), st.integers(-30, 40)),  # hours
    st.tuples(st.just("restart"), st.integers(0, 1), st.booleans()),
)


class Undone(Exception):
    """Nothing of this example is kept."""


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The books of a house, in which every example begins anew."""
    folder: Path = tmp_path_factory.mktemp("random")
    with closing(house(folder / "house.db", Kind([]), folder / "calls")) as made:
        yield made


def spender(turn: int) -> Spender:
    """Return whose money a turn costs: turns 4 to 6 are children of turns 1 to 3."""
    root = turn - 3 if turn > 3 else None
    return Spender(turn, turn, 1 + turn % 2, ("cook", "assistant")[turn % 2], root, "feeding" if turn == 6 else None)


@dataclass
class Life:
    """A house with two workers, to which things happen."""

    tx: Connection
    workers: list[Treasury] = field(default_factory=lambda: [_worker(), _worker()])
    under_way: list[Reservation] = field(default_factory=list)
    now: datetime = NOW

    def goes_on(self, what: str, *details: Any) -> None:
        """Let a step happen."""
        getattr(self, f"_{what}")(*details)

    def _reserve(self, worker: int, turn: int, size: int, near: bool) -> None:  # noqa: FBT001 - as it was drawn
        asked = wish(size, 4000, spender(turn), near=near, counted=size // 4 if near else None)
        with suppress(BudgetSpent, AllDry), self.tx.begin_nested():
            self.under_way.append(self.workers[worker].reserve(self.tx, asked, self.now))

    def _settle(self, worker: int, which: int, share: float) -> None:
        for made in self._some(which):
            prompt, output = int((made.tokens - made.max_output) * share), int(made.max_output * share)
            usage = Usage(input=prompt - prompt // 2, cache_write=prompt // 2, output=output)
            self.workers[worker].settle(self.tx, made, usage, self.now)

    def _release(self, worker: int, which: int, _: float) -> None:
        for made in self._some(which):
            self.workers[worker].release(self.tx, made, self.now)

    def _charge(self, worker: int, which: int, _: float) -> None:
        for made in self._some(which):
            self.workers[worker].charge(self.tx, made, self.now)

    def _crash(self, worker: int, turn: int) -> None:
        self.workers[worker].charge_left(self.tx, turn, self.now)  # late answers may still come

    def _jump(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def _restart(self, worker: int, swapped: bool) -> None:  # noqa: FBT001 - as it was drawn
        keys = (*KEYS[:2], Key("anthropic-3", "anthropic", "another" if swapped else "sk-3"), KEYS[3])
        self.workers[worker] = _worker(keys)
        self.workers[worker].enter_keys(self.tx, self.now)

    def _some(self, which: int) -> list[Reservation]:
        """Return a reservation, if there is one; it may have been booked before."""
        return self.under_way[which % len(self.under_way) :][:1] if self.under_way else []


def _worker(keys: tuple[Key, ...] = KEYS) -> Treasury:
    return treasury(Decimal("0.3"), keys, CAPS, tokens_per_day=40_000, tokens_per_month=70_000)


def assert_all_is_well(life: Life) -> None:
    """Assert that the ledger balances, that no cap is passed, and that what is free of each key is what its budgets leave."""
    assert audit.imbalances(life.tx) == []
    worker = life.workers[0]
    most: dict[tuple[str, str, str], int] = {(cap.scope, cap.period, cap.unit): cap.amount for cap in worker.caps}
    most |= {("key", "day", "tokens"): 40_000, ("key", "month", "tokens"): 70_000}
    for row in life.tx.execute(select(budgets)):
        kind, period = row.scope.partition(":")[0], row.period.partition(":")[0]
        figures = {"usd": row.spent + row.held, "tokens": row.spent_tokens + row.held_tokens}
        assert min(row.held, row.spent, row.held_tokens, row.spent_tokens) >= 0
        if row.scope.startswith("key:nvidia"):
            continue
        for unit, taken in figures.items():
            for scope in (row.scope, kind):
                assert taken <= most.get((scope, period, unit), taken), (row, unit)
    assert_free_is_true(life.tx, worker)


@settings(max_examples=int(os.environ.get("BUTLERS_FUZZ", "100")), deadline=None)
@given(st.lists(STEPS, min_size=3, max_size=30))
def test_the_books_balance_whatever_happens(books: Database, steps: list[tuple[Any, ...]]) -> None:
    """Two workers reserve, settle, crash, restart with other keys and jump in time: every balance and cap holds each time."""
    with suppress(Undone), books.write() as tx:
        life = Life(tx)
        for worker in life.workers:
            worker.enter_keys(tx, NOW)
        for step in steps:
            life.goes_on(*step)
            assert_all_is_well(life)
        raise Undone

"""Midnight, the end of the month, and clocks that jump: no token is lost from the books, and none is spent twice."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot.errors import BudgetSpent
from bot.ports import Usage
from bot.store.treasury_tables import budgets, keys
from bot.treasury import audit, figures
from bot.treasury.keys import Key
from bot.treasury.providers import UNLIMITED
from bot.treasury.ring import scope_of
from bot.treasury.treasury import Treasury
from tests.hammers import Kind, house
from tests.spenders import KEYS, NOW, treasury, wish

TEN = Usage(input=10)
LATE = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
EARLY = LATE + timedelta(seconds=2)
LIMITS: dict[str, Any] = {"tokens_per_day": 100_000, "tokens_per_month": 150_000}


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    """The books of a house."""
    with closing(house(tmp_path / "house.db", Kind([]), tmp_path / "calls")) as made, made.write() as opened:
        yield opened
        assert audit.imbalances(opened) == []


def assert_free_is_true(tx: Connection, purse: Treasury) -> None:
    """Assert that of each key so much is free as its budgets leave."""
    for row in tx.execute(select(keys).where(keys.c.is_set)):
        provider = purse.providers[row.provider]
        most = {row.day: provider.tokens_per_day, f"month:{row.day[4:11]}": provider.tokens_per_month}
        mine = select(budgets).where(budgets.c.scope == scope_of(row.id, row.fingerprint))
        used = {one.period: one.spent_tokens + one.held_tokens for one in tx.execute(mine)}
        left = (limit - used.get(period, 0) for period, limit in most.items() if limit is not None)
        assert row.free == min(UNLIMITED, *left), row


@pytest.mark.parametrize("end", ["settle", "charge", "charge_left", "release"])
def test_a_request_over_the_end_of_a_month_is_booked_in_its_own(tx: Connection, end: str) -> None:
    """What was reserved in November is spent in November, however late it ends."""
    purse = treasury(**LIMITS)
    purse.enter_keys(tx, LATE)
    made = purse.reserve(tx, wish(), LATE)
    other = purse.reserve(tx, wish(), EARLY)
    if end == "settle":
        purse.settle(tx, made, TEN, EARLY)
    elif end == "charge_left":
        purse.release(tx, other, EARLY)
        purse.charge_left(tx, 1, EARLY)
    else:
        getattr(purse, end)(tx, made, EARLY)
    spent = {"settle": 10, "release": 0}.get(end, made.tokens)
    before, after = figures.of(tx, "house", LATE), figures.of(tx, "house", EARLY)
    assert (before.tokens_today, before.tokens_month, before.held) == (spent, spent, 0)
    assert (after.tokens_today, after.tokens_month) == (0, 0)
    assert after.held == (0 if end == "charge_left" else other.upper)
    assert_free_is_true(tx, purse)


def test_what_comes_back_after_midnight_is_free_for_the_month(tx: Connection) -> None:
    """A key whose month is nearly used up gets back what yesterday's request did not need."""
    purse = treasury(**LIMITS)
    purse.enter_keys(tx, NOW)
    made = purse.reserve(tx, wish(70_000, 20_000), NOW)
    tomorrow = NOW + timedelta(days=1)
    purse.settle(tx, purse.reserve(tx, wish(40_000, 10_000), tomorrow), TEN, tomorrow)
    purse.settle(tx, made, TEN, tomorrow)
    assert_free_is_true(tx, purse)
    purse.reserve(tx, wish(70_000, 20_000), tomorrow)
    assert_free_is_true(tx, purse)


def test_a_clock_that_jumps_back_over_midnight(tx: Connection) -> None:
    """The day before is spent on again as far as its own cap allows, and the new day is as it was when it comes again."""
    purse = treasury(Decimal("0.03"), **LIMITS)
    purse.enter_keys(tx, LATE)
    for _ in range(2):
        for now in (EARLY, LATE):
            made = purse.reserve(tx, wish(), now)
            with pytest.raises(BudgetSpent):
                purse.reserve(tx, wish(), now)
            purse.settle(tx, made, TEN, EARLY if now is LATE else LATE)
            assert_free_is_true(tx, purse)
    for now in (EARLY, LATE):
        assert figures.of(tx, "house", now).tokens_today == figures.of(tx, "house", now).tokens_month == 20


def test_two_workers_whose_clocks_differ(tx: Connection) -> None:
    """One thinks that it is yesterday: each books in its own day, and both know what is free of their key."""
    ahead, behind = treasury(**LIMITS), treasury(**LIMITS)
    ahead.enter_keys(tx, EARLY)
    behind.enter_keys(tx, LATE)
    for _ in range(3):
        first = ahead.reserve(tx, wish(), EARLY)
        assert_free_is_true(tx, ahead)
        second = behind.reserve(tx, wish(), LATE)
        assert_free_is_true(tx, ahead)
        ahead.settle(tx, first, TEN, EARLY)
        behind.settle(tx, second, TEN, LATE)
        assert_free_is_true(tx, ahead)
    assert figures.of(tx, "house", EARLY).tokens_today == figures.of(tx, "house", LATE).tokens_today == 30


def test_a_key_that_was_dry_yesterday_is_found_by_whoever_comes_first(tx: Connection) -> None:
    """A worker to which the day is not new finds the keys that another one has put back to yesterday."""
    ahead, behind = treasury(**LIMITS), treasury(**LIMITS)
    behind.enter_keys(tx, LATE)
    ahead.release(tx, ahead.reserve(tx, wish(), EARLY), EARLY)
    behind.charge(tx, behind.reserve(tx, wish(80_000, 10_000), LATE), LATE)  # puts the key back to yesterday, and uses it up
    ahead.reserve(tx, wish(80_000, 10_000), EARLY)
    assert_free_is_true(tx, ahead)


def test_two_workers_on_one_key(tx: Connection) -> None:
    """What one holds the other sees, to the token, and a second key is taken when the first is not enough."""
    both = (*KEYS, Key("anthropic-2", "anthropic", "sk-2"))
    first, second = treasury(keys=both, tokens_per_day=10_000), treasury(keys=both, tokens_per_day=10_000)
    first.enter_keys(tx, NOW)
    second.enter_keys(tx, NOW)
    mine, theirs = first.reserve(tx, wish(), NOW), second.reserve(tx, wish(), NOW)
    assert {mine.key_id, theirs.key_id} == {"anthropic-1", "anthropic-2"}
    assert_free_is_true(tx, first)
    second.settle(tx, theirs, Usage(output=20_000), NOW)  # more than the key may use: it is as it is
    first.settle(tx, mine, TEN, NOW)
    assert_free_is_true(tx, first)

"""Days of keys: what is left of each, by clocks that go on, jump and disagree, and by hints that are wrong."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from bot.store.treasury_tables import budgets, keys
from tests.tills import Till, provider

pytestmark = pytest.mark.both_stores

MILLION = 1_000_000


def test_a_new_day(tmp_path: Path) -> None:
    """At 00:00 UTC every key has its day anew, and what was reserved before counts in the old day."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=10_000)}, "alpha-1") as till:
        held = till.reserves(size=1000, output=4000)
        dry = till.is_dry(size=1000, output=4000)
        assert dry is not None
        assert (dry.until, dry.may_try_again) == (None, True)  # the other request may leave some of what it has set aside
        till.now = datetime(2026, 11, 22, tzinfo=UTC)
        assert till.spends(1000, size=1000, output=4000) == "alpha-1"
        till.settles(held, 5000)
        assert till.key("alpha-1").free == 9000


def test_a_day_that_is_used_up(tmp_path: Path) -> None:
    """What is spent comes back at 00:00 UTC, and whoever has to wait for it hears of that time."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=10_000)}, "alpha-1") as till:
        till.spends(9000, size=1000, output=4000)
        dry = till.is_dry(size=1000, output=4000)
        assert dry is not None
        assert (dry.until, dry.may_try_again) == (datetime(2026, 11, 22, tzinfo=UTC), False)


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    """Back and forth over midnight, no token is lost and none is given twice; two workers need not agree on the day."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=20_000)}, "alpha-1") as till:
        till.spends(9000)
        other = till._opened(till.treasury.keys)  # noqa: SLF001 - a second worker's
        till.passes(days=1)
        held = till.reserves()
        till.passes(days=-1)
        assert till.spends(2000) == "alpha-1"
        assert till.key("alpha-1").free == 9000
        till.settles(held, 4000)  # in the day in which it was reserved
        till.passes(days=1)
        mine, till.treasury = till.treasury, other
        till.spends(1000)
        assert till.key("alpha-1").free == 15_000
        till.passes(days=-1)
        till.spends(1000)
        assert till.key("alpha-1").free == 8000
        till.passes(days=1)
        till.treasury = mine
        assert till.spends(1000) == "alpha-1"
        with till.database.read() as tx:
            mine_of = budgets.c.scope.startswith("key:"), budgets.c.period.startswith("day:")
            rows = tx.execute(select(budgets.c.spent_tokens).where(*mine_of).order_by(budgets.c.period)).scalars()
            assert list(rows) == [12_000, 6_000]


def test_a_worker_that_is_late_for_a_new_day(tmp_path: Path) -> None:
    """What a late worker reserves in the old day takes nothing of the new one."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=20_000)}, "alpha-1") as till:
        till.spends(1000)
        late, till.treasury = till.treasury, till._opened(till.treasury.keys)  # noqa: SLF001 - another worker's
        till.passes(days=1)
        till.spends(1000)
        till.passes(days=-1)
        till.treasury = late
        held = till.reserves()
        till.settles(held, 1000)
        till.passes(days=1)
        till.spends(1000)
        assert till.key("alpha-1").free == 18_000


def test_a_hint_of_the_wrong_day(tmp_path: Path) -> None:
    """A worker whose keys were counted for another day meanwhile counts them anew before it calls them dry."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=20_000)}, "alpha-1") as till:
        till.spends(19_000)
        till.passes(days=1)
        till.spends(1000)
        with till.database.write() as tx:  # by a worker whose clock went back
            tx.execute(update(keys).values(day="day:2026-11-21", free=1000))
        assert till.spends(1000) == "alpha-1"
        assert (till.key("alpha-1").day, till.key("alpha-1").free) == ("day:2026-11-22", 18_000)


def test_a_month_s_limit(tmp_path: Path) -> None:
    """A month's limit holds across days, and a day before its end the wait is until the next month."""
    limits = {"tokens_per_day": 20_000, "tokens_per_month": 30_000}
    with Till(tmp_path, {"alpha": provider(**limits)}, "alpha-1") as till:
        till.spends(18_000)
        till.passes(days=1)
        till.spends(6000)
        assert till.key("alpha-1").free == 6000
        dry = till.is_dry()
        assert dry is not None
        assert dry.until == datetime(2026, 12, 1, tzinfo=UTC)
        till.now = datetime(2026, 12, 1, tzinfo=UTC)
        assert till.spends(18_000) == "alpha-1"


@pytest.mark.parametrize("wrong", [-5, 0, 5000])
def test_a_hint_that_is_too_low(tmp_path: Path, wrong: int) -> None:
    """A key is called dry by the books only."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=20_000)}, "alpha-1") as till:
        till.spends(1000)
        with till.database.write() as tx:
            tx.execute(update(keys).values(free=wrong))
        assert till.spends() == "alpha-1"
        assert till.key("alpha-1").free == 18_900


def test_a_hint_that_is_too_high(tmp_path: Path) -> None:
    """A key that only seems to have the most left is counted by the books: the next one answers, or none."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=20_000)}, "alpha-1 alpha-2") as till:
        assert till.spends(15_000, spender=till.another()) == "alpha-1"
        with till.database.write() as tx:
            tx.execute(update(keys).where(keys.c.id == "alpha-1").values(free=MILLION))
        assert till.spends(15_000) == "alpha-2"
        assert till.key("alpha-1").free == 5000
        with till.database.write() as tx:
            tx.execute(update(keys).values(free=MILLION))
        dry = till.is_dry()
        assert dry is not None
        assert dry.until == datetime(2026, 11, 22, tzinfo=UTC)

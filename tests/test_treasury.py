"""Money: reserved before, settled after, and never a nano-dollar over the cap."""

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from bot.errors import BudgetSpent, ConfigurationError
from bot.ports import Prompt, PromptMessage, Text, Usage
from bot.store.database import Database
from bot.store.tables import ledger, reservations
from bot.treasury.prices import NANO, nano, price
from bot.treasury.treasury import Treasury
from tests.houses import ROOT, wait_until
from tests.spenders import CAP, NOW, SONNET

PROCESSES = 32


def test_what_a_request_used_is_what_it_costs(database: Database) -> None:
    """Each kind of token has its price, and what was reserved beyond it is given back."""
    treasury = Treasury(CAP, ["anthropic-1"])
    with database.write() as tx:
        reservation = treasury.reserve(tx, 1, SONNET, 10_000, 1_000, NOW)
        assert treasury.standing(tx, NOW).held == Decimal(reservation.upper) / NANO
        treasury.settle(tx, reservation, Usage(input=1000, output=100, cache_read=10_000, cache_write=1000), NOW)
        standing = treasury.standing(tx, NOW)
        assert standing.spent == Decimal("0.0065")  # 0.002 + 0.001 + 0.001 + 0.0025
        assert standing.held == 0
        assert treasury.cost_of(tx, 1) == standing.spent


def test_a_longer_prompt_may_have_another_price() -> None:
    """Haiku 5.5 costs five times as much above 100,000 tokens, whole request."""
    haiku = price("claude-haiku-5-5")
    assert haiku.charge(Usage(input=100_000, output=1000)) == nano(Decimal("0.0105"))
    assert haiku.charge(Usage(input=60_000, cache_read=50_000, output=1000)) == nano(Decimal("0.035"))


def test_an_unknown_price_is_refused() -> None:
    """A model without a price is refused with the nearest one that has one."""
    with pytest.raises(ConfigurationError, match=r"no price is known for claude-sonet-5-5.*Did you mean claude-sonnet-5-5\?"):
        price("claude-sonet-5-5")


def test_what_nobody_reported_is_charged_in_full(database: Database) -> None:
    """After a crash or a stop the whole reservation counts as spent, once, and is marked."""
    treasury = Treasury(CAP, ["anthropic-1"])
    with database.write() as tx:
        reservation = treasury.reserve(tx, 1, SONNET, 10_000, 1_000, NOW)
        treasury.charge_left(tx, 1, NOW)
        treasury.charge_left(tx, 1, NOW)
        treasury.settle(tx, reservation, Usage(input=1), NOW)  # the late answer of a turn that was stopped
        assert nano(treasury.standing(tx, NOW).spent) == reservation.upper
        assert tx.execute(select(ledger.c.cost, ledger.c.reported)).all() == [(reservation.upper, False)]


def test_the_day_ends_at_midnight_in_utc(database: Database) -> None:
    """A spent day does not burden the next, and a reservation is settled in the day that it was made in."""
    treasury = Treasury(Decimal("0.05"), ["anthropic-1"])
    late = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
    with database.write() as tx:
        reservation = treasury.reserve(tx, 1, SONNET, 2000, 3000, late)
        with pytest.raises(BudgetSpent, match=r"The house may spend \$0\.05 a day"):
            treasury.reserve(tx, 1, SONNET, 2000, 3000, late)
        early = late + timedelta(minutes=2)
        treasury.reserve(tx, 1, SONNET, 2000, 3000, early)
        treasury.settle(tx, reservation, Usage(output=3000), early)
        assert treasury.standing(tx, late).spent == Decimal("0.03")
        assert treasury.standing(tx, early).spent == 0


@given(st.text(max_size=300), st.integers(1, 16_000))
def test_no_prompt_costs_more_than_its_bound(text: str, most: int) -> None:
    """The bound holds even if every byte of a prompt were a token that is written to the cache."""
    prompt = Prompt(
        system=text or "x", tools=(), messages=(PromptMessage(role="user", content=(Text(text=text),)),), max_output=most
    )
    bound = price(SONNET).upper_bound(prompt.size, prompt.max_output)
    assert price(SONNET).charge(Usage(cache_write=2 * len(text.encode()) + 4000, output=most)) <= bound


def race(database: Database, calls: Path) -> "subprocess.Popen[str]":
    """Start the spenders."""
    command = [sys.executable, "-m", "tests.spenders", database.url, "1", str(calls), str(PROCESSES)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_the_cap_holds_in_a_race(database: Database, tmp_path: Path) -> None:
    """Thirty-two processes spend from one budget: nothing is spent above the cap, and nearly all below it."""
    calls = tmp_path / "calls"
    process = race(database, calls)
    process.communicate()
    used = [Usage.model_validate_json(line) for line in calls.read_text().splitlines()]
    spent = sum(price(SONNET).charge(usage) for usage in used)
    with database.read() as tx:
        standing = Treasury(CAP, ["anthropic-1"]).standing(tx, NOW)
    assert nano(standing.spent) == spent
    assert standing.held == 0
    bound = price(SONNET).upper_bound(2000, 1000)
    assert nano(CAP) - bound < spent <= nano(CAP)


def test_the_cap_holds_among_the_dying(database: Database, tmp_path: Path) -> None:
    """When spenders are killed at any moment, the provider never bills more than the house has counted, nor than the cap."""
    calls = tmp_path / "calls"
    process = race(database, calls)
    assert process.stdout is not None
    children = [int(pid) for pid in process.stdout.readline().split()]
    wait_until(lambda: calls.exists() and calls.stat().st_size > 5000, "they spend")
    for pid in random.Random(3).sample(children, PROCESSES // 2):  # noqa: S311
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    billed = sum(price(SONNET).charge(Usage.model_validate_json(line)) for line in calls.read_text().splitlines())
    treasury = Treasury(CAP, ["anthropic-1"])
    with database.write() as tx:
        assert nano(treasury.standing(tx, NOW).spent) + nano(treasury.standing(tx, NOW).held) <= nano(CAP)
        treasury.charge_left(tx, 1, NOW)
        standing = treasury.standing(tx, NOW)
        assert billed <= nano(standing.spent) <= nano(CAP)
        assert standing.held == 0
        assert tx.scalar(select(func.count()).select_from(reservations).where(reservations.c.state == "held")) == 0

"""Money: reserved before, settled after, and never a nano-dollar over the cap."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.errors import BudgetSpent, ConfigurationError
from bot.ports import Prompt, PromptMessage, Text, Usage
from bot.store.database import Database
from bot.store.treasury_tables import ledger
from bot.treasury import figures
from bot.treasury.prices import FRAME, NANO, dollars, nano
from bot.treasury.providers import Tier, read_providers
from tests.spenders import NOW, SONNET, treasury, wish

pytestmark = pytest.mark.both_stores

PROCESSES = 32
PRICES = read_providers()["anthropic"].models


def test_what_a_request_used_is_what_it_costs(database: Database) -> None:
    """Each kind of token has its price, and what was reserved beyond it is given back."""
    purse = treasury()
    with database.write() as tx:
        reservation = purse.reserve(tx, wish(10_000, 1_000), NOW)
        assert purse.standing(tx, NOW).held == Decimal(reservation.upper) / NANO
        purse.settle(tx, reservation, Usage(input=1000, output=100, cache_read=10_000, cache_write=1000), NOW)
        standing = purse.standing(tx, NOW)
        assert standing.spent == Decimal("0.0065")  # 0.002 + 0.001 + 0.001 + 0.0025
        assert standing.held == 0
        assert dollars(figures.of_turns(tx, [1]).cost) == standing.spent


def test_a_longer_prompt_may_have_another_price() -> None:
    """Haiku 5.5 costs five times as much above 100,000 tokens, whole request."""
    haiku = PRICES["claude-haiku-5-5"]
    assert haiku.charge(Usage(input=100_000, output=1000)) == nano(Decimal("0.0105"))
    assert haiku.charge(Usage(input=60_000, cache_read=50_000, output=1000)) == nano(Decimal("0.035"))


def test_an_unknown_price_is_refused() -> None:
    """A model without a price is refused with the nearest one that has one, and with the line that would give it one."""
    with pytest.raises(ConfigurationError, match=r"no price is known for claude-sonet-5-5.*Did you mean claude-sonnet-5-5\?"):
        read_providers(chosen={Tier.SMART: "claude-sonet-5-5"})


def test_what_nobody_reported_is_charged_in_full(database: Database) -> None:
    """After a crash or a stop the whole reservation counts as spent, once, and is marked."""
    purse = treasury()
    with database.write() as tx:
        reservation = purse.reserve(tx, wish(10_000, 1_000), NOW)
        purse.charge_left(tx, 1, NOW)
        purse.charge_left(tx, 1, NOW)
        purse.settle(tx, reservation, Usage(input=1), NOW)  # the late answer of a turn that was stopped
        assert nano(purse.standing(tx, NOW).spent) == reservation.upper
        assert tx.execute(select(ledger.c.cost, ledger.c.reported)).all() == [(reservation.upper, False)]


def test_the_day_ends_at_midnight_in_utc(database: Database) -> None:
    """A spent day does not burden the next, and a reservation is settled in the day that it was made in."""
    purse = treasury(Decimal("0.05"))
    late = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
    with database.write() as tx:
        reservation = purse.reserve(tx, wish(2000, 3000), late)
        with pytest.raises(BudgetSpent, match=r"The house may spend \$0\.05 a day"):
            purse.reserve(tx, wish(2000, 3000), late)
        early = late + timedelta(minutes=2)
        purse.reserve(tx, wish(2000, 3000), early)
        purse.settle(tx, reservation, Usage(output=3000), early)
        assert purse.standing(tx, late).spent == Decimal("0.03")
        assert purse.standing(tx, early).spent == 0


@given(st.text(max_size=300), st.integers(1, 16_000))
def test_no_prompt_costs_more_than_its_bound(text: str, most: int) -> None:
    """The bound holds even if every byte of a prompt were a token that is written to the cache."""
    prompt = Prompt(
        system=text or "x", tools=(), messages=(PromptMessage(role="user", content=(Text(text=text),)),), max_output=most
    )
    bound = PRICES[SONNET].upper_bound(prompt.size + FRAME, prompt.max_output)
    assert PRICES[SONNET].charge(Usage(cache_write=2 * len(text.encode()) + 4000, output=most)) <= bound

"""The books: every budget above a request is held and spent, in both units, and caps hold on each of them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot.errors import AllDry, BudgetSpent
from bot.ports import Route, Usage
from bot.store.treasury_tables import budgets as rows_of
from bot.store.treasury_tables import ledger
from bot.treasury import audit, caps
from bot.treasury.budgets import HOUSE, Cap, Spender, join_people
from bot.treasury.choice import LEAST_OUTPUT
from bot.treasury.keys import Key
from bot.treasury.prices import FRAME, nano
from bot.treasury.providers import Tier
from tests.hammers import Kind, house, usd
from tests.spenders import KEYS, NOW, treasury, wish

pytestmark = pytest.mark.both_stores

CHILD = Spender(turn_id=2, conversation_id=1, person_id=1, butler="cook", root_id=1, job="feeding")
ROOT = replace(CHILD, turn_id=1, butler="assistant", root_id=None, job=None)
MINE = ("house", "butler:cook", "person:1", "conversation:1", "job:feeding")
TODAY, MONTH = "day:2026-11-21", "month:2026-11"
NEAR: dict[str, Any] = {"counted": 100, "near": True, "spender": CHILD}
USAGE = Usage(input=1000, output=100, cache_read=10_000, cache_write=1000)  # 0.0065 dollars of Sonnet
COST, COUNTED = 6_500_000, 2100  # Anthropic does not count what it read from its cache


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    """The books of a house in which everybody has a turn."""
    with closing(house(tmp_path / "house.db", Kind([]), tmp_path / "calls")) as made, made.write() as opened:
        yield opened
        assert audit.imbalances(opened) == []


def rows(tx: Connection) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return what is held and spent of each budget: dollars and tokens, and what of it nobody reported."""
    names = ("held", "spent", "held_tokens", "spent_tokens", "unreported")
    return {(row.scope, row.period): tuple(getattr(row, one) for one in names) for row in tx.execute(select(rows_of))}


@pytest.mark.parametrize("way", ["settle", "release", "charge", "charge_left"])
def test_every_budget_above_a_request_counts_it(tx: Connection, way: str) -> None:
    """House, butler, person, conversation, job and key by day and month, root and turn as a whole: held, then spent."""
    purse = treasury()
    made = purse.reserve(tx, wish(spender=CHILD), NOW)
    places = {(scope, period) for scope in (*MINE, made.scopes[-1]) for period in (TODAY, MONTH)}
    places |= {("root:1", "all"), ("turn:2", "all")}
    assert rows(tx) == dict.fromkeys(places, (made.upper, 0, made.tokens, 0, 0))
    if way == "settle":
        purse.settle(tx, made, USAGE, NOW)
    elif way == "charge_left":
        purse.charge_left(tx, 2, NOW)
    else:
        getattr(purse, way)(tx, made, NOW)
    whole = (0, made.upper, 0, made.tokens, made.upper)
    wanted = {"settle": (0, COST, 0, COUNTED, 0), "release": (0, 0, 0, 0, 0)}.get(way, whole)
    assert rows(tx) == dict.fromkeys(places, wanted)
    purse.charge_left(tx, 2, NOW)
    purse.settle(tx, made, USAGE, NOW)  # too late
    assert rows(tx) == dict.fromkeys(places, wanted)


def test_a_request_cap_holds_over_a_root_and_its_children(tx: Connection) -> None:
    """What a child turn spends is missing for its root and for the next child; another request has its own cap."""
    purse = treasury(caps=[Cap("root", "all", "usd", nano(Decimal("0.06")))])
    for spender in (ROOT, CHILD):
        purse.settle(tx, purse.reserve(tx, wish(spender=spender), NOW), Usage(output=2500), NOW)
    for spender in (ROOT, CHILD, replace(CHILD, turn_id=3)):
        with pytest.raises(BudgetSpent, match=r"One request may spend \$0\.06, and this could cost up to \$0\.03"):
            purse.reserve(tx, wish(spender=spender), NOW)
    purse.reserve(tx, wish(spender=replace(ROOT, turn_id=4)), NOW)


def test_a_step_of_a_request_may_have_a_cap_of_its_own(tx: Connection) -> None:
    """A cap for turns holds for each child turn, and leaves its siblings alone."""
    purse = treasury(caps=[Cap("turn", "all", "usd", nano(Decimal("0.04")))])
    purse.settle(tx, purse.reserve(tx, wish(spender=CHILD), NOW), Usage(output=2500), NOW)
    with pytest.raises(BudgetSpent, match=r"One step of a request may spend \$0\.04, "):
        purse.reserve(tx, wish(spender=CHILD), NOW)
    purse.reserve(tx, wish(spender=replace(CHILD, turn_id=3)), NOW)


@pytest.mark.parametrize("scope", [HOUSE, "butler:cook", "person:1", "job:feeding", "conversation:1"])
@pytest.mark.parametrize("period", ["day", "month"])
@pytest.mark.parametrize("unit", ["usd", "tokens"])
def test_every_cap_holds(tx: Connection, scope: str, period: str, unit: str) -> None:
    """A cap of dollars or tokens, for a day or a month, on any budget: what fits passes, and the next does not."""
    made = treasury().reserve(tx, wish(spender=CHILD), NOW)
    treasury().release(tx, made, NOW)
    most = made.upper if unit == "usd" else made.tokens
    purse = treasury(caps=[Cap(scope, period, unit, 2 * most - 1)])  # type: ignore[arg-type] # a unit
    first = purse.reserve(tx, wish(spender=CHILD), NOW)
    with pytest.raises(BudgetSpent):
        purse.reserve(tx, wish(spender=CHILD), NOW)
    purse.charge(tx, first, NOW)
    with pytest.raises(BudgetSpent):
        purse.reserve(tx, wish(spender=CHILD), NOW)
    purse.reserve(tx, wish(spender=CHILD), NOW + timedelta(days=1 if period == "day" else 10))


def test_what_was_set_in_a_chat_goes_before_the_settings(tx: Connection) -> None:
    """A cap of a chat takes the place of the one in the settings, until it is taken away."""
    purse = treasury(Decimal("0.01"))
    with pytest.raises(BudgetSpent, match=r"The house may spend \$0\.01 a day"):
        purse.reserve(tx, wish(), NOW)
    caps.set_cap(tx, HOUSE, "day", "usd", nano(Decimal(1)), NOW)
    purse.release(tx, purse.reserve(tx, wish(), NOW), NOW)
    caps.take_away(tx, HOUSE, "day")
    with pytest.raises(BudgetSpent):
        purse.reserve(tx, wish(), NOW)


def test_a_raise_ends_with_its_day(tx: Connection) -> None:
    """What is raised is raised for today, twice if twice; the month, and tomorrow, are as they were."""
    purse = treasury(Decimal("0.01"))
    for _ in range(2):
        caps.raise_today(tx, nano(Decimal("0.02")), NOW)
    assert purse.standing(tx, NOW).cap == Decimal("0.05")
    purse.charge(tx, purse.reserve(tx, wish(), NOW), NOW)
    late = NOW.replace(hour=23, minute=59)
    assert purse.standing(tx, late).cap == Decimal("0.05")
    assert purse.standing(tx, late + timedelta(minutes=1)).cap == Decimal("0.01")
    with pytest.raises(BudgetSpent, match=r"\$0\.01 a day"):
        purse.reserve(tx, wish(), late + timedelta(minutes=1))


def test_usage_beyond_what_was_reserved_is_booked_as_it_is(tx: Connection) -> None:
    """A provider that reports more than the bound is believed, and nothing more is given."""
    purse = treasury(Decimal("0.1"))
    purse.settle(tx, purse.reserve(tx, wish(), NOW), Usage(output=20_000), NOW)
    assert purse.standing(tx, NOW).spent == Decimal("0.2")
    assert purse.standing(tx, NOW).held == 0
    with pytest.raises(BudgetSpent, match=r"while \$0\.00 are left"):
        purse.reserve(tx, wish(), NOW)


def test_what_costs_nothing_needs_no_dollars(tx: Connection) -> None:
    """Where more is spent than a cap allows, a key that is billed nothing goes on; a cap in tokens still holds for it."""
    caps.raise_today(tx, -nano(Decimal(2)) - 1, NOW)  # the cap is below what is spent
    free = treasury(free=True)
    made = free.reserve(tx, wish(), NOW)
    assert made.upper == 0
    free.settle(tx, made, USAGE, NOW)
    assert rows(tx)[HOUSE, TODAY][:4] == (0, 0, 0, COUNTED)
    with pytest.raises(BudgetSpent, match="tokens a day"):
        treasury(free=True, caps=[Cap(HOUSE, "day", "tokens", 3000)]).reserve(tx, wish(), NOW)


def test_cache_reads_count_by_the_rule_of_the_provider(tx: Connection) -> None:
    """They are priced apart, and whether they count towards limits is the provider's to say."""
    for counts, tokens in ((True, 12_100), (False, 2_100)):
        purse = treasury(counts_cache_reads=counts)
        made = purse.reserve(tx, wish(), NOW)
        before = rows(tx)[made.scopes[-1], TODAY][3]
        purse.settle(tx, made, USAGE, NOW)
        assert rows(tx)[made.scopes[-1], TODAY][3] - before == tokens
    assert tx.execute(select(ledger.c.cost, ledger.c.tokens)).all() == [(COST, 12_100), (COST, 2_100)]


def test_a_shorter_answer_fits_under_every_cap(tx: Connection) -> None:
    """Near a cap the longest answer is what the tightest of them leaves, and never below the least that makes sense."""
    for cap, room in ((usd(HOUSE, "day", "0.03025"), 3000), (Cap("person:1", "month", "tokens", 5200), 2000)):
        purse = treasury(caps=[cap])
        assert purse.reserve(tx, wish(output=16_000, **NEAR), NOW).max_output == room
        purse.charge_left(tx, 2, NOW)
        with pytest.raises(BudgetSpent):
            purse.reserve(tx, wish(output=16_000, **NEAR), NOW)
    tight = Cap("job:feeding", "day", "tokens", 3100 + 2100 + 100 + LEAST_OUTPUT - 1)
    with pytest.raises(BudgetSpent):
        treasury(caps=[tight]).reserve(tx, wish(output=16_000, **NEAR), NOW)
    fits = treasury(caps=[replace(tight, amount=tight.amount + 1)]).reserve(tx, wish(output=16_000, **NEAR), NOW)
    assert fits.max_output == LEAST_OUTPUT


def test_a_key_with_too_little_for_an_answer_is_no_key(tx: Connection) -> None:
    """One whose day has room for the prompt and a few words is passed over, and where it is the only one all is dry."""
    purse = treasury(keys=(*KEYS, Key("anthropic-2", "anthropic", "sk-2")), tokens_per_day=3000)
    purse.enter_keys(tx, NOW)
    for _ in range(2):
        purse.settle(tx, purse.reserve(tx, wish(output=2900, **NEAR), NOW), Usage(output=2000), NOW)
    with pytest.raises(AllDry, match="has only 1,000 of its tokens left") as caught:
        purse.reserve(tx, wish(output=16_000, **NEAR), NOW)
    assert caught.value.until == datetime(2026, 11, 22, tzinfo=UTC)


def test_joined_people_have_one_budget(tx: Connection) -> None:
    """What two spent by day and month is one person's then, of requests under way as well, and a cap counts it all."""
    purse = treasury()
    other = Spender(turn_id=5, conversation_id=5, person_id=5, butler="cook")
    purse.settle(tx, purse.reserve(tx, wish(spender=ROOT), NOW), USAGE, NOW)
    purse.settle(tx, purse.reserve(tx, wish(spender=other), NOW - timedelta(days=1)), USAGE, NOW)
    purse.charge(tx, purse.reserve(tx, wish(spender=other), NOW), NOW)
    held = purse.reserve(tx, wish(spender=other), NOW)
    join_people(tx, 5, 1)
    assert audit.imbalances(tx) == []
    purse.charge_left(tx, 5, NOW)
    spent = {period: figures[1] for (scope, period), figures in rows(tx).items() if scope == "person:1"}
    assert spent == {"day:2026-11-20": COST, TODAY: COST + 2 * held.upper, MONTH: 2 * COST + 2 * held.upper}
    assert not any(scope == "person:5" for scope, _ in rows(tx))


def test_warnings_hold_nothing_but_keys_and_requests(tx: Connection) -> None:
    """Where caps only warn, a person's is passed; what one request may cost, and what a key may use, are held all the same."""
    caps.choose_mode(tx, "warn")
    held = usd("root", "all", "0.05")
    purse = treasury(Decimal("0.01"), caps=[usd("person:1", "month", "0.01"), held], tokens_per_day=20_000)
    purse.enter_keys(tx, NOW)
    purse.settle(tx, purse.reserve(tx, wish(), NOW), Usage(output=2000), NOW)
    with pytest.raises(BudgetSpent, match="One request may spend"):
        purse.reserve(tx, wish(output=3000), NOW)
    another = replace(ROOT, turn_id=4)
    purse.settle(tx, purse.reserve(tx, wish(spender=another), NOW), Usage(input=15_000), NOW)
    with pytest.raises(AllDry):
        purse.reserve(tx, wish(spender=replace(ROOT, turn_id=5)), NOW)


def test_a_count_holds_for_the_model_that_counted(tx: Connection) -> None:
    """What Claude counted says nothing about another model's tokens: for that one the bound by size holds."""
    purse = treasury(keys=[Key("nvidia-1", "nvidia", "sk")])
    purse.enter_keys(tx, NOW)
    claude = Route(provider="anthropic", key_id="anthropic-1", model="claude-sonnet-5-5")
    assert purse.reserve(tx, wish(2000, 1000, counted=10, counted_by=claude, near=True), NOW).tokens == 2000 + FRAME + 1000
    mine = claude.model_copy(update={"provider": "nvidia", "model": purse.expected_model(Tier.SMART)})
    assert purse.reserve(tx, wish(2000, 1000, counted=10, counted_by=mine, near=True), NOW).tokens == 10 + 1000

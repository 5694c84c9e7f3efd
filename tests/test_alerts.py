"""Alerts: what owners hear of caps that come near, each thing once."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from bot.ports import Usage
from bot.store.treasury_tables import key_history
from bot.treasury import caps
from bot.treasury.alerts import Alert
from bot.treasury.budgets import HOUSE, Cap
from bot.treasury.prices import nano
from bot.treasury.reservation import Reservation
from bot.treasury.treasury import Treasury
from tests.hammers import Kind, house
from tests.spenders import NOW, but_for_surplus, treasury, wish

CENT = Usage(output=1000)
DAY = "budget:house:day:2026-11-21"


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    """The books of a house."""
    with closing(house(tmp_path / "house.db", Kind([]), tmp_path / "calls")) as made, made.write() as opened:
        yield opened


def settles(tx: Connection, purse: Treasury, made: Reservation, usage: Usage) -> list[Alert]:
    """Settle a request; return what owners are to hear, but for that it was more than could be expected of such small ones."""
    return but_for_surplus(purse.settle(tx, made, usage, NOW))


def spends(tx: Connection, purse: Treasury, times: int) -> list[str]:
    """Spend a cent so many times; return what owners are to hear, without the amounts of caps."""
    told: list[Alert] = []
    for _ in range(times):
        made = purse.reserve(tx, wish(100, 100), NOW)
        told += settles(tx, purse, made, CENT)
    return [alert.key.rpartition(":")[0] for alert in told]


@pytest.mark.parametrize(("mode", "ends"), [("block", []), ("warn", [f"{DAY}:usd:100"])])
def test_each_step_towards_a_cap_is_told_once(tx: Connection, mode: str, ends: list[str]) -> None:
    """At 50, 75 and 90 % owners hear of it, and where a cap only warns once more when it is passed; spending goes on then."""
    caps.choose_mode(tx, mode)
    purse = treasury(Decimal("0.105"))
    assert spends(tx, purse, 5) == []
    assert spends(tx, purse, 1) == [f"{DAY}:usd:50"]
    assert spends(tx, purse, 1) == []
    assert spends(tx, purse, 1) == [f"{DAY}:usd:75"]
    made = [purse.reserve(tx, wish(100, 100), NOW) for _ in range(1)]
    assert spends(tx, purse, 1) == []
    assert [alert.key.rpartition(":")[0] for alert in settles(tx, purse, made[0], Usage(output=1600))] == [
        ends[0] if ends else f"{DAY}:usd:90"
    ]
    if mode == "warn":
        assert spends(tx, purse, 3) == []
        assert purse.standing(tx, NOW).spent == Decimal("0.136")


def test_steps_are_told_by_cap_and_unit(tx: Connection) -> None:
    """A person's tokens of a month and the house's dollars of a day are told apart, in words that name them."""
    purse = treasury(Decimal("0.04"), caps=[Cap("person:1", "month", "tokens", 40_000)])
    made = purse.reserve(tx, wish(100, 100), NOW)
    (first,) = settles(tx, purse, made, Usage(output=2000))
    assert first.words.startswith("The house has spent 50 % of the cap today: $0.02 of $0.04. Nothing more is spent beyond it;")
    caps.choose_mode(tx, "warn")
    made = purse.reserve(tx, wish(100, 100), NOW)
    told = settles(tx, purse, made, Usage(input=18_000))
    assert [alert.words.partition(":")[0] for alert in told] == [
        "The house has spent 140 % of the cap today",
        "Ada has spent 50 % of the cap this month",
    ]
    assert "It is passed, and the mode is warn, so spending goes on" in told[0].words


def test_a_raised_cap_comes_near_anew(tx: Connection) -> None:
    """Who heard of 90 % of a cap hears of 75 and 90 % of a higher one, too."""
    purse = treasury(Decimal("0.1"))
    assert spends(tx, purse, 9)[-1] == f"{DAY}:usd:90"
    caps.raise_today(tx, nano(Decimal("0.1")), NOW)
    assert spends(tx, purse, 1) == []
    assert spends(tx, purse, 8) == [f"{DAY}:usd:75", f"{DAY}:usd:90"]


@pytest.mark.parametrize("way", ["charge_left", "release"])
def test_what_comes_near_unheard_is_told_by_the_next_request(tx: Connection, way: str) -> None:
    """What a crash spent, or what a lowered cap makes near, is told when the next request is settled."""
    purse = treasury(Decimal(1))
    made = purse.reserve(tx, wish(100, 55_000), NOW)
    if way == "charge_left":
        purse.charge_left(tx, 1, NOW)
    else:
        purse.settle(tx, purse.reserve(tx, wish(100, 100), NOW), Usage(output=10_000), NOW)
        caps.set_cap(tx, HOUSE, "day", "usd", nano(Decimal("0.19")), NOW)
        purse.release(tx, made, NOW)
    assert spends(tx, purse, 1) == [f"{DAY}:usd:50"]


def test_three_quarters_of_a_key_are_told_once(tx: Connection) -> None:
    """The request that completes them tells it, and leaves a line in the history of keys."""
    purse = treasury(tokens_per_day=100_000)
    purse.enter_keys(tx, NOW)
    told = [
        alert for _ in range(10) for alert in settles(tx, purse, purse.reserve(tx, wish(100, 100), NOW), Usage(output=9000))
    ]
    (alert,) = told
    assert alert.words == "75 % of the day of anthropic-1 are used (81,000 of 100,000 tokens)."
    assert tx.scalars(select(key_history.c.event)).all() == ["alert"]


def test_what_is_more_than_was_set_aside_is_told(tx: Connection) -> None:
    """A request that is reported to have cost more than the most that was reserved is booked, and owners hear of it."""
    purse = treasury(Decimal(5))
    made = purse.reserve(tx, wish(100, 100), NOW)
    (told,) = purse.settle(tx, made, Usage(output=10_000), NOW)
    assert "reported $0.1 for a request for which $0." in told.words
    assert purse.standing(tx, NOW).spent == Decimal("0.1")
    assert purse.standing(tx, NOW).held == 0
    assert purse.settle(tx, made, Usage(output=10_000), NOW) == []  # it is booked already
    made = purse.reserve(tx, wish(100, 100), NOW)
    assert purse.settle(tx, made, Usage(output=100), NOW) == []

"""Circuits: how one request at a time tries whether a provider answers again."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import KeyRefused, ModelError, Overloaded, RateLimited, Refused
from tests.tills import Till, provider

pytestmark = pytest.mark.both_stores

ALPHA = {"alpha": provider()}


def test_one_probe_at_a_time(tmp_path: Path) -> None:
    """When a circuit's time has come one request tries, and the others wait for what becomes of it."""
    with Till(tmp_path, ALPHA, "alpha-1 alpha-2") as till:
        till.fails(Overloaded("too much to do", wait=5))
        till.passes(seconds=5)
        probe = till.reserves()
        dry = till.is_dry(spender=till.another())
        assert dry is not None
        assert (dry.may_try_again, dry.reason) == (True, "alpha-2: “too much to do”")
        till.settles(probe)
        assert till.is_dry(spender=till.another()) is None


def test_a_probe_that_fails(tmp_path: Path) -> None:
    """The circuit stays open for longer, and then again one request tries."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        till.fails(Overloaded("too much to do"))
        till.passes(seconds=1)
        assert till.fails(Overloaded("still")) == "alpha-1"
        assert till.resting() == {("provider:alpha", ""): till.now + timedelta(seconds=2)}
        till.passes(seconds=2)
        till.reserves()
        assert till.is_dry(spender=till.another()) is not None


@pytest.mark.parametrize("error", [Refused("broken"), RateLimited("slow", wait=0), KeyRefused("no")])
def test_a_probe_that_learns_nothing(tmp_path: Path, error: ModelError) -> None:
    """When the probe fails of something else, the next request is the probe."""
    with Till(tmp_path, ALPHA, "alpha-1 alpha-2") as till:
        till.fails(Overloaded("too much to do", wait=5))
        till.passes(seconds=5)
        till.fails(error)
        till.reserves(avoid={"alpha-1": ""})
        assert till.is_dry(spender=till.another()) is not None


def test_a_late_failure_lets_no_second_probe_go(tmp_path: Path) -> None:
    """While a probe is under way the failure of an older request changes the time, and not that one tries at a time."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        older = till.reserves(spender=till.another())
        till.fails(Overloaded("too much to do"))
        till.passes(seconds=1)
        probe = till.reserves()
        till.passes(seconds=1)
        till.meets(older, Overloaded("too much to do"))
        until = till.resting()["provider:alpha", ""]
        assert until is not None
        till.now = until
        assert till.is_dry(spender=till.another()) is not None
        till.settles(probe)
        assert till.is_dry(spender=till.another()) is None


def test_a_probe_does_not_forgive_what_came_later(tmp_path: Path) -> None:
    """An answer to a probe ends no time that the provider has given since the probe left."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        older = till.reserves(spender=till.another())
        till.fails(Overloaded("too much to do"))
        till.passes(seconds=1)
        probe = till.reserves()
        till.passes(seconds=1)
        till.meets(older, Overloaded("come back later", wait=60))
        till.settles(probe)
        assert till.resting() == {("provider:alpha", ""): till.now + timedelta(seconds=60)}


def test_a_probe_s_answer_counts_although_the_clock_went_back(tmp_path: Path) -> None:
    """The answer of the one that tried ends the rest, whatever the clock says by then."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        till.fails(Overloaded("too much to do", wait=60))
        till.passes(seconds=61)
        probe = till.reserves()
        till.passes(seconds=-30)
        till.settles(probe)
        assert till.resting() == {}


def test_a_probe_whose_worker_is_gone(tmp_path: Path) -> None:
    """When the turn that tried was stopped or taken over, what it left is charged, and the next request tries."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        till.fails(Overloaded("too much to do", wait=5))
        till.passes(seconds=5)
        probe = till.reserves()
        other = till.another()
        assert till.is_dry(spender=other) is not None
        with till.database.write() as tx:
            till.treasury.charge_left(tx, probe.turn_id, till.now)
        assert till.reserves(spender=other).key_id == "alpha-1"
        assert till.is_dry(spender=till.another()) is not None

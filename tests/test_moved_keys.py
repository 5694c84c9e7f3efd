"""Keys that change their places, workers that know other keys, and providers that are gone: whose books are whose."""

from pathlib import Path

import pytest

from bot.errors import KeyRefused, NoCredit
from bot.treasury.audit import imbalances
from bot.treasury.keys import Key
from bot.treasury.providers import Providers
from tests.spenders import ADA
from tests.tills import Till, provider, ring

pytestmark = pytest.mark.both_stores
MILLION = 1_000_000
FIRST, SECOND = ring("alpha-1 alpha-2")


def renamed(key: Key, key_id: str) -> Key:
    """Return a key as it is called when it stands elsewhere."""
    return Key(key_id, key.provider, key.secret)


def balances(till: Till) -> bool:
    """Tell whether the books balance."""
    with till.database.read() as tx:
        return imbalances(tx) == []


def test_a_key_that_moves_keeps_what_was_its(tmp_path: Path) -> None:
    """When a dead key is taken out, the next one takes its id, and with it goes what it has used and until when it rests."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=MILLION)}, "alpha-1 alpha-2") as till:
        till.fails(KeyRefused("no"))
        assert till.spends(300_000) == "alpha-2"
        held = till.reserves()
        till.fails(NoCredit("pay", until=till.now.replace(day=25)))
        till.restarts_with([renamed(SECOND, "alpha-1")])
        for _ in range(2):  # at each start
            assert list(till.resting()) == [("key:alpha-1", "")]
            till.restarts_with([renamed(SECOND, "alpha-1")])
        dry = till.is_dry()
        assert dry is not None
        assert dry.until == till.now.replace(day=25)
        till.now = dry.until
        assert till.spends(100) == "alpha-1"
        till.settles(held, 50)
        assert balances(till)


def test_two_keys_that_exchange_their_places(tmp_path: Path) -> None:
    """Each keeps what is free of it, whatever it is called."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=MILLION)}, "alpha-1 alpha-2") as till:
        assert till.spends(400_000) == "alpha-1"
        till.restarts_with([renamed(SECOND, "alpha-1"), renamed(FIRST, "alpha-2")])
        assert (till.key("alpha-1").free, till.key("alpha-2").free) == (MILLION, 600_000)
        assert till.spends(100) == "alpha-2"  # where the conversation's cache is
        assert balances(till)


def test_a_worker_that_knows_the_key_of_before(tmp_path: Path) -> None:
    """A worker that was not started again since a key was replaced asks with none that it does not have, and blames none."""
    with Till(tmp_path, {"alpha": provider()}, "alpha-1") as till:
        old = till.treasury
        till.restarts_with([Key("alpha-1", "alpha", "another one")])
        new, till.treasury = till.treasury, old
        dry = till.is_dry()
        assert dry is not None
        assert dry.may_try_again
        assert "this worker does not know it yet" in dry.reason
        till.treasury = new
        assert till.spends() == "alpha-1"


def test_a_provider_that_is_gone(tmp_path: Path) -> None:
    """What a crash left reserved is charged although the settings no longer name its provider."""
    table = {"alpha": provider(), "beta": provider()}
    with Till(tmp_path, table, "alpha-1 beta-1") as till:
        held = till.reserves()
        left = {name: one for name, one in till.treasury.providers.table.items() if name != held.route.provider}
        till.treasury.providers = Providers(left)
        till.passes(days=1)
        with till.database.write() as tx:
            till.treasury.charge_left(tx, ADA.turn_id, till.now)
        assert balances(till)


def test_the_next_key_may_be_another_provider_s(tmp_path: Path) -> None:
    """At three quarters of a key's day the next one is asked, also where it has fewer tokens left."""
    table = {"alpha": provider(tokens_per_day=10 * MILLION), "beta": provider(tokens_per_day=MILLION)}
    with Till(tmp_path, table, "alpha-1 beta-1") as till:
        assert till.spends(7_600_000) == "alpha-1"
        assert till.spends(spender=till.another()) == "beta-1"
        assert till.spends() == "beta-1"


def test_an_allocation_lasts_a_day(tmp_path: Path) -> None:
    """What a conversation used yesterday does not drive it from its key today."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=MILLION)}, "alpha-1 alpha-2") as till:
        for _ in range(5):
            assert till.spends(200_000) == "alpha-1"
            till.passes(days=1)
        assert till.history("alert") == []

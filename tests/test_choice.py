"""The choice of a key: the order in which keys are preferred, and what makes one unusable."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import KeyRefused, RateLimited
from bot.treasury import sessions as stays
from bot.treasury.keys import NONE_NEEDED, Key, load_keys
from bot.treasury.providers import Providers, Tier
from tests.spenders import but_for_surplus
from tests.tills import Till, price, provider, ring

pytestmark = pytest.mark.both_stores

MILLION = 1_000_000


def test_only_the_wanted_tier_as_long_as_one_key_of_it_can_be_used(tmp_path: Path) -> None:
    """A free model of another tier comes after a dear one of the wanted tier, and is asked when that one rests."""
    table = {"dear": provider(50), "free": provider(smart=None, fast="small", models={"small": price(0)}, free=True)}
    with Till(tmp_path, table, "free-1 dear-1") as till:
        assert till.fails(RateLimited("slow down", wait=60)) == "dear-1"
        held = till.reserves()
        assert (held.key_id, held.model) == ("free-1", "small")
        till.settles(held)
        till.passes(seconds=61)
        assert till.spends() == "dear-1"


def test_the_model_of_the_settings_comes_first(tmp_path: Path) -> None:
    """Whoever has the model that the settings name is asked before others of the tier, however cheap those are."""
    models = {"big": price(3), "named": price(30)}
    table = {"cheap": provider(1), "free": provider(0, free=True), "both": provider(models=models)}
    with Till(tmp_path, table, "cheap-1 free-1 both-1", {Tier.SMART: "named"}) as till:
        held = till.reserves()
        assert (held.key_id, held.model) == ("both-1", "named")
        till.meets(held, KeyRefused("no"))
        assert till.spends() == "free-1"


def test_free_before_paid(tmp_path: Path) -> None:
    """A free key comes before a paid one, also before the one that holds a conversation's cache."""
    table = {"paid": provider(1), "free": provider(20, free=True, tokens_per_day=MILLION)}
    with Till(tmp_path, table, "paid-1 free-1") as till:
        assert till.fails(RateLimited("slow down", wait=60)) == "free-1"
        assert till.spends() == "paid-1"
        till.passes(seconds=61)
        assert till.spends() == "free-1"


def test_the_key_that_holds_the_cache(tmp_path: Path) -> None:
    """A conversation stays with its key although another has more left, until three quarters of its day are used."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=MILLION)}, "alpha-1 alpha-2") as till:
        assert [till.spends(600_000), till.spends(100)] == ["alpha-1", "alpha-1"]
        assert till.spends(100, spender=till.another()) == "alpha-2"
        assert till.spends(149_900) == "alpha-1"  # now exactly 75 %
        assert till.spends(100) == "alpha-2"
        assert [(one, to) for one, to, _ in till.history()] == [("alpha-1", "alpha-2")]


def test_a_day_that_others_used(tmp_path: Path) -> None:
    """Three quarters of a key's day count whoever used them, and the history says so."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=MILLION)}, "alpha-1 alpha-2") as till:
        assert till.spends(100_000) == "alpha-1"
        assert till.spends(650_000, spender=till.another(), avoid={"alpha-2": ""}) == "alpha-1"
        assert till.spends() == "alpha-2"
        assert till.history() == [("alpha-1", "alpha-2", "75 % of the day of alpha-1 are used")]


def test_the_rest_of_a_day_is_used_where_no_other_key_is(tmp_path: Path) -> None:
    """Three quarters are no cap: with one key alone, its whole day is used."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=MILLION)}, "alpha-1") as till:
        assert till.spends(900_000) == "alpha-1"
        assert till.spends(90_000) == "alpha-1"
        assert till.history() == []


def test_three_quarters_of_an_allocation(tmp_path: Path) -> None:
    """What a conversation has on a key is counted too: at 75 % owners hear of it, once for each, and it goes on by the next."""
    with Till(tmp_path, {"alpha": provider(tokens_per_month=4 * MILLION)}, "alpha-1 alpha-2") as till:
        only, other = {"alpha-2": ""}, till.another()
        first, second = till.reserves(avoid=only), till.reserves(spender=other, avoid=only)  # neither knows of the other
        assert but_for_surplus(till.settles(first, 1_000_000)) == but_for_surplus(till.settles(second, 100_000)) == []
        last = till.reserves(avoid=only), till.reserves(spender=other)
        told = [but_for_surplus(till.settles(*one)) for one in zip(last, (2_000_000, 2_900_000), strict=True)]
        assert [alert.words for alert in told[0]] == [
            "75 % of the conversation's 4,000,000 tokens on alpha-1 are used; the next request goes by the next key."
        ]
        assert told[1][0].key != told[0][0].key
        assert [till.spends(), till.spends()] == ["alpha-2", "alpha-2"]
        assert till.history() == [("alpha-1", "alpha-2", "75 % of the conversation's 4,000,000 tokens on alpha-1 are used")]
        assert [key_id for key_id, _, _ in till.history("alert")] == ["alpha-1", "alpha-1"]


def test_then_free_capacity(tmp_path: Path) -> None:
    """Where nothing else tells keys apart, that with the most tokens left is asked, a dearer one too."""
    table = {"alpha": provider(1, tokens_per_day=MILLION), "beta": provider(9, tokens_per_day=2 * MILLION)}
    with Till(tmp_path, table, "alpha-1 alpha-2 beta-1") as till:
        assert till.spends(1_100_000) == "beta-1"
        assert till.spends(200_000, spender=till.another()) == "alpha-1"
        assert till.spends(1000, spender=till.another()) == "alpha-2"


def test_then_the_price(tmp_path: Path) -> None:
    """Of keys with as much left, the cheaper is asked; of those that cost the same, the first."""
    table = {"dear": provider(9), "cheap": provider(2)}
    with Till(tmp_path, table, "dear-1 cheap-1 cheap-2") as till:
        assert till.spends(spender=till.another()) == "cheap-1"


def test_a_context_that_is_too_small(tmp_path: Path) -> None:
    """A model that cannot hold the prompt is passed over, by the provider's count or else a cautious guess."""
    table = {"small": provider(0, context=10_000, free=True), "large": provider(context=100_000)}
    with Till(tmp_path, table, "small-1 large-1") as till:
        assert till.spends(size=39_000) == "small-1"  # of 39,000 bytes, perhaps 9,750 tokens
        assert till.spends(size=44_000) == "large-1"
        assert till.spends(size=44_000, counted=9_000) == "small-1"
        assert till.spends(size=500_000) == "small-1"  # too long for all, which is for the provider to say


def test_a_key_that_is_no_longer_set(tmp_path: Path) -> None:
    """A key that left the settings is not asked, and its conversations say why they left it; set again, it is known."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=MILLION)}, "alpha-1 alpha-2") as till:
        assert till.spends(400_000) == "alpha-1"
        till.restarts_with(ring("alpha-2")[-1:])
        assert till.spends() == "alpha-2"
        assert till.history() == [("alpha-1", "alpha-2", "the settings no longer name it")]
        till.restarts_with(ring("alpha-1 alpha-2"))
        assert till.key("alpha-1").free == 600_000


def test_a_provider_that_needs_no_key(tmp_path: Path) -> None:
    """A server of one's own has a key by itself, is asked like any other, and comes before what is paid."""
    table = {"ollama": provider(0, needs_key=False), "paid": provider(1)}
    found = load_keys({"paid": ["sk-paid"]}, None, Providers(table))
    assert [key.id for key in found] == ["paid-1", "ollama-1"]
    assert found[-1] == Key("ollama-1", "ollama", NONE_NEEDED)
    with Till(tmp_path, table, "") as till:
        till.restarts_with(found)
        assert till.spends() == "ollama-1"


def test_the_key_that_somebody_chose(tmp_path: Path) -> None:
    """The chosen key goes before every order, once; the conversation then stays with it while nothing is better."""
    table = {"alpha": provider(1), "small": provider(smart=None, fast="mini", models={"mini": price(9)})}
    with Till(tmp_path, table, "alpha-1 alpha-2 small-1") as till:
        assert till.spends() == "alpha-1"
        with till.database.write() as tx:
            stays.want(tx, 1, "alpha-2")
        assert [till.spends(), till.spends()] == ["alpha-2", "alpha-2"]
        assert till.history() == [("alpha-1", "alpha-2", "chosen by hand")]
        with till.database.write() as tx:
            stays.want(tx, 1, "small-1")
        assert [till.spends(), till.spends()] == ["small-1", "alpha-1"]  # another tier only as long as somebody says so


def test_a_chosen_key_that_rests(tmp_path: Path) -> None:
    """When the chosen key cannot be used another is, and the history does not say that this one was chosen."""
    with Till(tmp_path, {"alpha": provider()}, "alpha-1 alpha-2 alpha-3") as till:
        assert till.fails(RateLimited("slow", wait=60)) == "alpha-1"
        assert till.spends() == "alpha-2"
        with till.database.write() as tx:
            stays.want(tx, 1, "alpha-1")
        assert till.spends() == "alpha-2"
        with till.database.write() as tx:
            stays.want(tx, 1, "alpha-1")
        others = {"alpha-3": "not this one"}
        assert till.fails(RateLimited("not so fast", wait=60), spender=till.another(), avoid=others) == "alpha-2"
        assert till.spends() == "alpha-3"
        assert [line for line in till.history() if line[1] == "alpha-3"] == [("alpha-2", "alpha-3", "it rests")]


def test_a_key_that_is_to_be_left(tmp_path: Path) -> None:
    """The next request leaves the key for another of the tier, not for another tier; alone, it stays in use."""
    table = {
        "alpha": provider(tokens_per_day=MILLION),
        "free": provider(smart=None, fast="small", models={"small": price(0)}, free=True),
    }
    with Till(tmp_path, table, "alpha-1 alpha-2 free-1") as till:
        assert till.spends(500_000) == "alpha-1"
        assert till.spends(700_000, spender=till.another()) == "alpha-2"  # which has less left then
        with till.database.write() as tx:
            stays.leave(tx, 1, "an owner rotated it")
        assert till.spends() == "alpha-2"
        assert till.history() == [("alpha-1", "alpha-2", "an owner rotated it")]
        assert till.fails(KeyRefused("no"), spender=till.another()) == "alpha-1"
        with till.database.write() as tx:
            stays.leave(tx, 1, "an owner rotated it")
        assert till.spends() == "alpha-2"


def test_too_little_for_an_answer(tmp_path: Path) -> None:
    """A key whose tokens leave no room for an answer of any length is dry, and nobody is shown its mark."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=20_000)}, "alpha-1") as till:
        till.spends(10_000)
        dry = till.is_dry(size=5000, near=True)  # with the frame 9,096, which leaves 904
        assert dry is not None
        assert dry.until == datetime(2026, 11, 22, tzinfo=UTC)
        assert till.reserves(size=4000, output=16_000, near=True).max_output == 10_000 - 4000 - 4096


def test_a_request_larger_than_any_day(tmp_path: Path) -> None:
    """What no day of a key can hold waits for nothing: that is said at once."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=10_000)}, "alpha-1") as till:
        dry = till.is_dry(size=9000)
        assert dry is not None
        assert (dry.until, dry.may_try_again) == (None, False)
        assert dry.reason == "alpha-1 may use 10,000 tokens a day, and this can take 14,096"


def test_nothing_can_be_asked_twice(tmp_path: Path) -> None:
    """Keys that have just failed in this turn are left out, and the turn hears that it may try again."""
    with Till(tmp_path, {"alpha": provider()}, "alpha-1 alpha-2") as till:
        assert till.spends(avoid={"alpha-1": "it broke"}) == "alpha-2"
        dry = till.is_dry(avoid={"alpha-1": "it broke", "alpha-2": "it broke too"})
        assert dry is not None
        assert (dry.until, dry.may_try_again, dry.reason) == (None, True, "alpha-2: “it broke too”")

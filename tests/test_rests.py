"""Rests: after an error, who is not asked, until when, and who is asked all the same."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import (
    ContextFull,
    KeyRefused,
    ModelError,
    ModelMissing,
    NoCredit,
    Overloaded,
    RateLimited,
    Refused,
    ThinkingRejected,
    Unavailable,
)
from bot.treasury import rests
from bot.treasury.keys import Key
from bot.treasury.providers import Tier
from tests.spenders import NOW
from tests.tills import Till, price, provider

pytestmark = pytest.mark.both_stores

ALPHA = {"alpha": provider()}
TWO = {"alpha": provider(1), "beta": provider(2)}
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """Return a time that comes so many seconds after the tests' beginning."""
    return NOW + timedelta(seconds=seconds)


BLAMED: list[tuple[ModelError, tuple[str, str], datetime | None]] = [
    (KeyRefused("no"), ("key:alpha-1", ""), None),
    (NoCredit("spent", until=DECEMBER), ("key:alpha-1", ""), DECEMBER),
    (NoCredit("spent"), ("key:alpha-1", ""), after(3600)),
    (RateLimited("slow down", wait=7), ("key:alpha-1", "big"), after(7)),
    (RateLimited("slow down"), ("key:alpha-1", "big"), after(1)),
    (RateLimited("slow down", wait=7, organisation="x"), ("organisation:alpha:x", "big"), after(7)),
    (RateLimited("slow down", wait=40 * 86_400), ("key:alpha-1", "big"), after(86_400)),
    (Overloaded("too much to do", wait=30), ("provider:alpha", ""), after(30)),
    (Overloaded("too much to do"), ("provider:alpha", ""), after(1)),
    (Unavailable("broken", wait=30), ("provider:alpha", ""), after(30)),
    (ModelMissing("no such model"), ("key:alpha-1", "big"), after(3600)),
]


@pytest.mark.parametrize(("error", "who", "until"), BLAMED, ids=lambda value: str(value)[:40])
def test_who_is_blamed(tmp_path: Path, error: ModelError, who: tuple[str, str], until: datetime | None) -> None:
    """Just one of key, organisation and provider rests, for one model or for all, until the time given and no longer."""
    with Till(tmp_path, ALPHA, "alpha-1 alpha-2") as till:
        till.fails(error)
        assert till.resting() == {who: until}
        if until is None:
            return
        till.now = until - timedelta(microseconds=1)
        assert till.resting() != {}
        till.now = until
        assert till.spends(avoid={"alpha-2": "not this one"}) == "alpha-1"
        assert till.resting() == {}


@pytest.mark.parametrize("error", [Refused("broken"), ContextFull("too long"), ThinkingRejected("whose?"), Unavailable("gone")])
def test_nobody_is_blamed(tmp_path: Path, error: ModelError) -> None:
    """A request that is wrong itself rests nobody, nor does the first failure of a connection."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        till.fails(error)
        assert till.resting() == {}
        assert till.spends() == "alpha-1"
        assert till.history("refused") == []


def test_only_the_key_that_was_used(tmp_path: Path) -> None:
    """The other keys of a provider are asked on, by other conversations too."""
    with Till(tmp_path, ALPHA, "alpha-1 alpha-2") as till:
        assert till.fails(KeyRefused("no")) == "alpha-1"
        assert [till.spends(), till.spends(spender=till.another())] == ["alpha-2", "alpha-2"]


def test_only_that_model(tmp_path: Path) -> None:
    """A limit on requests for one model leaves the key's other models alone."""
    table = {"alpha": provider(models={"big": price(1), "small": price(1)}, fast="small")}
    with Till(tmp_path, table, "alpha-1") as till:
        till.fails(RateLimited("slow down", wait=60))
        assert till.is_dry() is not None
        assert till.spends(tier=Tier.FAST) == "alpha-1"


def test_an_organisation_of_the_owner_s_table(tmp_path: Path) -> None:
    """Keys that share an organisation by the table rest together; what a header says does not change that."""
    table = {"alpha": provider(organisations={"alpha-1": "home", "alpha-2": "home"})}
    with Till(tmp_path, table, "alpha-1 alpha-2 alpha-3") as till:
        assert till.fails(RateLimited("slow down", wait=60, organisation="other")) == "alpha-1"
        assert till.resting() == {("organisation:alpha:home", "big"): after(60)}
        assert till.spends() == "alpha-3"


def test_an_organisation_that_is_learned(tmp_path: Path) -> None:
    """Two keys whose answers name the same organisation rest together from then on, and an unnamed third does not."""
    with Till(tmp_path, ALPHA, "alpha-1 alpha-2 alpha-3") as till:
        for other in ({"alpha-2": "", "alpha-3": ""}, {"alpha-1": "", "alpha-3": ""}):
            till.settles(till.reserves(spender=till.another(), avoid=other), organisation="home")
        assert till.fails(RateLimited("slow down", wait=60), avoid={"alpha-3": ""}) == "alpha-1"
        assert till.resting() == {("organisation:alpha:home", "big"): after(60)}
        assert till.spends() == "alpha-3"


def test_an_organisation_that_changes(tmp_path: Path) -> None:
    """When a provider names another organisation for a key, what it asked for under the first name still holds."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        first, second = (till.reserves(spender=till.another()) for _ in range(2))
        till.meets(first, RateLimited("slow down", wait=60, organisation="one"))
        till.meets(second, RateLimited("slow down", wait=5, organisation="other"))
        till.passes(seconds=6)
        assert till.is_dry() is not None
        till.passes(seconds=54)
        assert till.spends() == "alpha-1"


def test_failures_are_counted(tmp_path: Path) -> None:
    """Three failures in a row without a time open the circuit; an answer between them begins the count anew."""
    with Till(tmp_path, TWO, "alpha-1 beta-1") as till:
        for error in (Unavailable("one"), Unavailable("two")):
            assert till.fails(error) == "alpha-1"
            till.passes(seconds=1)
        assert till.spends() == "alpha-1"
        for error in (Unavailable("one"), Unavailable("two"), Unavailable("three")):
            assert till.fails(error) == "alpha-1"
            till.passes(seconds=1)
        assert till.spends() == "beta-1"
        assert till.resting() == {("provider:alpha", ""): till.now + timedelta(seconds=3)}
        assert till.history("unavailable") == [("alpha-1", None, "three")]


def test_an_answer_counts_after_a_stop(tmp_path: Path) -> None:
    """An answer that comes when its turn was stopped and charged already begins the count of failures anew all the same."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        held = till.reserves()
        assert till.fails(Unavailable("one")) == "alpha-1"
        till.passes(seconds=1)
        with till.database.write() as tx:
            till.treasury.charge_left(tx, held.turn_id, till.now)
        till.settles(held)
        for error in (Unavailable("two"), Unavailable("three")):
            assert till.fails(error) == "alpha-1"
            till.passes(seconds=1)
        assert till.spends() == "alpha-1"


def test_pauses_grow(tmp_path: Path) -> None:
    """Where nothing was said each pause is twice the one before, up to a minute, and an answer ends that."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        pauses = []
        for _ in range(9):
            till.fails(Overloaded("too much to do"))
            until = till.resting()["provider:alpha", ""]
            assert until is not None
            pauses.append((until - till.now).total_seconds())
            till.now = until
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        till.spends()
        till.fails(Overloaded("too much to do"))
        assert till.resting() == {("provider:alpha", ""): till.now + timedelta(seconds=1)}


def test_a_long_pause_is_not_cut_short(tmp_path: Path) -> None:
    """What another request heard later never makes a rest end before the time that was given."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        several = [till.reserves(spender=till.another()) for _ in range(7)]
        till.meets(several[0], Overloaded("too much to do", wait=60))
        others = (Unavailable("broken"), Overloaded("again"), Unavailable("wait", wait=5), Overloaded("wait", wait=1))
        for held, error in zip(several[1:5], others, strict=True):
            till.passes(seconds=1)
            till.meets(held, error)
            assert till.resting() == {("provider:alpha", ""): after(60)}
        till.settles(several[5])  # a late answer of a request that was made before
        assert till.resting() == {("provider:alpha", ""): after(60)}
        till.meets(several[6], RateLimited("slow down", wait=90))
        assert till.resting()["provider:alpha", ""] == after(60)


def test_a_refused_key_stays_refused(tmp_path: Path) -> None:
    """A late complaint of another kind does not bring a retired key back."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        first, second, third = (till.reserves(spender=till.another()) for _ in range(3))
        till.meets(first, KeyRefused("no"))
        till.meets(second, NoCredit("spent"))
        till.settles(third)
        till.passes(days=2)
        assert till.resting() == {("key:alpha-1", ""): None}
        dry = till.is_dry()
        assert dry is not None
        assert (dry.reason, dry.until, dry.may_try_again) == ("alpha-1: “no”", None, False)


def test_a_replaced_key_starts_clean(tmp_path: Path) -> None:
    """Another key under the same id is asked at once, with its whole day, and late errors are the old one's."""
    with Till(tmp_path, {"alpha": provider(tokens_per_day=100_000)}, "alpha-1") as till:
        late = [till.reserves(spender=till.another()) for _ in range(3)]
        till.settles(late.pop(), 50_000, organisation="old")
        till.fails(KeyRefused("revoked"), spender=till.another())
        till.restarts_with([Key("alpha-1", "alpha", "sk-new")])
        assert (till.key("alpha-1").free, till.key("alpha-1").organisation) == (100_000, None)
        assert till.meets(late.pop(), KeyRefused("revoked")) is None
        till.settles(late.pop(), 1000, organisation="old")
        assert till.resting() == {}
        assert till.spends(1000) == "alpha-1"
        assert (till.key("alpha-1").free, till.key("alpha-1").organisation) == (99_000, None)
        assert till.history("replaced") == [("alpha-1", None, "another key stands in its place")]


def test_a_provider_s_rest_outlives_a_replaced_key(tmp_path: Path) -> None:
    """What a provider asks of everybody holds for its new keys as well, and if the one that heard it is gone."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        late = till.reserves(spender=till.another())
        till.restarts_with([Key("alpha-1", "alpha", "sk-new")])
        till.meets(late, Overloaded("too much to do", wait=60))
        assert till.resting() == {("provider:alpha", ""): after(60)}


def test_an_owner_s_rest(tmp_path: Path) -> None:
    """Neither an answer nor an error ends what an owner said, and it is called by its name."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        first, second, third = (till.reserves(spender=till.another()) for _ in range(3))
        with till.database.write() as tx:
            rests.rest_by_owner(tx, "alpha-1", till.now)
        till.settles(first)
        assert till.meets(second, NoCredit("spent", until=after(1))) is None
        assert till.meets(third, KeyRefused("no")) is None
        till.passes(days=3)
        assert till.resting() == {("key:alpha-1", ""): None}
        dry = till.is_dry()
        assert dry is not None
        assert dry.reason == "alpha-1 rests, because an owner said so"


def test_an_owner_s_rest_keeps_what_the_provider_asked_for(tmp_path: Path) -> None:
    """A key that an owner lets rest and uses again is not asked before a time that its provider gave."""
    with Till(tmp_path, ALPHA, "alpha-1") as till:
        till.fails(RateLimited("slow down", wait=60))
        with till.database.write() as tx:
            rests.rest_by_owner(tx, "alpha-1", till.now)
            rests.lift(tx, "key:alpha-1", "")
        assert till.resting() == {("key:alpha-1", "big"): after(60)}


def test_another_model_s_answer_forgives_nothing(tmp_path: Path) -> None:
    """Pauses for one model grow although another model of the key answers between them."""
    table = {"alpha": provider(models={"big": price(1), "small": price(1)}, fast="small")}
    with Till(tmp_path, table, "alpha-1") as till:
        for pause in (1, 2, 4):
            till.fails(RateLimited("slow down"))
            assert till.resting() == {("key:alpha-1", "big"): till.now + timedelta(seconds=pause)}
            till.passes(seconds=pause)
            till.spends(tier=Tier.FAST)


def test_owners_hear_of_keys_only(tmp_path: Path) -> None:
    """Who must do something hears it in the provider's words: of a refused key and an empty account, of no passing limit."""
    with Till(tmp_path, ALPHA, "alpha-1 alpha-2 alpha-3") as till:
        said = [till.meets(till.reserves(spender=till.another()), error) for error in (KeyRefused("no"), NoCredit("spent"))]
        assert [alert.words.partition("\n")[0] for alert in said if alert] == [
            "The key alpha-1 is no longer used. Its provider says: no",
            "The key alpha-2 rests until 2026-11-21 14:00. Its provider says: spent",
        ]
        assert till.meets(till.reserves(), RateLimited("slow down", wait=5)) is None

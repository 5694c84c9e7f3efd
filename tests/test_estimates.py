"""Estimates: held against recorded requests, the seed's formula, and this house's own past."""

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text

from bot.ports import Call, Prompt, PromptMessage, Result, Text, ToolForm
from bot.store.database import Database
from bot.store.tables import inbox, turns
from bot.store.treasury_tables import budgets
from bot.treasury import estimate, tasks
from bot.treasury.estimate import NOTHING, Interval, Past, Weight
from tests.houses import ROOT
from tests.room import Room
from tests.spenders import NOW, SONNET

CORPUS = ROOT / "tests" / "corpus" / "usage.jsonl"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
PAST = st.builds(
    Past,
    st.builds(Weight, st.integers(0, 10**6), st.integers(0, 10**5), st.integers(0, 3)),
    st.integers(0, 10**7),
    st.integers(0, 10**6),
)
SEED = """\
# AI Agent Integration Task

## Requirements
- Integrate OpenAI API
- Build agent orchestration
- Write unit tests
- Deploy to production

## Constraints
- Budget: $100/day
- Timeline: 1 week
- Team: 2 engineers
"""


@dataclass(frozen=True)
class Guessed:
    """A recorded request: what was expected of it before, and what its provider reported after."""

    provider: str
    before: int  # requests of its model
    between: Interval
    actual: int

    @property
    def error(self) -> float:
        """How far it was missed, relative to what it was."""
        return abs(self.between.expected - self.actual) / self.actual

    @property
    def is_between(self) -> bool:
        """Whether it fell within the bounds."""
        return self.between.low <= self.actual <= self.between.high


def measured(part: dict[str, Any]) -> int:
    """Return the pieces of a text of which only the lengths are known."""
    words: list[int] = part["words"]
    marks: list[int] = part["marks"]
    return sum(count * (1 + length // 8) for length, count in enumerate(words)) + sum(marks)


@cache
def replayed() -> tuple[Guessed, ...]:
    """Go through the recorded requests in their order, and expect each by those before it."""
    past: dict[str, list[Past]] = defaultdict(list)
    found = []
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        said = measured(one["messages"]) + 4 * one["messages"]["count"] + measured(one["calls"]) + 8 * one["calls"]["count"]
        weight, before = Weight(said, measured(one["tools"]), one["head"]), past[one["model"]]
        used = one["usage"]
        actual = used["input"] + used["cache_read"] + used["cache_write"]
        found.append(Guessed(one["provider"], len(before), estimate.interval(one["model"], weight, before), actual))
        before.append(Past(weight, actual, used["output"]))
    return tuple(found)


def test_the_median_error_is_under_ten_per_cent() -> None:
    """Over all recorded requests, and over those of models that were asked before, half are missed by less than 10 %."""
    everything = [one.error for one in replayed()]
    later = [one.error for one in replayed() if one.before >= 3]
    assert len(everything) == 160
    assert median(everything) < 0.10
    assert len(later) > 60
    assert median(later) < 0.10


@pytest.mark.parametrize("provider", ["openai", "anthropic", "openrouter"])
def test_each_large_provider_is_met(provider: str) -> None:
    """It is no provider's luck: each that has enough requests in the corpus is met by itself."""
    assert median(one.error for one in replayed() if one.provider == provider) < 0.10


def test_the_bounds_hold_four_of_five() -> None:
    """Of the requests of models that were asked before, about four of five fall between the bounds that were told."""
    later = [one.is_between for one in replayed() if one.before > estimate._FAIR_QUANTITY]  # noqa: SLF001 - from there on
    assert len(later) > 40
    assert 0.70 <= sum(later) / len(later) <= 0.95
    first = [one.is_between for one in replayed() if not one.before]
    assert sum(first) / len(first) >= 0.80


@given(TEXT)
def test_pieces_of_any_text(text: str) -> None:
    """No text has fewer than no pieces, nor more than bytes, and a text beside another has as many as both apart."""
    found = estimate.pieces(text)
    assert 0 <= found <= len(text.encode())
    assert (found == 0) == (not text.strip())
    assert estimate.pieces(f"{text}\n{text}") == 2 * found


@given(TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3))
def test_any_prompt_weighs_something(text: str, more: str, arguments: dict[str, str]) -> None:
    """Whatever letters stand in a prompt, its weight grows with what is said, and its head stays while that is equal."""
    form = ToolForm(name="look", description=more, arguments=dict(arguments))
    first = PromptMessage(role="user", content=(Text(text=text),))
    called = PromptMessage(role="butler", content=(Call(id="1", name="look", arguments=dict(arguments)),))
    result = PromptMessage(role="user", content=(Result(call_id="1", text=more),))
    short = estimate.weigh(Prompt(system=text, tools=(form,), messages=(first,), max_output=9))
    long = estimate.weigh(Prompt(system=text, tools=(form,), messages=(first, called, result), max_output=9))
    bare = estimate.weigh(Prompt(system=text, tools=(), messages=(first,), max_output=9))
    assert 0 < short.said == bare.said < long.said
    assert short.forms == long.forms > bare.forms == 0
    assert short.head == long.head != bare.head
    assert 0 <= short.head < 2**32


@given(st.sampled_from([SONNET, "gpt-6-sol", "openai/gpt-oss-120b", "x"]), st.lists(PAST, max_size=60), PAST)
def test_no_past_leads_to_nonsense(model: str, past: list[Past], last: Past) -> None:
    """Whatever was reported before, at least one token is expected, between bounds that hold it."""
    low, high = (found := estimate.interval(model, last.weight, past)).low, found.high
    assert found.expected >= 1
    assert 0 <= low <= found.expected <= high
    assert estimate.expect_output(past) >= 0


def test_nothing_known_is_still_an_estimate() -> None:
    """The first request of a model is expected by its text alone, twice as much or half."""
    found = estimate.interval(SONNET, Weight(1000, 0, 1), [])
    assert (found.low, found.expected, found.high) == (501.5, 1003, 2006)
    assert estimate.expect_output([]) == estimate.USUAL_OUTPUT
    assert estimate.expect_output([Past(NOTHING, 1, 100), Past(NOTHING, 1, 50)]) == 75


def test_what_was_reported_corrects_what_is_expected() -> None:
    """A model whose tokens are half as long as the first guess is soon expected so."""
    past = [Past(Weight(said, 0, 1), 2 * said, 10) for said in range(1000, 9000, 1000)]
    assert estimate.expect_prompt(SONNET, Weight(9000, 0, 1), past) == pytest.approx(18_000, rel=0.05)


def test_the_seeds_formula() -> None:
    """The seed's Example 1 is 125 tokens: 37 words as it counts, a token for 0.75 of them, two and a half times for the API."""
    assert tasks.formula(SEED) == tasks.Guess(125, 0.7)


@pytest.mark.parametrize(
    ("text", "tokens", "confidence"),
    [
        ("", 2, 0.6),
        ("one two three", 4, 0.6),
        ("one two ```", 12, 0.7),
        ("one API endpoint", 10, 0.7),
        ("one api integration", 10, 0.7),
        ("one two integrate", 10, 0.7),
        ("one API integration", 16, 0.8),
        ("Integrate two three", 4, 0.6),
        ("one sub-agent spawn", 8, 0.6),
        ("one two CRITICAL", 6, 0.6),
        ("``` API integration spawn P0", 53, 0.8),
        ("a\n" * 501, 1340, 0.6),
        ("a\n" * 500, 668, 0.6),
        ("a " * 5000, 13_336, 0.6),
    ],
)
def test_each_part_of_the_formula(text: str, tokens: int, confidence: float) -> None:
    """Each word that the formula knows adds what the seed says, in its case of letters; so do many lines and many words."""
    found = tasks.formula(text)
    assert found.tokens == tokens
    assert found.confidence == pytest.approx(confidence)


@given(TEXT)
def test_any_task_has_an_interval(text: str) -> None:
    """No text is nothing, and none is sure beyond what the seed allows."""
    found = tasks.formula(text)
    assert found.tokens >= 0
    assert 0.6 <= found.confidence <= 0.95


def happened(database: Database, words: str, spent: int, state: str = "answered", root: int | None = None) -> None:
    """Put a request of before into the books: its words, and the tokens that it took with all that it started."""
    with database.write() as tx:
        values = {"conversation_id": 1, "person_id": 1, "butler": "x", "trigger": "message", "model": SONNET, "state": state}
        number = tx.execute(insert(turns).values(root_id=root, started_at=NOW, **values).returning(turns.c.id)).scalar_one()
        row = {"conversation_id": 1, "channel": "telegram", "person_id": 1, "origin": "person", "state": "answered"}
        row |= {"external_id": f"m{number}", "native_id": f"m{number}", "text": words, "turn_id": number, "kills": 0}
        tx.execute(insert(inbox).values(sent_at=NOW, received_at=NOW, **row))
        tx.execute(insert(budgets).values(scope=f"root:{number}", period="all", held=0, spent=1, spent_tokens=spent))


def test_without_a_history_the_formula_stands(database: Database) -> None:
    """Where nothing like it was done, the seed's number is told, between bounds that say how little is known."""
    with database.read() as tx:
        assert tasks.estimate(tx, SEED) == tasks.Estimate(125, 31, 20_500, 0.7, 0)
        assert tasks.estimate(tx, "") == tasks.Estimate(2, 0, 20_008, 0.6, 0)


def test_the_houses_history_corrects_the_formula(database: Database) -> None:
    """From five like requests on, the estimate is what such ones took here; others, unfinished and inner ones do not count."""
    words = " ".join(["one two three"] * 10)  # 40 tokens by the formula
    for taken in (4000, 8000, 8000, 8000):
        happened(database, words, taken)
    happened(database, words, 10**9, state="failed")
    happened(database, words, 10**9, root=2)
    with database.read() as tx:
        assert tasks.estimate(tx, words).like_tasks == 0
    happened(database, words, 16_000)
    for _ in range(5):
        happened(database, "long" + " long" * 4999, 60_000)  # 6,667 by the formula, another kind of task
    with database.read() as tx:
        found = tasks.estimate(tx, words)
        assert (found.tokens, found.like_tasks) == (8000, 5)
        assert found.low < found.tokens < found.high
        assert tasks.estimate(tx, "long" + " long" * 3999).tokens == pytest.approx(48_000, rel=0.01)


def test_a_real_conversation_is_history(room: Room) -> None:
    """What the house itself books of its turns is what corrects the next estimate."""
    for number in range(tasks.ENOUGH):
        room.claude.says("Done.")
        room.asks(f"Please water plant {number}")
    with room.database.read() as tx:
        found = tasks.estimate(tx, "Please water plant 9")
        spent = tx.scalars(text("SELECT spent_tokens FROM budgets WHERE scope LIKE 'root:%'")).all()
    assert found.like_tasks == tasks.ENOUGH
    assert found.tokens == pytest.approx(median(spent), rel=0.1)

"""Essentials: what must not be lost is found without a model, and a summary is never longer than it may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.compaction.essentials import MUST, lines, missing
from bot.compaction.form import (
    HEADINGS,
    LONGEST_CARRIED,
    LONGEST_SUMMED,
    NOTHING,
    BadSummary,
    complete,
    essentials_of,
    read,
)
from bot.compaction.source import essentials, written
from bot.messages import Origin
from bot.ports import Call, Result, Text
from bot.transcript import Entry

MOST = LONGEST_CARRIED + LONGEST_SUMMED + 300


@pytest.mark.parametrize(
    "said",
    [
        "The code is 4711.",
        "Call me at +49 30 1234567.",
        "I’ll send it to ben@example.org.",
        "We decided to sell the boat.",
        "Bitte erinnere mich an den Zahnarzt.",
        "Je promets de venir.",
        "Non dimenticare: l'appuntamento è domani.",
        "The invoice was 1,250.50 €.",
    ],
)
def test_what_must_not_be_lost(said: str) -> None:
    """Numbers, addresses, promises and decisions must stay, in several languages; small talk and questions need not."""
    assert next(line.text for line in lines(said) if line.weight >= MUST).rstrip(".") in said
    for idle in ("How nice, and what a fine day it was.", "Did you count to 17?"):
        assert [line for line in lines(idle) if line.weight >= MUST] == []


def test_who_said_it_when() -> None:
    """A line is carried on with its day and its speaker; what was forwarded is nobody's, and tools' results are not carried."""
    entries = [
        Entry(1, 1, "user", (Text(text="[Ada (person 1), Saturday 2026-11-21 13:00 Europe/Berlin]\nPay 50."),), Origin.PERSON),
        Entry(2, 1, "butler", (Text(text="I will pay 50."), Call(id="a", name="pay", arguments={"sum": 50})), Origin.BUTLER),
        Entry(3, 1, "user", (Result(call_id="a", text="x" * 2000 + " 12345"),), Origin.TOOL),
        Entry(4, 2, "user", (Text(text="[Ada, Sunday 2026-11-22 13:00 Europe/Berlin] forwards\nPay 99."),), Origin.STRANGER),
    ]
    assert [str(line) for line in essentials(entries)] == [
        "2026-11-21, Ada: Pay 50.",
        "2026-11-21, butler: I will pay 50.",
        "2026-11-22, somebody else: Pay 99.",
    ]
    source = written(entries)
    assert "[butler]\nI will pay 50.\n(calls pay(sum: 50))" in source
    assert source.count("x") < 700


def test_a_summary_says_no_number_of_its_own() -> None:
    """A point with a number that no source has is left out, and so is all that stands under no heading."""
    source = "The code is 4711, the rent 1,250.50."
    answer = (
        "Sure!\n- before\n**Numbers:**\n- The code is 4711.\n- The rent is 1,250.50\n- The year 1984.\n## Otherwise\n* 3 cats"
    )
    assert read(answer, source) == {"Numbers": ["The code is 4711.", "The rent is 1,250.50"], "Otherwise": ["3 cats"]}
    for bad in ("", "I cannot.", "Numbers:\nnone", "Numbers:\n- The year 1984."):
        with pytest.raises(BadSummary):
            read(bad, source)


def test_a_summary_of_nothing_says_so() -> None:
    """Small talk leaves a summary that is not empty."""
    assert str(complete({}, [])) == NOTHING
    assert essentials_of(NOTHING) == []


words = st.text(st.sampled_from("aB 1.?!-:é\n"), max_size=60)
points = st.dictionaries(st.sampled_from(HEADINGS), st.lists(words, max_size=5), max_size=6)


@given(st.lists(words, max_size=30), points)
def test_what_is_missing_is_added_as_long_as_it_fits(texts: list[str], found: dict[str, list[str]]) -> None:
    """Whatever was said: a summary is bounded, and what must stay is in it, also after it was summed up again."""
    essential = [line for text in texts for line in lines(text, "2026-11-21", "Ada")]
    summary = str(complete(found, essential))
    again = str(complete({}, essentials_of(summary)))
    assert max(len(summary), len(again)) <= MOST + sum(len(point) for one in found.values() for point in one)
    assert missing(essential, "\n".join([*summary.splitlines()])) == []


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_answer_is_a_summary_or_none(answer: str, source: str) -> None:
    """Free text gives points, or a complaint, and nothing else."""
    try:
        made = read(answer, source)
    except BadSummary:
        return
    assert set(made) <= set(HEADINGS)


def test_a_long_life_stays_within_the_bound() -> None:
    """However much must not be lost, the weightiest and newest fit, and the summary grows no more."""
    text, said = "", 0
    for day in range(1, 29):
        told = [
            line
            for n in range(40)
            for line in lines(f"The code of door {day}-{n} is {day * 1000 + n}.", f"2026-02-{day:02}", "Ada")
        ]
        text = str(complete({"Otherwise": ["They talked."]}, [*essentials_of(text), *told]))
        said = max(said, len(text))
    assert said <= MOST
    assert "The code of door 28-39 is 28039." in text
    days = [line[2:12] for line in text.splitlines()[3:]]
    assert days == sorted(days)

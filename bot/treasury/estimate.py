"""Estimates: what a request is expected to take, by its text and by what providers reported for those before.

The rule was found on recorded requests (tests/corpus): a text is cut into pieces, about one for a token of English; each
model's own rate, and what it adds for tools, is learned from the difference to what its provider reported.
"""

import json
import re
from collections.abc import Sequence
from statistics import mean, median, quantiles
from typing import NamedTuple
from zlib import crc32

from bot.ports import Call, Document, Image, Prompt, Result, Text

LEARNS_FROM = 50  # requests of a model
_LAST = 8  # of which the residual is taken
_TRUST = 1_000  # pieces that the first guess of one token for each is worth
_LEAST_GROWTH = 20  # pieces between two requests: less says nothing about the rate
_PER_MESSAGE, _PER_CALL, _REST = 4, 8, 3
_FAIR_QUANTITY = 5  # errors from which an interval can be told
_PIECE = re.compile(r"\w+|[^\w\s]+")
_WORD = 8  # bytes of a word that are one piece
USUAL_OUTPUT = 300  # tokens, where nothing is known


class Weight(NamedTuple):
    """What a prompt weighs: pieces of all that is said in it and of its tools' forms; `head` is equal where its head is."""

    said: int = 0
    forms: int = 0
    head: int = 0


NOTHING = Weight()


class Past(NamedTuple):
    """A request of before: its weight, and the tokens that were reported for its prompt and its answer."""

    weight: Weight
    prompt: int
    output: int


class Interval(NamedTuple):
    """What is expected, and between which bounds four of five fall."""

    expected: float
    low: float
    high: float


def pieces(text: str) -> int:
    """Return how many pieces a text has."""
    found = _PIECE.findall(text)
    return sum(1 + (len(one.encode()) - 1) // _WORD if one[0].isalnum() or one[0] == "_" else 1 for one in found)


def weigh(prompt: Prompt) -> Weight:
    """Return what a prompt weighs."""
    said = pieces(prompt.system) + _PER_MESSAGE * (1 + len(prompt.messages))
    for message in prompt.messages:
        for block in message.content:
            match block:
                case Text():
                    said += pieces(block.text)
                case Call():
                    said += _PER_CALL + pieces(block.name + _compact(block.arguments))
                case Result():
                    said += pieces(block.text)
                case Image() | Document():
                    said += block.tokens
    forms = "".join(_compact(form.model_dump()) for form in prompt.tools)
    return Weight(said, pieces(forms), crc32(f"{prompt.system}\n{forms}".encode()))


def expect_prompt(model: str, weight: Weight, past: Sequence[Past]) -> float:
    """Return how many tokens a prompt is expected to have; `past` are requests of the same model, the oldest first."""
    past = past[-LEARNS_FROM:]
    rate = _rate(past)
    guess = rate * weight.said + _forms(model, weight.forms)
    alike = [one for one in past if one.weight.head == weight.head] or [
        one for one in past if bool(one.weight.forms) == bool(weight.forms)
    ]
    residuals = [one.prompt - rate * one.weight.said - _forms(model, one.weight.forms) for one in alike[-_LAST:]]
    return max(1.0, guess + (median(residuals) if residuals else _REST))


def expect_output(past: Sequence[Past]) -> float:
    """Return how many tokens an answer is expected to have: single ones cannot be foreseen, and their sum can."""
    return mean(one.output for one in past[-LEARNS_FROM:]) if past else USUAL_OUTPUT


def interval(model: str, weight: Weight, past: Sequence[Past]) -> Interval:
    """Return what a prompt is expected to have, with bounds by the errors that were made before."""
    expected = expect_prompt(model, weight, past)
    recent = past[-LEARNS_FROM:]
    ratios = [
        one.prompt / expect_prompt(model, one.weight, recent[:position])
        for position, one in enumerate(recent)
        if position and one.prompt
    ]
    if len(ratios) < _FAIR_QUANTITY:
        return Interval(expected, expected / 2, expected * 2)
    low, *_, high = quantiles(ratios, n=10, method="inclusive")
    return Interval(expected, expected * min(low, 1.0), expected * max(high, 1.0))


def _rate(past: Sequence[Past]) -> float:
    """Return how many tokens a piece is, by how prompts of the same head grew."""
    grown = tokens = 0.0
    last: dict[int, Past] = {}
    for one in past:
        before = last.get(one.weight.head)
        last[one.weight.head] = one
        if before is not None:
            more, reported = one.weight.said - before.weight.said, one.prompt - before.prompt
        elif not one.weight.forms:
            more, reported = one.weight.said, one.prompt - _REST
        else:
            continue
        if abs(more) >= _LEAST_GROWTH:
            grown += abs(more)
            tokens += reported if more > 0 else -reported
    return min(4.0, max(0.5, (_TRUST + tokens) / (_TRUST + grown)))


def _forms(model: str, weight: int) -> float:
    """Return how many tokens the forms of tools are, as far as that is known of a family of models."""
    if not weight:
        return 0.0
    if "claude" in model:
        return 500 + 1.6 * weight
    if model.startswith(("gpt-", "openai/gpt-", "o1", "o3", "o4")) and "oss" not in model:
        return 10 + 0.5 * weight
    return 60 + 1.1 * weight


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

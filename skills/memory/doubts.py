"""Doubts: whether a fact says the same as one that is known, or may contradict it; found without a model, so not always.

Two facts are about the same thing when they say so (`about`), when the words before “is” are the same, or when they differ in
one stretch only and that holds a number or a name. What is put in quite other words is taken for another thing.
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from itertools import takewhile

from bot.forgetting import stems
from bot.search import folding
from skills.memory.facts import Fact, Telling

LONGEST_STRETCH = 3  # words in which they may differ
LEAST_SHARED = 2  # words that they must share
_IS = re.compile(r"(?<!\w)(?:is|are|was|ist|sind|war|lautet|hei(?:ß|ss)t)(?!\w)|:(?=\s)|=", re.IGNORECASE)


class Likeness(Enum):
    """How a fact is like one that is known."""

    SAME = auto()
    DOUBT = auto()


def find(known: Iterable[Fact], told: Telling, names: Sequence[str]) -> tuple[Fact, Likeness] | None:
    """Return the fact that one which is told repeats, or may contradict; `names` are what the teller is called."""
    found = [(fact, like) for fact in known if (like := likeness(fact.text, fact.about, told, names)) is not None]
    return min(found, key=lambda one: (one[1] is Likeness.DOUBT, -one[0].id), default=None)


def likeness(text: str, about: str, told: Telling, names: Sequence[str]) -> Likeness | None:
    """Tell how two facts are alike."""
    unsaying = {stems.stem(word) for name in names for word in folding.words(name)}
    before, now = (_said(one, unsaying) for one in (text, told.text))
    if before == now:
        return Likeness.SAME
    if about and told.about:
        return Likeness.DOUBT if folding.words(about) == folding.words(told.about) else None
    things = [_said(one[: match.start()], unsaying) for one in (text, told.text) if (match := _IS.search(one))]
    if len(things) == 2 and all(things):  # noqa: PLR2004 - both say that something is something
        return Likeness.DOUBT if things[0] == things[1] else None
    return Likeness.DOUBT if _differ_in_one(before, now, _marked(text) | _marked(told.text)) else None


def _said(text: str, unsaying: set[str]) -> list[str]:
    return [stem for stem in stems.of(text) if stem not in unsaying]


def _differ_in_one(before: Sequence[str], now: Sequence[str], marked: set[str]) -> bool:
    first = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(before, now, strict=False))))
    rest = [list(reversed(one[first:])) for one in (before, now)]
    last = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(*rest, strict=False))))
    stretches = [set(one[last:]) for one in rest]
    return (
        first + last >= LEAST_SHARED
        and all(0 < len(stretch) <= LONGEST_STRETCH for stretch in stretches)
        and all(stretch & marked for stretch in stretches)
    )


def _marked(text: str) -> set[str]:
    """Return the stems of numbers and names: what makes the difference between two facts."""
    written = folding.WRITTEN.findall(text)
    return {stem for word in written if word[0].isupper() or any(map(str.isdigit, word)) for stem in stems.of(word)}

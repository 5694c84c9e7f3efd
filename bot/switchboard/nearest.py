"""The examples and corrections that a message is most like, by the words that they share and how rare these are."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from sys import intern

from bot.switchboard.words import Mend, stems

MOST = 3
RAREST = 8  # words of a message that are looked up: common ones say little and would be found everywhere
LEAST_LIKE = 0.2


@dataclass(frozen=True, slots=True)
class Example:
    """A message and the butler for whom it was; `correction` is its number where a person set it right."""

    text: str
    butler: str
    correction: int | None = None


@dataclass(frozen=True)
class Near:
    """An example, and how much a message is like it, from 0 to 1."""

    example: Example
    likeness: float


class Neighbours:
    """Finds them, without looking at all."""

    def __init__(self) -> None:
        self._examples: list[tuple[Example, Sequence[str]]] = []
        self._with: dict[str, list[int]] = {}  # which examples hold a word

    def add(self, example: Example) -> None:
        """Let an example be found."""
        words = tuple(map(intern, stems(example.text)))
        for word in words:
            self._with.setdefault(word, []).append(len(self._examples))
        self._examples.append((example, words))

    def of(self, text: str, mend: Mend = str) -> Sequence[Near]:
        """Return the nearest examples, the nearest first."""
        mine = {word: self._rarity(word) for word in stems(text, mend)}
        size = sqrt(sum(one * one for one in mine.values()))
        if not size:
            return ()
        shared: dict[int, float] = {}
        for word in sorted(mine, key=lambda one: -mine[one])[:RAREST]:
            for place in self._with.get(word, ()):
                shared[place] = shared.get(place, 0.0) + mine[word] ** 2
        best = sorted(shared, key=lambda place: -shared[place])[: MOST * 4]
        found = [Near(self._examples[place][0], shared[place] / (size * self._size(place))) for place in best]
        found.sort(key=lambda one: -one.likeness)
        return tuple(one for one in found[:MOST] if one.likeness >= LEAST_LIKE)

    def _rarity(self, word: str) -> float:
        return log(1 + len(self._examples) / (1 + len(self._with.get(word, ()))))

    def _size(self, place: int) -> float:
        return sqrt(sum(self._rarity(word) ** 2 for word in self._examples[place][1]))

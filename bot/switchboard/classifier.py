"""The classifier: how likely each butler is meant, learnt from descriptions, examples and corrections, and nothing else.

It counts words (naive Bayes over stems, pairs and parts of words). What such sums are worth is measured: each example is left
out once and guessed from the others, and one number, the temperature, is set so that what was called 80 % was right 8 times
of 10. A new correction is counted in without counting all others again.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from bot.switchboard.nearest import Example, Near, Neighbours
from bot.switchboard.words import features, one_slip_away

MOST_TRIED = 300  # examples by which the temperature is set
TEMPERATURES = tuple(0.25 * 1.12**step for step in range(26))  # 0.25 to 4.2
SMOOTHING = 1.0
LEAST = 1e-9
LEAST_MENDED = 5  # letters: among shorter words, too many are a slip apart
PULL = 7.0  # what a correction weighs that says the very same


@dataclass(frozen=True)
class Guess:
    """How likely each butler is meant, what a message is most like, and how much of it was ever seen before."""

    shares: Mapping[str, float]
    near: Sequence[Near]
    known: float  # the weight of what was seen before, from 0 to 1


class Classifier:
    """Knows the examples of one state of the household, and the corrections that came since."""

    def __init__(self, butlers: Sequence[str], examples: Iterable[Example]) -> None:
        self._butlers = {name: place for place, name in enumerate(butlers)}
        self._places: dict[str, int] = {}  # of features: where their counts begin
        self._counts = array("f")
        self._seen = [0.0] * len(butlers)
        self._neighbours = Neighbours()
        known = [one for one in examples if one.butler in self._butlers]
        for one in known:
            self.learn(one)
        step = max(1, len(known) // MOST_TRIED)
        self._temperature = self._measured(known[::step])

    def learn(self, example: Example) -> None:
        """Count an example in."""
        if example.butler in self._butlers:
            self._count(features(example.text), self._butlers[example.butler], 1.0)
            self._neighbours.add(example)

    def guess(self, text: str) -> Guess:
        """Return how likely each butler is meant by a message."""
        found = features(text, self._mend)
        near = self._neighbours.of(text, self._mend)
        scores = self._scores(found)
        temperature = self._temperature / _length(found)
        logits = [score * temperature for score in scores]
        for one in near:
            if one.example.correction is not None:  # what somebody set right outweighs what butlers say of themselves
                logits[self._butlers[one.example.butler]] += PULL * one.likeness * one.likeness
        weight = sum(found.values())
        known = sum(share for name, share in found.items() if name in self._places) / weight if weight else 0.0
        return Guess(dict(zip(self._butlers, _shares(logits), strict=True)), near, known)

    def _mend(self, word: str) -> str:
        """Return the known word that was meant, where an unknown one is a slip away from it."""
        if len(word) < LEAST_MENDED or f"w {word}" in self._places or not word.isalpha():
            return word
        return next((one for one in one_slip_away(word) if f"w {one}" in self._places), word)

    def _scores(self, found: Mapping[str, float]) -> list[float]:
        """Return what speaks for each butler, in all that was ever seen."""
        scores = [0.0] * len(self._seen)
        total = sum(self._seen)
        for name, weight in found.items():
            begin = self._places.get(name)
            if begin is None:
                continue
            counts = self._counts[begin : begin + len(scores)]
            share = sum(counts) / total
            if share <= 0:
                continue
            for place, count in enumerate(counts):
                likely = (count + 2 * SMOOTHING * share) / (self._seen[place] + 2 * SMOOTHING)
                scores[place] += weight * log(likely / share)
        return scores

    def _count(self, found: Mapping[str, float], place: int, times: float) -> None:
        self._seen[place] += times
        for name in found:
            begin = self._places.get(name)
            if begin is None:
                begin = self._places[name] = len(self._counts)
                self._counts.extend([0.0] * len(self._seen))
            self._counts[begin + place] += times

    def _measured(self, examples: Sequence[Example]) -> float:
        """Return the temperature at which guesses of examples that are left out come true as often as they say."""
        tried = []
        for one in examples:
            found, place = features(one.text), self._butlers[one.butler]
            self._count(found, place, -1.0)
            tried.append(([score / _length(found) for score in self._scores(found)], place))
            self._count(found, place, 1.0)
        return min(TEMPERATURES, key=lambda one: _surprise(tried, one)) if tried else 1.0


def _length(found: Mapping[str, float]) -> float:
    return sqrt(max(sum(found.values()), 1.0))


def _surprise(tried: Sequence[tuple[Sequence[float], int]], temperature: float) -> float:
    """Return how far guesses are from what was right."""
    return -sum(log(_shares([score * temperature for score in scores])[place] + LEAST) for scores, place in tried)


def _shares(logits: Sequence[float]) -> list[float]:
    most = max(logits)
    weights = [exp(one - most) for one in logits]
    total = sum(weights)
    return [one / total for one in weights]

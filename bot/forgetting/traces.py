"""Traces: where something is said again that is to be forgotten, sentence by sentence.

A sentence says it when it holds its number or, where it has none, most of its words; in the turn in which it was told one of
its words is enough, since people tell things in other words than those that are kept.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Self

from bot.forgetting import stems
from bot.search import folding

MOST_OF = 0.7
LONGEST_ROW = 300  # characters: longer lists are no rows of a table
LONG_NUMBER = 6  # digits, however they are grouped
_ENDS = re.compile(r"(\n+|(?<=[.!?…])\s+|(?<=[。！？]))")  # noqa: RUF001 - the stops of Chinese and Japanese
_CUT = re.compile(r"\b[^\W\d_]{1,3}\.\Z")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")  # as JSON writes letters
_NO_DIGIT = re.compile(r"\D")
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"\d(?:[ \u00a0\u202f.,'’/()-]{0,2}\d)*")  # however its digits are grouped


@dataclass(frozen=True)
class Traces:
    """Finds them, and takes them out; `names` are words that say nothing here, such as the person's own name."""

    texts: Sequence[str]
    day: date
    names: frozenset[str] = frozenset()

    @property
    def mark(self) -> str:
        """What stands in their place."""
        return f"[forgotten on {self.day}]"

    @cached_property
    def _wanted(self) -> list[frozenset[str]]:
        return [one for one in map(self._stems, self.texts) if one]

    def _stems(self, text: str) -> frozenset[str]:
        return frozenset(stem for stem in stems.of(text) if stem not in self._unsaying)

    @cached_property
    def _unsaying(self) -> frozenset[str]:
        return frozenset(map(stems.stem, self.names))

    @cached_property
    def _telling(self) -> frozenset[str]:
        return frozenset(word for one in self._wanted for word in one if stems.is_telling(word))

    @cached_property
    def _all(self) -> frozenset[str]:
        return frozenset().union(*self._wanted)

    @cached_property
    def strict(self) -> Self:
        """Those of them that a text says by its number or by some of its words, not by a single one."""
        found = [text for text in self.texts if len(one := self._stems(text)) > 1 or any(map(stems.is_telling, one))]
        return replace(self, texts=found)

    def says(self, text: str, *, told_there: bool = False) -> bool:
        """Tell whether any sentence of a text says any of it; of a long one most often its words alone say that none does."""
        if not told_there:
            folded, digits = folding.fold(text), "".join(_DIGITS.findall(text))
            if not any(self._says(one, frozenset(word for word in one if word in folded), [digits]) for one in self._wanted):
                return False
        return self.clean(text, told_there=told_there) != text

    def holds(self, text: str, *, told_there: bool = False) -> bool:
        """Tell whether a sentence says any of it."""
        words = frozenset(stems.of(text))
        if told_there and not self._all.isdisjoint(words):
            return True
        numbers = [_NO_DIGIT.sub("", number) for number in _NUMBER.findall(text)]
        return any(self._says(one, words, numbers) for one in self._wanted)

    def is_same(self, text: str) -> bool:
        """Tell whether a fact says the same: all its numbers, and most of its words."""
        words = frozenset(stems.of(text))
        return any((one & self._telling) <= words and len(one & words) >= len(one) * MOST_OF for one in self._wanted)

    def clean(self, text: str, *, told_there: bool = False) -> str:
        """Return a text with a mark in the place of the sentences that say any of it."""
        if not self._all or not self.may_hold(text):
            return text
        pieces = _ENDS.split(text)
        said = [self.holds(piece, told_there=told_there) for piece in pieces]
        for place in range(len(pieces) - 2):
            # “Dr.” ends no sentence: its halves say together what neither says alone.
            halves = _CUT.search(pieces[place]) and not (said[place] or said[place + 2])
            if halves and self.holds("".join(pieces[place : place + 3]), told_there=told_there):
                said[place] = said[place + 2] = True
        return self._without(pieces, said)

    def clean_json(self, value: Any, *, told_there: bool = False) -> Any:  # noqa: ANN401 - any JSON
        """Return a JSON value in which the texts and numbers are marked that say any of it."""
        if isinstance(value, str):
            return self.clean(value, told_there=told_there)
        if isinstance(value, dict):
            cleaned = {self.clean(key): self.clean_json(inner, told_there=told_there) for key, inner in value.items()}
            return cleaned if len(cleaned) == len(value) else {self.mark: True}
        if isinstance(value, list):
            inside = [self.clean_json(inner, told_there=told_there) for inner in value]
            return self._clean_cells(value) if inside == value else inside
        if isinstance(value, int | float) and not isinstance(value, bool) and str(value) in self._telling:
            return self.mark
        return value

    def _clean_cells(self, cells: list[Any]) -> list[Any]:
        """Return the cells of a table's row, marked where they say together what none says alone."""
        row = " ".join(str(cell) for cell in cells if isinstance(cell, str | int | float))
        if len(row) > LONGEST_ROW or not self.holds(row):
            return cells
        return [cell if self._all.isdisjoint(stems.of(str(cell))) else self.mark for cell in cells]

    def may_hold(self, text: str) -> bool:
        """Tell whether a text, or JSON, can be left out of the search for it."""
        text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
        folded = folding.fold(text)
        return any(word in folded for word in self._all) or any(word in _NO_DIGIT.sub("", text) for word in self._telling)

    def _says(self, one: frozenset[str], words: frozenset[str], numbers: Sequence[str]) -> bool:
        telling = one & self._telling
        if telling:
            long = [word for word in telling if len(word) >= LONG_NUMBER]
            return not telling.isdisjoint(words) or any(word in number for word in long for number in numbers)
        return len(one & words) >= min(len(one), max(2, math.ceil(len(one) * MOST_OF)))

    def _without(self, pieces: Sequence[str], out: Sequence[bool]) -> str:
        kept: list[str] = []
        for place, piece in enumerate(pieces):
            if not out[place]:
                between = not piece.strip() and 0 < place < len(pieces) - 1 and out[place - 1] and out[place + 1]
                kept += [] if between else [piece]
            elif not kept or kept[-1] != self.mark:
                kept.append(self.mark)
        return "".join(kept)

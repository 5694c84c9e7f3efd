"""Essentials: the sentences of a text that must not be lost, found without a model, by promises, numbers and names."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

LONGEST_LINE = 240  # characters: a longer sentence is carried on in pieces
MUST = 3  # from this weight on a sentence is carried on word for word, where a summary does not say it
_END = re.compile(r"(?<=\D[.!?…])\s+|\n+")  # not after a digit: "on 3. March"
_PIECE = re.compile(rf"\S.{{0,{LONGEST_LINE - 2}}}(?!\S)|\S{{1,{LONGEST_LINE}}}")
_NUMBER = re.compile(r"\d[\d.,:/\u2019'-]*\d|\d")
_CODE = re.compile(r"(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{3,}|\b[A-Z][A-Z\d-]{2,}\b")
_NAME = re.compile(r"(?<=[^\W\d_,;:] )(?:[A-ZÀ-Þ][\w’'-]+)(?: [A-ZÀ-Þ][\w’'-]+)*")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|\+\d[\d ()/-]{6,}\d")
_WORD = re.compile(r"[^\W\d_]{4,}")
_MINE = re.compile(r"\b(?:my|our|mein\w*|unser\w*|mon|ma|mes|notre|nos|mi|mis|nuestr\w*|mio|mia|nostr\w*)\b", re.IGNORECASE)
_PROMISE = re.compile(
    r"\b(?:i[’']ll|i will|i shall|we[’']ll|we will|promise\w*|remind\w*|remember|don[’']t forget|never forget|deadline|due|"
    r"agreed?|decided?|decision|must not|always|never|appointment|"
    r"ich werde|ich verspreche|versproche\w*|erinner\w*|vergiss|vergessen|vereinbar\w*|beschlossen|entschieden|termin|frist|"
    r"je vais|promets|promis|rappel\w*|oublie\w*|décidé|convenu|rendez-vous|"
    r"voy a|prometo|recuérda\w*|recordar\w*|olvides|decidi\w*|acordado|cita|prometto|ricorda\w*|appuntamento)\b",
    re.IGNORECASE,
)


BUTLER, STRANGER = "butler", "somebody else"  # as whose words those of nobody by name are carried on


class Line(NamedTuple):
    """A sentence that somebody said: when, who, and how much it weighs."""

    day: str
    who: str
    text: str
    weight: int

    def __str__(self) -> str:
        """Return it as it stands in a summary."""
        said = ", ".join(filter(None, (self.day, self.who)))
        return f"{said}: {self.text}" if said else self.text


def lines(text: str, day: str = "", who: str = "", focus: frozenset[str] = frozenset()) -> Iterator[Line]:
    """Give the sentences of a text with their weights: a person's weigh more, and one with a word of the `focus` must stay."""
    more = int(who not in ("", BUTLER, STRANGER))
    for sentence in _END.split(text):
        for piece in _PIECE.findall(" ".join(sentence.split())):
            weight = _weight(piece) + (2 * MUST if focus and focus & words_of(piece) else 0)
            if weight > 0:
                yield Line(day, who, piece, weight + more)


def _weight(sentence: str) -> int:
    marks = marks_of(sentence)
    weight = 0
    if _PROMISE.search(sentence):
        weight += 3
    if any(any(map(str.isdigit, mark)) for mark in marks) or _ADDRESS.search(sentence):
        weight += 3
    if marks and _MINE.search(sentence):
        weight += 1
    if _NAME.search(sentence):
        weight += 1
    return weight - 3 if sentence.endswith("?") else weight


def words_of(text: str) -> frozenset[str]:
    """Return the long words of a text, as they are compared."""
    return frozenset(word.casefold() for word in _WORD.findall(text))


def marks_of(text: str) -> set[str]:
    """Return the numbers, codes and names in a text, each as it is compared."""
    found = {_plain(match) for pattern in (_NUMBER, _CODE, _NAME, _ADDRESS) for match in pattern.findall(text)}
    return found - {""}


def numbers_of(text: str) -> set[str]:
    """Return the numbers in a text that nobody can have counted, as they are compared."""
    return {mark for mark in map(_plain, _NUMBER.findall(text)) if len(mark) > 1}


def is_said(line: Line, summary: str, marks: set[str], words: frozenset[str]) -> bool:
    """Tell whether a summary says what a sentence says: every number, code and name of it, and most of its long words."""
    mine = marks_of(line.text)
    if not all(mark in marks or mark in summary for mark in mine):
        return False
    long = words_of(line.text)
    return len(long & words) * 2 >= len(long)


def missing(essential: Iterable[Line], summary: str) -> list[Line]:
    """Return the sentences that must be carried on and that a summary does not say."""
    marks, words = marks_of(summary), words_of(summary)
    return [line for line in essential if line.weight >= MUST and not is_said(line, summary, marks, words)]


def heaviest(found: Sequence[Line], room: int) -> list[Line]:
    """Return the lines that fit into so many characters, in their order: the heaviest, and of equals the newest; none twice."""
    newest = {line.text: position for position, line in enumerate(found)}
    order = sorted(newest.values(), key=lambda position: (-found[position].weight, -position))
    taken = []
    for position in order:
        room -= len(str(found[position])) + 3
        if room >= 0:
            taken.append(position)
    return [found[position] for position in sorted(taken)]


def _plain(mark: str) -> str:
    return mark.strip(".,:;'’\"()").casefold()

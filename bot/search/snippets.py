"""Snippets: the part of a text in which that stands which was looked for."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bot.search import folding
from bot.search.wish import Term, Wish

BEFORE, LENGTH = 50, 200  # characters ahead of the first hit, and of all of it
_SPACE = re.compile(r"\s+")


class _Word(NamedTuple):
    folded: str
    start: int
    end: int


def snippet(text: str, wish: Wish, mark: Callable[[str], str], plain: Callable[[str], str]) -> str:
    """Return what stands around the first hit on one line: hits as `mark` writes them, and all else as `plain` does."""
    text = _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    hits = _hits(text, wish.terms)
    start = max(hits[0][0] - BEFORE, 0) if hits else 0
    start = 0 if start == 0 or len(text) <= LENGTH else text.find(" ", start, start + BEFORE) + 1 or start
    end = min(start + LENGTH, len(text))
    parts, done = ["…" if start else ""], start
    for begin, stop in hits:
        if begin >= done and stop <= end:
            parts += [plain(text[done:begin]), mark(text[begin:stop])]
            done = stop
    return "".join((*parts, plain(text[done:end]), "…" if end < len(text) else ""))


def stands(words: Sequence[str], position: int, way: Sequence[str], *, begins: bool) -> bool:
    """Tell whether words follow each other at a position."""
    there = words[position : position + len(way)]
    if len(there) < len(way) or list(there[:-1]) != list(way[:-1]):
        return False
    return there[-1].startswith(way[-1]) if begins else there[-1] == way[-1]


def _hits(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where the terms stand in a text; what touches is one."""
    words = list(_words(text))
    folded = [word.folded for word in words]
    ways = [(way, term.begins) for term in terms for way in term.ways]
    found = {
        (word.start, words[position + len(way) - 1].end)
        for position, word in enumerate(words)
        for way, begins in ways
        if stands(folded, position, way, begins=begins)
    }
    return sorted(found, key=lambda hit: (hit[0], -hit[1]))


def _words(text: str) -> Iterator[_Word]:
    for match in folding.WRITTEN.finditer(text):
        for word in folding.words(match[0]):
            yield _Word(word, match.start(), match.end())

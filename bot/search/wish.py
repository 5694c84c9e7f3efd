"""Wishes: what somebody types to find something, whatever it is, as words that are to be found."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.search import folding

MOST_TERMS = 12
SHORTEST_BEGINNING = 3  # letters; what begins with fewer is nearly everything
SHORTEST_STEM = 4  # letters of a word that may also be the beginning of another, where the word itself is not found
_TERM = re.compile(r'"([^"]*)"|“([^”“]*)[”“]|„([^“”]*)[“”]|«([^»]*)»|(\S+)')
_OWN_WAYS = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"))  # in which Germans write them without such a keyboard


@dataclass(frozen=True)
class Term:
    """Words that follow each other; each of the ways is one of writing them. `begins`: the last is the beginning of a word."""

    ways: tuple[tuple[str, ...], ...]
    begins: bool = False

    @property
    def stem(self) -> "Term":
        """The same, also where it only begins a word."""
        last = self.ways[0][-1]
        is_long = len(last) >= SHORTEST_STEM and not folding.is_unspaced(last)
        return replace(self, begins=True) if is_long else self


@dataclass(frozen=True)
class Wish:
    """All that is to be found together."""

    terms: tuple[Term, ...]

    @property
    def widened(self) -> "Wish":
        """The same, with words that begin so."""
        return Wish(tuple(term.stem for term in self.terms))


def read(text: str) -> Wish:
    """Read what somebody typed: words, “words in quotes” that follow each other, and wor* for what begins so."""
    terms = dict.fromkeys(term for term in map(_term, _pieces(text)) if term is not None)
    return Wish(tuple(terms)[:MOST_TERMS])


def _pieces(text: str) -> Iterator[str]:
    for match in _TERM.finditer(text):
        yield next((group for group in match.groups() if group is not None), "")


def _term(piece: str) -> Term | None:
    ways = tuple(dict.fromkeys(tuple(folding.words(way)) for way in _ways(piece)))
    if not ways[0]:
        return None
    return Term(ways, piece.endswith("*") and len(ways[0][-1]) >= SHORTEST_BEGINNING)


def _ways(piece: str) -> Iterator[str]:
    small = piece.casefold()
    yield small
    written_out, joined = small, small
    for letter, pair in _OWN_WAYS:
        written_out, joined = written_out.replace(letter, pair), joined.replace(pair, letter)
    yield written_out
    yield joined

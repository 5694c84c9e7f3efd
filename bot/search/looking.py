"""Looking: what was said is found by its words, best first, with the place in it that was looked for.

The index gives the newest of what holds all the words, never more than a fixed number, so that a common word costs no more
than a rare one; these few are ranked here. Where nothing holds all words, words that begin so are taken, then any of the
words, and at last any letters in a row, in what was said lately.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from bot.search import folding, history, snippets
from bot.search.history import Speaker
from bot.search.wish import Term, Wish, read
from bot.store.said_tables import said

MOST = 120  # that are ranked
FEW = 5  # found: so few that others may be meant
LATELY = 1_000  # rows in which letters are looked for
FADES_IN = timedelta(days=60)
_SECOND_HAND = 0.5  # how much less is thought of what a tool read than of what somebody said
_LATELY = (
    select(said)
    .where(said.c.subject.in_(bindparam("subjects", expanding=True)))
    .order_by(said.c.id.desc())
    .limit(bindparam("most"))
)


@dataclass(frozen=True)
class Found:
    """What was found, the best first. `loosely`: not all of the words stand in it."""

    rows: Sequence[Row[Any]]
    wish: Wish
    loosely: bool = False

    @property
    def is_cut(self) -> bool:
        """Whether there may be more than was looked at."""
        return len(self.rows) >= MOST


def find(tx: Connection, subject: str, text: str, now: datetime) -> Found:
    """Find what was said to somebody, or in a group."""
    wish = read(text)
    if not wish.terms:
        return Found((), wish)
    scopes = history.subjects(tx, subject)
    numbers = history.INDEX.find(tx, scopes, wish, MOST)
    if len(numbers) < FEW:
        numbers += history.INDEX.find(tx, scopes, wish.widened, MOST - len(numbers))
    loosely = not numbers
    if loosely and len(wish.terms) > 1:
        each = [history.INDEX.find(tx, scopes, Wish((term,)), MOST // len(wish.terms)) for term in wish.widened.terms]
        numbers = [number for one in each for number in one]
    found = list(history.rows(tx, list(dict.fromkeys(numbers))).values())
    if not found and all(len(way) == 1 for term in wish.terms for way in term.ways[:1]):
        found = list(_letters(tx, scopes, text))
    return Found(_ranked(found, wish.widened, now), wish.widened, loosely)


def _letters(tx: Connection, scopes: Sequence[str], text: str) -> Iterator[Row[Any]]:
    """Find what holds these very letters, also inside of words."""
    wanted = [part for part in re.sub(r'["“”„«»*]', " ", folding.fold(text)).split() if len(part) > 1]
    if wanted:
        for row in tx.execute(_LATELY, {"subjects": scopes, "most": LATELY}):
            there = folding.fold(row.text)
            if all(part in there for part in wanted):
                yield row


def _ranked(rows: Sequence[Row[Any]], wish: Wish, now: datetime) -> list[Row[Any]]:
    """Put first what holds the rarer words, more of them and in fewer others (as bm25 does), and what is newer."""
    counts = [_count(folding.words(row.text), wish.terms) for row in rows]
    usual = sum(length for _, length in counts) / len(counts) if counts else 1.0
    held = Counter(number for hits, _ in counts for number in hits)
    weights = {number: 1 + math.log(1 + (len(rows) - count + 0.5) / (count + 0.5)) for number, count in held.items()}

    def worth(row: Row[Any], hits: Counter[int], length: int) -> float:
        words = sum(weights[number] * count / (count + 0.3 + 0.9 * length / (usual or 1)) for number, count in hits.items())
        freshness = 0.5 ** max((now - row.at) / FADES_IN, 0.0)
        second_hand = _SECOND_HAND if row.speaker == Speaker.TOOL else 1.0
        return float((words + 0.1) * (0.4 + 0.6 * freshness) * second_hand)

    graded = [(worth(row, *counted), row.id, row) for row, counted in zip(rows, counts, strict=True)]
    return [row for _, _, row in sorted(graded, key=lambda one: (-one[0], -one[1]))]


def _count(words: Sequence[str], terms: Sequence[Term]) -> tuple[Counter[int], int]:
    """Count how often each term stands among words."""
    hits = Counter(
        {number: sum(_times(words, way, begins=term.begins) for way in term.ways) for number, term in enumerate(terms)}
    )
    return +hits, len(words)


def _times(words: Sequence[str], way: Sequence[str], *, begins: bool) -> int:
    if len(way) == 1:
        return sum(word.startswith(way[0]) for word in words) if begins else words.count(way[0])
    return sum(snippets.stands(words, position, way, begins=begins) for position, word in enumerate(words) if word == way[0])

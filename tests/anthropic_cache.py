"""The vendor's prompt cache: which part of a prompt is read from it, which is written to it, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anthropic_models import Model
    from tests.anthropic_prompt import Piece, Prompt

LOOK_BACK = 20
LIVES = {"5m": 300.0, "1h": 3600.0}
_MANY = 10_000

_Key = tuple[str, str, bytes, bytes]


@dataclass
class _Entry:
    expires: float
    ttl: str


@dataclass
class Lookup:
    """What the cache gave for a prompt, and what is to be written once the answer begins."""

    fresh: int
    read: int = 0
    written: dict[str, int] = field(default_factory=lambda: {"5m": 0, "1h": 0})
    entries: dict[_Key, _Entry] = field(default_factory=dict)

    def usage(self) -> dict[str, object]:
        """Return the part of `usage` that tells of the prompt."""
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": sum(self.written.values()),
            "cache_read_input_tokens": self.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written["5m"],
                "ephemeral_1h_input_tokens": self.written["1h"],
            },
        }


class PromptCache:
    """The cached prefixes of every key and model, with a clock that tests can move."""

    def __init__(self) -> None:
        self._entries: dict[_Key, _Entry] = {}
        self._ahead = 0.0

    def now(self) -> float:
        """Return the time by the cache's clock."""
        return monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the cache's clock forward."""
        self._ahead += seconds

    def look_up(self, key: str, model: Model, prompt: Prompt, marked: dict[int, str]) -> Lookup:
        """Read the longest cached prefix of a prompt, refresh it, and plan the writes at the breakpoints."""
        totals = prompt.totals()
        eligible = {number: ttl for number, ttl in sorted(marked.items()) if totals[number] >= model.cache_minimum}
        ids = [(key, model.id, piece.digest, _salt_of(piece, prompt)) for piece in prompt.pieces]
        now = self.now()
        hit = max((self._search(prompt, ids, number, now) for number in eligible), default=-1)
        for number in {hit, *eligible}:
            entry = self._entries.get(ids[number]) if 0 <= number <= hit else None
            if entry is not None and entry.expires > now:
                entry.expires = now + LIVES[entry.ttl]
        lookup = Lookup(fresh=totals[-1], read=totals[hit] if hit >= 0 else 0)
        done = lookup.read
        for number, ttl in eligible.items():
            if number > hit:
                lookup.written[ttl] += totals[number] - done
                lookup.entries[ids[number]] = _Entry(now + LIVES[ttl], ttl)
                done = totals[number]
        lookup.fresh = totals[-1] - done
        return lookup

    def write(self, lookup: Lookup) -> None:
        """Make the planned entries readable, which they are only when the answer begins."""
        if len(self._entries) > _MANY:
            now = self.now()
            self._entries = {name: entry for name, entry in self._entries.items() if entry.expires > now}
        self._entries.update(lookup.entries)

    def _search(self, prompt: Prompt, ids: list[_Key], start: int, now: float) -> int:
        for number in _positions(prompt.pieces, start):
            entry = self._entries.get(ids[number])
            if entry is not None and entry.expires > now:
                return number
        return -1


def _salt_of(piece: Piece, prompt: Prompt) -> bytes:
    return prompt.salt if piece.section == "messages" else b""


def _positions(pieces: list[Piece], start: int) -> Iterator[int]:
    # A run of tool calls is one position of the look-back, and so is a run of their results.
    runs = groupby(range(start, -1, -1), lambda number: _run_of(pieces[number], number))
    for _, (_, run) in zip(range(LOOK_BACK), runs, strict=False):
        yield from run


def _run_of(piece: Piece, number: int) -> str:
    return piece.kind if piece.kind in {"tool_use", "tool_result"} else str(number)

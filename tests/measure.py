"""The doubles' own measure of tokens, the same for counting, for usage and for caches, and of JSON."""

from __future__ import annotations

import json

# A text costs its bytes in UTF-8 divided by 3.5, rounded up, and at least 1; JSON counts as its compact text.


def tokens_of(text: str) -> int:
    """Return what a text costs."""
    return max(1, -(-len(text.encode()) * 2 // 7))


def bytes_of(tokens: int) -> int:
    """Return how many bytes of a text the tokens pay for."""
    return tokens * 7 // 2


def compact(value: object) -> str:
    """Return a value as compact JSON, its keys in the order in which they came, as the cache compares them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Budget:
    """What is left of the most tokens that a request allows for its answer."""

    def __init__(self, tokens: int) -> None:
        self.left = tokens
        self.exceeded = False

    def fit(self, text: str, fixed: int = 0) -> tuple[str, int] | None:
        """Return as much of a text as can be paid with its cost, or None if it cannot even begin."""
        cost = fixed + tokens_of(text)
        if cost <= self.left:
            self.left -= cost
            return text, cost
        self.exceeded = True
        room, self.left = self.left, 0
        if room <= fixed:
            return None
        return text.encode()[: bytes_of(room - fixed)].decode(errors="ignore"), room

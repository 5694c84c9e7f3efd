"""The nearest known word to one that nobody knows, for errors that name their own cure."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that looks most like `word`, or None when none comes near."""
    names = {name.casefold(): name for name in known}
    matches = get_close_matches(word.casefold(), names, n=1, cutoff=0.5)
    return names[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str], written: str = "{}") -> str:
    """Return " Did you mean …?" for the nearest known word, written so, or nothing."""
    match = nearest(word, known)
    return f" Did you mean {written.format(match)}?" if match else ""

"""Pauses between tries that fail: each twice as long as the one before."""

MOST_DOUBLINGS = 30  # beyond that every pause is the longest, and a float would run over at some time


def growing_pause(failures: int, longest: float, first: float = 1.0) -> float:
    """Return how long to wait after so many failures before this one, in seconds."""
    return min(first * 2.0 ** min(failures, MOST_DOUBLINGS), longest)

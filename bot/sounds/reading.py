"""Reading: numbers out of recordings, which may end anywhere."""

MOST = 1_000_000  # packets and other parts that are looked at: two hours have half of it, and more take too long


class Unreadable(ValueError):
    """A recording is not what it seems, or it is none whose length can be bounded."""


def number(content: bytes, at: int, size: int) -> int:
    """Return an unsigned number that stands somewhere, its greatest byte first. Raises Unreadable."""
    found = content[at : at + size]
    if at < 0 or len(found) < size:
        raise Unreadable
    return int.from_bytes(found, "big")


def little(content: bytes, at: int, size: int) -> int:
    """Return an unsigned number that stands somewhere, its smallest byte first. Raises Unreadable."""
    found = content[at : at + size]
    if at < 0 or len(found) < size:
        raise Unreadable
    return int.from_bytes(found, "little")

"""WAV: samples of a fixed size; its chunks are walked, so that nothing that only looks like a head is taken for it."""

from bot.sounds.reading import Unreadable, little

# Samples, floats, and the two laws of telephony; of any other codec a second may take next to nothing.
_PLAIN, _EXTENSIBLE = (1, 3, 6, 7), 0xFFFE
_MOST = 1_000  # chunks before the samples


def seconds(content: bytes) -> float:
    """Return how long samples of this size are, as if all of the recording were samples. Raises Unreadable."""
    at, second = 12, 0
    for _ in range(_MOST):
        kind, size = content[at : at + 4], little(content, at + 4, 4)
        if kind == b"fmt " and second:
            raise Unreadable  # which of them counts?
        if kind == b"fmt ":
            second = _bytes_of_a_second(content[at + 8 : at + 8 + size])
        if kind == b"data" and second:
            return len(content) / second
        at += 8 + size + size % 2
    raise Unreadable


def _bytes_of_a_second(head: bytes) -> int:
    codec, channels, rate, bits = little(head, 0, 2), little(head, 2, 2), little(head, 4, 4), little(head, 14, 2)
    block = little(head, 12, 2)  # bytes of a sample of all channels
    if codec == _EXTENSIBLE:
        codec = little(head, 24, 2)
    if codec not in _PLAIN or bits not in (8, 16, 24, 32, 64) or block != channels * bits // 8 or not block or not rate:
        raise Unreadable
    return rate * block

"""MP3: its frames are walked one by one, each of which says how long it is; layer II is read as well."""

from functools import lru_cache
from typing import NamedTuple

from bot.sounds.reading import Unreadable, number

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # by version
_LAYER_2, _LAYER_3 = 2, 1
_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # kbit in a second, where rates are halved
_KBITS = {
    _LAYER_2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    _LAYER_3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
# What a second takes at least where frames are not walked: heads alone, of 13 bytes, each for 576 samples at 8,000 Hz.
_LEAST = 13 * 8_000 / 576  # bytes
_TAG = 10  # bytes of a tag's head
_NEVER, _FREE = 15, 0  # bit rates that are none, or that nothing says


class Frame(NamedTuple):
    """What all frames of a recording share, and the bytes of this one."""

    version: int
    layer: int
    rate: int
    samples: int
    size: int


def seconds(content: bytes) -> float:
    """Return how long all frames together are, and no less than is claimed in the first. Raises Unreadable.

    From where they are broken off, everything counts as the shortest frames that there could be: who plays on may find any.
    """
    at = _after_tags(content)
    first = here = frame(content[at : at + 4])
    if first is None:
        raise Unreadable
    claimed, frames = _claimed(content[at : at + first.size]), 0
    while here is not None and here[:4] == first[:4]:
        frames += 1
        at += here.size
        here = frame(content[at : at + 4])
    return max(frames, claimed) * first.samples / first.rate + max(0, len(content) - at) / _LEAST


@lru_cache(maxsize=1024)
def frame(head: bytes) -> Frame | None:
    """Return the frame that begins with these four bytes, if one does whose length can be told."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:  # noqa: PLR2004 - eleven bits that are set
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    kbits, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version not in _RATES or layer not in _KBITS or kbits in (_NEVER, _FREE) or rate >= len(_RATES[version]):
        return None
    is_halved = version != 3  # noqa: PLR2004 - MPEG 2 and 2.5
    samples = 576 if is_halved and layer == _LAYER_3 else 1152
    bits = (_LOW if is_halved else _KBITS[layer])[kbits - 1] * 1_000
    hertz = _RATES[version][rate]
    return Frame(version, layer, hertz, samples, samples // 8 * bits // hertz + padding)


def _after_tags(content: bytes) -> int:
    """Return where the first frame begins: after tags, which say how long they are, and the zeros that pad them."""
    at = 0
    while content[at : at + 3] == b"ID3":
        size = 0
        for part in content[at + 6 : at + _TAG]:
            size = size << 7 | part & 0x7F
        has_foot = number(content, at + 5, 1) & 0x10
        at += _TAG + size + (_TAG if has_foot else 0)
    return len(content) - len(content[at:].lstrip(b"\0")) if at else 0


def _claimed(first: bytes) -> int:
    """Return how many frames the first one says there are."""
    claims = [0]
    for mark in (b"Xing", b"Info"):
        at = first.find(mark)
        if at >= 0 and len(first) >= at + 12 and number(first, at + 4, 4) & 1:
            claims.append(number(first, at + 8, 4))
    at = first.find(b"VBRI")
    if at >= 0 and len(first) >= at + 18:
        claims.append(number(first, at + 14, 4))
    return max(claims) + (max(claims) > 0)  # the first one is not among them

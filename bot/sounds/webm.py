"""WebM: Opus in Matroska, whose elements are walked; each packet says how long it is, and its time stands beside it."""

import struct
from dataclasses import dataclass
from math import isfinite

from bot.sounds import opus
from bot.sounds.reading import MOST, Unreadable, number

# Elements that hold others: segment, information, tracks, one track, cluster, group of blocks.
_HOLDERS = (0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0x1F43B675, 0xA0)
_TRACK, _CODEC, _ENCODED, _SCALE, _DURATION, _TIME = 0xAE, 0x86, 0x6D80, 0x2AD7B1, 0x4489, 0xE7
_BLOCKS = (0xA3, 0xA1)
_ABOUT = (0x1549A966, 0x1654AE6B, 0xAE)  # those in which anything may stand that is about the recording
# What may stand elsewhere and has no sound in it: head, directory, nothing, sums, tags, places, chapters, words about blocks.
_SILENT = (0x1A45DFA3, 0x114D9B74, 0xEC, 0xBF, 0x1254C367, 0x1C53BB6B, 0x1043A770, 0xA7, 0xAB, 0x9B, 0xFB, 0x75A1, 0x75A2, 0xA4)
_LACED = 0x06
_HEAD = 8  # bytes of a packet: what is looked at
_NANO = 10**9


@dataclass
class _Found:
    tracks: int = 0
    is_opus: bool = False
    ticks: int = 0  # of all packets
    scale: int = 1_000_000  # nanoseconds
    duration: float = 0.0
    time: int = 0  # of the cluster
    last: float = 0.0  # when the last packet ends, by the times that are told


def seconds(content: bytes) -> float:
    """Return how long all packets together are, and no less than is told. Raises Unreadable, also where it is no Opus."""
    found, at = _Found(), 0
    ends, within = [len(content)], [0]
    for _ in range(MOST):
        if at >= len(content):
            break
        while at == ends[-1]:
            ends.pop()
            within.pop()
        element, at = _id(content, at)
        size, at = _size(content, at)
        if at + (size or 0) > ends[-1]:
            raise Unreadable  # it does not end where it should: who looks on from elsewhere may find anything
        if element in _HOLDERS:
            found.tracks += element == _TRACK
            if size is not None:
                ends.append(at + size)
                within.append(element)
            elif element in _ABOUT:
                raise Unreadable
            continue
        if size is None or not (element in (*_BLOCKS, *_SILENT, _TIME) or within[-1] in _ABOUT):
            raise Unreadable
        _read(found, element, content, (at, at + size))
        at += size
    if at < len(content) or found.tracks != 1 or not found.is_opus:
        raise Unreadable
    return max(found.ticks / opus.RATE, max(found.duration, found.last) * found.scale / _NANO)


def _read(found: _Found, element: int, content: bytes, box: tuple[int, int]) -> None:
    """Note what an element says of the length."""
    at, end = box
    if element in _BLOCKS:
        _block(found, content, box)
    elif element == _ENCODED:  # then packets are not what they seem
        raise Unreadable
    elif element == _CODEC:
        found.is_opus = content[at:end].rstrip(b"\0") == b"A_OPUS"
    elif element == _SCALE:
        found.scale = number(content, at, min(end - at, 8))
    elif element == _TIME:
        found.time = number(content, at, min(end - at, 8))
    elif element == _DURATION and content[at:end]:
        form = {4: ">f", 8: ">d"}.get(len(content[at:end]))
        (found.duration,) = struct.unpack(form, content[at:end]) if form else (float("nan"),)
        if not isfinite(found.duration):
            raise Unreadable


def _block(found: _Found, content: bytes, box: tuple[int, int]) -> None:
    _, at = _size(content, box[0])  # of which track it is
    time = number(content, at, 2)
    if number(content, at + 2, 1) & _LACED:
        raise Unreadable
    length = opus.length(content[at + 3 : min(at + 3 + _HEAD, box[1])])
    found.ticks += length
    ahead = time if time < 1 << 15 else time - (1 << 16)
    end = found.time + ahead + length * _NANO / opus.RATE / max(1, found.scale)
    found.last = max(found.last, end)


def _id(content: bytes, at: int) -> tuple[int, int]:
    first = number(content, at, 1)
    size = 9 - first.bit_length()
    if size > 4:  # noqa: PLR2004 - no element has a longer name
        raise Unreadable
    return number(content, at, size), at + size


def _size(content: bytes, at: int) -> tuple[int | None, int]:
    """Return a size, or nothing where it was not known when it was written, and where what it is of begins."""
    first = number(content, at, 1)
    size = 9 - first.bit_length()
    if size > 8:  # noqa: PLR2004 - nor a longer size
        raise Unreadable
    value = number(content, at, size) & ((1 << 7 * size) - 1)
    return None if value == (1 << 7 * size) - 1 else value, at + size

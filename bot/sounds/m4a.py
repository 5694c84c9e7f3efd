"""M4A: AAC and Apple's lossless sound in MPEG 4, as long as the tables of its samples say, and as its samples can be."""

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from bot.sounds.reading import Unreadable, number

_AAC = (0x40, 0x66, 0x67, 0x68)
_KINDS_OF_AAC = (1, 2, 4, 5, 29)  # main, LC, LTP, and with SBR or PS, all of 1,024 samples at the rate that stands first
_SAMPLES = 1_024
_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_CONFIG, _DECODER = 5, 4  # descriptors
_MOST = 1_000  # boxes in one
Box = tuple[int, int]  # where what is in it begins and ends
Boxes = Mapping[bytes, Sequence[Box]]


def seconds(content: bytes) -> float:
    """Return the most that anything in it says of its length. Raises Unreadable, also where it is in fragments."""
    top = _inside(content, (0, len(content)))
    movie = _inside(content, _only(top, b"moov"))
    if top[b"moof"] or movie[b"mvex"] or movie[b"cmov"]:
        raise Unreadable
    scale, length = _header(content, _only(movie, b"mvhd"))
    tracks = [_inside(content, box) for box in movie[b"trak"]]
    longest = [_track(content, track, scale) for track in tracks]
    if not any(is_sound for _, is_sound in longest):
        raise Unreadable
    return max(length, *(time for time, _ in longest))


def _track(content: bytes, track: Boxes, scale: int) -> tuple[float, bool]:
    """Return how long a track is, and whether it is sound; a track may be played in pieces, and over again."""
    media = _inside(content, _only(track, b"mdia"))
    ticks, length = _header(content, _only(media, b"mdhd"))
    start, _ = _only(media, b"hdlr")
    if content[start + 8 : start + 12] != b"soun":
        return length, False
    table = _inside(content, _only(_inside(content, _only(media, b"minf")), b"stbl"))
    samples, time = _times(content, _only(table, b"stts"))
    sizes = _only(table, b"stsz" if table[b"stsz"] else b"stz2")
    samples = max(samples, number(content, sizes[0] + 8, 4))
    length = max(length, time / ticks, samples * _sample(content, _only(table, b"stsd")))
    for box in track[b"edts"]:
        edits = sum(_edits(content, _only(_inside(content, box), b"elst"), length * scale))
        length = max(length, edits / scale)
    return length, True


def _inside(content: bytes, box: Box) -> Boxes:
    """Return the boxes that are in one, by their kinds."""
    found = defaultdict[bytes, list[Box]](list)
    at, end = box
    for _ in range(_MOST):
        if at >= end:
            return found
        size, kind, head = number(content, at, 4), content[at + 4 : at + 8], 8
        if size == 1:
            size, head = number(content, at + 8, 8), 16
        elif size == 0:
            size = end - at
        if size < head or at + size > end:
            raise Unreadable
        found[kind].append((at + head, at + size))
        at += size
    raise Unreadable


def _only(boxes: Boxes, kind: bytes) -> Box:
    """Return the box of a kind. Raises Unreadable where there are several, of which any might count."""
    if len(boxes[kind]) != 1:
        raise Unreadable
    return boxes[kind][0]


def _header(content: bytes, box: Box) -> tuple[int, float]:
    """Return how many ticks a second has, and how long something is said to be."""
    start, _ = box
    is_long = number(content, start, 1) == 1
    scale = number(content, start + (20 if is_long else 12), 4)
    size = 8 if is_long else 4
    length = number(content, start + (24 if is_long else 16), size)
    if not scale:
        raise Unreadable
    return scale, 0.0 if length == (1 << 8 * size) - 1 else length / scale  # all bits: it is not known


def _times(content: bytes, box: Box) -> tuple[int, int]:
    """Return how many samples there are, and how many ticks they take."""
    start, end = box
    number_of_rows = number(content, start + 4, 4)
    if start + 8 + 8 * number_of_rows > end:
        raise Unreadable
    samples = time = 0
    for count, ticks in struct.iter_unpack(">II", content[start + 8 : start + 8 + 8 * number_of_rows]):
        samples += count
        time += count * ticks
    return samples, time


def _edits(content: bytes, box: Box, whole: float) -> Iterator[float]:
    """Give how long each piece is, in ticks of the movie; one without a length goes on to the end."""
    start, end = box
    size = 8 if number(content, start, 1) == 1 else 4
    row = 2 * size + 4
    for at in range(start + 8, min(end, start + 8 + row * number(content, start + 4, 4)), row):
        yield number(content, at, size) or whole


def _sample(content: bytes, box: Box) -> float:
    """Return how long a sample can be."""
    forms = _inside(content, (box[0] + 8, box[1]))
    kind = next(iter(forms), b"")
    start, end = _only(forms, kind)
    if len(forms) > 1 or number(content, start + 8, 2):  # several kinds of samples, or an older form of this box
        raise Unreadable
    parts = _inside(content, (start + 28, end))
    if kind == b"alac":
        at, _ = _only(parts, b"alac")
        return number(content, at + 4, 4) / max(1, number(content, at + 24, 4))
    if kind != b"mp4a":
        raise Unreadable
    return _SAMPLES / _rate(_config(content, _only(parts, b"esds")))


def _config(content: bytes, box: Box) -> bytes:
    """Return how a decoder of AAC is set, which stands in descriptors within descriptors."""
    at, end = box[0] + 4, box[1]
    while at < end:
        tag, size, at = number(content, at, 1), 0, at + 1
        for _ in range(4):
            part, at = number(content, at, 1), at + 1
            size = size << 7 | part & 0x7F
            if part < 0x80:  # noqa: PLR2004 - the last part of the size
                break
        if tag == _CONFIG:
            return content[at : min(end, at + size)]
        if tag == _DECODER and number(content, at, 1) not in _AAC:
            raise Unreadable
        at += 13 if tag == _DECODER else 3
    raise Unreadable


def _rate(config: bytes) -> int:
    """Return how many samples a second has."""
    bits = number(config, 0, 2)
    kind, place = bits >> 11, bits >> 7 & 15
    if kind not in _KINDS_OF_AAC or place >= len(_AAC_RATES):
        raise Unreadable
    return _AAC_RATES[place]

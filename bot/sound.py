"""Sounds: in which form speech is recorded, and how long it can be at most, as its own bytes tell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

LARGEST = 25 * 1_000_000  # bytes that providers take
LONGEST = 2 * 3600  # seconds
FORMS = "OGG, MP3, M4A, WAV or WebM"
_MP3 = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]")  # how its frames begin, in layers II and III
# What a second of speech takes at least, where only the size can be believed.
_LEAST = {"mp3": 1_000, "m4a": 1_000, "webm": 500}  # bytes
_TYPES = {"ogg": "audio/ogg", "mp3": "audio/mpeg", "m4a": "audio/mp4", "wav": "audio/wav", "webm": "audio/webm"}
_OPUS_RATE = 48_000  # ticks of its positions in a second
# How long a frame of Opus is, in ticks, by the four groups of its configurations (RFC 6716, 3.1).
_SPEECH, _HYBRID, _MUSIC = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)
_PAGE, _HEAD = 27, 8


@dataclass(frozen=True)
class Sound:
    """Recorded speech; `seconds` are the most that anybody can bill for it."""

    content: bytes
    ending: str
    seconds: int

    @property
    def media_type(self) -> str:
        """Its media type."""
        return _TYPES[self.ending]

    @property
    def file_name(self) -> str:
        """A name by whose ending a provider knows its form."""
        return f"voice.{self.ending}"


def measure(content: bytes, told: int = 0) -> Sound | None:
    """Return what bytes are and how long; `told` is how long they are said to be. Nothing where no provider takes them."""
    ending = _ending(content)
    if ending is None:
        return None
    exact = {"ogg": _ogg, "wav": _wav}.get(ending)
    least = len(content) / _LEAST[ending] if exact is None else exact(content)
    return Sound(content, ending, max(1, told, ceil(least)))


def _ending(content: bytes) -> str | None:
    if content.startswith(b"OggS"):
        return "ogg"
    if content.startswith(b"RIFF") and content[8:12] == b"WAVE":
        return "wav"
    if content.startswith(b"ID3") or _MP3.match(content):
        return "mp3"
    if content[4:8] == b"ftyp":
        return "m4a"
    return "webm" if content.startswith(b"\x1aE\xdf\xa3") else None


def _wav(content: bytes) -> float:
    """Return how long samples of this rate and width are, which a player goes by, too."""
    at = content.find(b"fmt ")
    field = content[at + 8 : at + 24]
    if at < 0 or len(field) < 16:  # noqa: PLR2004 - what the field has
        return len(content) / _LEAST["mp3"]
    channels, rate, bits = (int.from_bytes(field[first:last], "little") for first, last in ((2, 4), (4, 8), (14, 16)))
    return len(content) / max(channels * rate * bits / 8, _LEAST["mp3"])


def _ogg(content: bytes) -> float:
    """Return how long all packets of Opus together are, whatever their positions say; of other codecs, by the size."""
    ticks, last, is_opus = 0, 0, False
    for position, packets in _pages(content):
        last = max(last, position)
        for packet in packets:
            is_opus = is_opus or packet.startswith(b"OpusHead")
            ticks += 0 if packet.startswith(b"Opus") else _length(packet)
    if not is_opus:
        return len(content) / _LEAST["mp3"]
    return max(ticks, min(last, len(content) * _OPUS_RATE)) / _OPUS_RATE


def _pages(content: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Give each page's position, and the packets that end or go on in it; a part of one counts as one."""
    at = 0
    while (at := content.find(b"OggS", at)) >= 0 and at + _PAGE <= len(content):
        position = int.from_bytes(content[at + 6 : at + 14], "little", signed=True)
        table = content[at + _PAGE : at + _PAGE + content[at + 26]]
        start, packets, packet = at + _PAGE + len(table), list[bytes](), b""
        for size in table:
            packet = packet or content[start : start + _HEAD]
            start += size
            if size < 255:  # noqa: PLR2004 - a full lacing value: the packet goes on
                packets.append(packet)
                packet = b""
        yield position, [*packets, packet] if packet else packets
        at = start


def _length(packet: bytes) -> int:
    """Return how long a packet is, in ticks: the length of its frames times their number."""
    if not packet:
        return 0
    config, count = packet[0] >> 3, packet[0] & 3
    frame = _SPEECH[config % 4] if config < 12 else _HYBRID[config % 2] if config < 16 else _MUSIC[config % 4]  # noqa: PLR2004
    frames = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 1)[count]
    return frame * frames

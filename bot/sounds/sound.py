"""Sounds: in which form speech is recorded, and how long it can be at most, as its own bytes tell."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from bot.sounds import m4a, mp3, ogg, wav, webm
from bot.sounds.reading import Unreadable

LARGEST = 25 * 1_000_000  # bytes that providers take
LONGEST = 2 * 3600  # seconds
FORMS = "OGG, MP3, M4A, WAV or WebM"
_TYPES = {"ogg": "audio/ogg", "mp3": "audio/mpeg", "m4a": "audio/mp4", "wav": "audio/wav", "webm": "audio/webm"}
_SECONDS: dict[str, Callable[[bytes], float]] = {
    "ogg": ogg.seconds,
    "mp3": mp3.seconds,
    "m4a": m4a.seconds,
    "wav": wav.seconds,
    "webm": webm.seconds,
}


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
    """Return what bytes are and how long at most; `told` is how long they are said to be.

    Nothing where no provider takes them, or where their length cannot be bounded.
    """
    ending = _ending(content)
    if ending is None:
        return None
    try:
        return Sound(content, ending, max(1, told, ceil(_SECONDS[ending](content))))
    except Unreadable:
        return None


def _ending(content: bytes) -> str | None:
    if content.startswith(b"OggS"):
        return "ogg"
    if content.startswith(b"RIFF") and content[8:12] == b"WAVE":
        return "wav"
    if content.startswith(b"ID3") or mp3.frame(content[:4]):
        return "mp3"
    if content[4:8] == b"ftyp":
        return "m4a"
    return "webm" if content.startswith(b"\x1aE\xdf\xa3") else None

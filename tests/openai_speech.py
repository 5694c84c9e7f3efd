"""The transcriptions of the double: what OpenAI's audio API takes, as a form with a file, and how it is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.openai_models import ApiError

if TYPE_CHECKING:
    from tests.openai_models import Flavour

LARGEST = 25 * 2**20
_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_NAME = re.compile(r'\b(name|filename)="([^"]*)"')
_KNOWN = frozenset({"file", "model", "response_format", "language", "prompt", "temperature"})
_FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
_ENDINGS = {
    "openai": ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"),
    "groq": ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "opus", "wav", "webm"),
}
_MAGIC = (b"OggS", b"RIFF", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\x1aE\xdf\xa3", b"fLaC")


@dataclass(frozen=True)
class Speech:
    """What the double hears, how long it took, and whether it says so."""

    text: str
    seconds: float = 3.0
    tells_length: bool = True

    def body(self, response_format: str) -> dict[str, Any]:
        """Return the answer in a format."""
        if response_format != "verbose_json":
            return {"text": self.text}
        told = {"duration": self.seconds, "usage": {"type": "duration", "seconds": self.seconds}} if self.tells_length else {}
        return {"task": "transcribe", "language": "english", "text": self.text, "segments": [], **told}


@dataclass(frozen=True)
class Recording:
    """A file that was brought to be transcribed."""

    name: str
    content: bytes
    fields: dict[str, str]


def read_form(flavour: Flavour, kind: str, body: bytes) -> Recording:
    """Read a request for a transcription, or refuse it as the provider does."""
    if len(body) > LARGEST:
        raise ApiError(flavour, f"Maximum content size limit ({LARGEST}) exceeded", status=413)
    found = _BOUNDARY.search(kind)
    if not kind.startswith("multipart/form-data") or found is None:
        raise ApiError(flavour, "Could not parse multipart form", status=400)
    fields: dict[str, str] = {}
    name, content = "", None
    for part in (b"\r\n" + body).split(f"\r\n--{found[1]}".encode())[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        names = dict(_NAME.findall(head.decode()))
        if names.get("name") == "file":
            name, content = names.get("filename", ""), value
        else:
            fields[names.get("name", "")] = value.decode()
    if unknown := fields.keys() - _KNOWN:
        raise ApiError(flavour, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
    if content is None:
        raise ApiError(flavour, "[{'type': 'missing', 'loc': ('body', 'file'), 'msg': 'Field required', 'input': None}]")
    _check(flavour, name, content, fields)
    return Recording(name, content, fields)


def _check(flavour: Flavour, name: str, content: bytes, fields: dict[str, str]) -> None:
    if fields.get("model") not in flavour.listeners:
        message = f"The model `{fields.get('model', '')}` does not exist or you do not have access to it."
        raise ApiError(flavour, message, status=404, code="model_not_found")
    if fields.get("response_format", "json") not in _FORMATS:
        raise ApiError(
            flavour, f"response_format '{fields['response_format']}' is not compatible with model '{fields['model']}'."
        )
    endings = _ENDINGS.get(flavour.name, _ENDINGS["openai"])
    if name.rpartition(".")[2] not in endings:
        raise ApiError(flavour, f"Invalid file format. Supported formats: {list(endings)}")
    if not content.startswith(_MAGIC) and content[4:8] != b"ftyp":
        raise ApiError(flavour, "The audio file could not be decoded or its format is not supported.")

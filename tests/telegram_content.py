"""What people send, written out with the fields that the vendor gives it."""

from __future__ import annotations

import re
from time import time
from typing import TYPE_CHECKING

from tests.telegram_files import KeptFile, photo_facts
from tests.telegram_rules import LONGEST_TEXT, utf16_length

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.telegram_params import JsonObject

_DETECTED = re.compile(
    r"(?P<url>https?://[^\s<>\"']*[^\s<>\"'.,;:!?)])"
    r"|(?<![\w@])(?P<mention>@[A-Za-z]\w{3,31})"
    r"|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z]\w{3,31})?)(?![\w/])",
    re.ASCII,
)


def text_content(text: str) -> JsonObject:
    """Return the text of a message with the entities that the server finds in it."""
    if not 0 < utf16_length(text) <= LONGEST_TEXT:
        raise ValueError(f"No client sends a text of {utf16_length(text)} UTF-16 units in one message")
    return _with_entities({"text": text}, text, "entities")


def _with_entities(content: JsonObject, text: str, name: str) -> JsonObject:
    entities: list[JsonObject] = [
        {
            "type": match.lastgroup,
            "offset": utf16_length(text[: match.start()]),
            "length": utf16_length(match[0]),
        }
        for match in _DETECTED.finditer(text)
    ]
    return content | {name: entities} if entities else content


def forwarded(text: str, origin_name: str) -> JsonObject:
    """Return a text that was forwarded from a person who hides behind a name."""
    at = int(time()) - 60
    return {
        "forward_origin": {"type": "hidden_user", "sender_user_name": origin_name, "date": at},
        "forward_sender_name": origin_name,
        "forward_date": at,
        **text_content(text),
    }


def media_content(kind: str, caption: str | None) -> JsonObject:
    """Return a message of a kind that is not text."""
    content = _MEDIA[kind]()
    if caption is None:
        return content
    if kind not in _CAPTIONED:
        raise ValueError(f"A {kind} has no caption")
    return _with_entities(content | {"caption": caption}, caption, "caption_entities")


_OF_MESSAGE = frozenset({"media_group_id", "forward_origin"})


def file_content(kind: str, file: KeptFile, name: str, caption: str | None, more: JsonObject) -> JsonObject:
    """Return a message with a file that the server keeps; `more` are fields of the message, or of the file."""
    content = {field: value for field, value in more.items() if field in _OF_MESSAGE}
    facts = {**file.facts(), **{field: value for field, value in more.items() if field not in _OF_MESSAGE}}
    if kind == "photo":
        content["photo"] = photo_facts(file, 800, 600)
    else:
        content[kind] = {**facts, **({"file_name": name} if name else {})}
    if caption is None:
        return content
    if kind not in _CAPTIONED:
        raise ValueError(f"A {kind} has no caption")
    return _with_entities(content | {"caption": caption}, caption, "caption_entities")


def _file(name: str, **more: object) -> JsonObject:
    return {**more, "file_id": f"AgADBAAD{name}", "file_unique_id": f"AQAD{name}", "file_size": 4096}


def _photo() -> JsonObject:
    sizes = ((90, 67), (320, 240), (800, 600))
    return {"photo": [_file(f"photo{width}", width=width, height=height) for width, height in sizes]}


def _sticker() -> JsonObject:
    return {
        "sticker": _file(
            "sticker",
            width=512,
            height=512,
            emoji="😀",
            set_name="Faces",
            is_animated=False,
            is_video=False,
            type="regular",
        )
    }


def _document() -> JsonObject:
    return {"document": _file("document", file_name="bill.pdf", mime_type="application/pdf")}


def _video() -> JsonObject:
    video = _file("video", duration=9, width=640, height=480, file_name="film.mp4", mime_type="video/mp4")
    return {"video": video}


def _animation() -> JsonObject:
    animation = _file("animation", duration=2, width=320, height=240, file_name="cat.mp4", mime_type="video/mp4")
    return {"animation": animation, "document": _file("animation", file_name="cat.mp4", mime_type="video/mp4")}


def _poll() -> JsonObject:
    return {
        "poll": {
            "id": "5388520480123456789",
            "question": "Soup or salad?",
            "options": [
                {"persistent_id": str(number), "text": text, "voter_count": 0} for number, text in enumerate(("Soup", "Salad"))
            ],
            "total_voter_count": 0,
            "is_closed": False,
            "is_anonymous": True,
            "type": "regular",
            "allows_multiple_answers": False,
            "allows_revoting": True,
            "members_only": False,
        }
    }


_MEDIA: dict[str, Callable[[], JsonObject]] = {
    "sticker": _sticker,
    "voice": lambda: {"voice": _file("voice", duration=3, mime_type="audio/ogg")},
    "audio": lambda: {"audio": _file("audio", duration=180, title="Song", mime_type="audio/mpeg")},
    "video": _video,
    "video_note": lambda: {"video_note": _file("note", duration=3, length=240)},
    "animation": _animation,
    "photo": _photo,
    "document": _document,
    "location": lambda: {"location": {"latitude": 52.52, "longitude": 13.405}},
    "contact": lambda: {"contact": {"phone_number": "+4930123456", "first_name": "Grace", "user_id": 99}},
    "poll": _poll,
    "dice": lambda: {"dice": {"emoji": "🎲", "value": 4}},
}
MEDIA_KINDS = tuple(_MEDIA)
_CAPTIONED = frozenset({"voice", "audio", "video", "animation", "photo", "document"})

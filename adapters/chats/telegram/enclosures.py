"""Enclosures as Telegram takes them: photos, and documents where it is no picture or photos are refused."""

from collections.abc import Sequence
from typing import Any

from telegram import Bot, Message, MessageEntity

from adapters.chats.telegram.text import utf16
from bot.contents import SOURCE, drawn, kept
from bot.enclosures import IMAGES, Enclosure, File
from bot.errors import BadFormat
from bot.pictures import NOT_SHOWN
from bot.ports import Json

LONGEST_CAPTION = 1024  # UTF-16 units
LARGEST_PHOTO, LARGEST_FILE = 10_000_000, 50_000_000  # bytes
PICTURE = "picture.png"


def payload_of(enclosure: Enclosure) -> Json:
    """Return what is sent of a chart or a file; Telegram has no other words for who cannot see it than the caption."""
    if isinstance(enclosure, File):
        is_photo = enclosure.media_type in IMAGES and enclosure.size <= LARGEST_PHOTO
        source = {SOURCE: kept(enclosure.sha256), "name": enclosure.name, "words": enclosure.words}
        return {**source, "caption": "", "photo": is_photo}
    words = enclosure.words
    shown = {SOURCE: drawn(enclosure.model_dump(mode="json")), "name": PICTURE, "words": f"{NOT_SHOWN} {words}"}
    return {**shown, "caption": cut(words), "photo": True}


def plain(payload: Json) -> Json:
    """Return a plainer form: of a photo that is kept the same as a document, of all else words."""
    if payload["photo"] and "draw" not in payload[SOURCE]:
        return {**payload, "photo": False}
    return {"text": payload["words"], "entities": []}


def cut(caption: str) -> str:
    """Return as much of a caption as Telegram takes."""
    while utf16(caption) > LONGEST_CAPTION:
        caption = caption[: LONGEST_CAPTION - 1 - (utf16(caption) - len(caption))] + "…"
    return caption


def entities(found: Sequence[dict[str, Any]] | None) -> list[MessageEntity] | None:
    """Return formatting in the SDK's form."""
    return [MessageEntity(**entity) for entity in found] if found else None


async def bring(bot: Bot, payload: Json, content: bytes, **where: Any) -> Message:  # noqa: ANN401 - what any message takes
    """Send a photo or a document. Raises BadFormat for one that is too large, and TelegramError."""
    if len(content) > LARGEST_FILE:
        raise BadFormat(f"{payload['name']} has {len(content):,} bytes, and Telegram takes {LARGEST_FILE:,}")
    words: dict[str, Any] = {"caption": payload["caption"] or None, "caption_entities": entities(payload.get("entities"))}
    if payload["photo"]:
        return await bot.send_photo(photo=content, filename=payload["name"], **words, **where)
    # Telegram would make an animation or a sound of some documents, and not show them as what they are.
    return await bot.send_document(
        document=content, filename=payload["name"], disable_content_type_detection=True, **words, **where
    )

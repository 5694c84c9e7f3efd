"""What hangs on a message of Telegram's, turned into attachments of the house; a pure translation."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.messages import Attachment, FileKind


class Media(BaseModel):
    """A file, as far as Telegram tells of it."""

    model_config = ConfigDict(frozen=True, strict=True)

    file_id: str = Field(min_length=1)
    file_unique_id: str = ""
    file_size: int = Field(0, ge=0)
    file_name: str = ""
    mime_type: str = ""
    width: int = 0
    emoji: str = ""
    is_animated: bool = False
    is_video: bool = False


_SIZES = TypeAdapter(list[Media])
_FIELDS = {
    "animation": FileKind.ANIMATION,  # first: Telegram repeats it as a document
    "document": FileKind.DOCUMENT,
    "sticker": FileKind.STICKER,
    "voice": FileKind.VOICE,
    "audio": FileKind.AUDIO,
    "video": FileKind.VIDEO,
    "video_note": FileKind.VIDEO,
}


def attachments(fields: Mapping[str, Any], album: str = "", *, is_quoted: bool = False) -> tuple[Attachment, ...]:
    """Return what hangs on a message with these fields. Raises pydantic.ValidationError."""
    found = _found(fields)
    if found is None:
        return ()
    kind, media = found
    if kind is FileKind.STICKER and (media.is_animated or media.is_video):
        kind = FileKind.MOVING_STICKER
    one = Attachment(
        kind=kind,
        ref={"id": media.file_id, "unique": media.file_unique_id},
        name=media.file_name,
        media_type=media.mime_type,
        size=media.file_size,
        album=album,
        is_quoted=is_quoted,
    )
    return (one,)


def emoji(fields: Mapping[str, Any]) -> str:
    """Return what a sticker says, or nothing."""
    sticker = fields.get("sticker")
    said = sticker.get("emoji") if isinstance(sticker, dict) else None
    return said if isinstance(said, str) else ""


def _found(fields: Mapping[str, Any]) -> tuple[FileKind, Media] | None:
    if fields.get("photo"):
        return FileKind.PHOTO, max(_SIZES.validate_python(fields["photo"]), key=lambda size: (size.width, size.file_size))
    for field, kind in _FIELDS.items():
        if fields.get(field):
            return kind, Media.model_validate(fields[field])
    return None

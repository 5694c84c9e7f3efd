"""The rules of pictures and their captions, as the vendor's server has them or more strictly."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.telegram_params import JsonObject, bad_request
from tests.telegram_rules import Styled, utf16_length

if TYPE_CHECKING:
    from tests.telegram_params import Params

LARGEST = 10 * 1024 * 1024
LONGEST_CAPTION = 1024  # UTF-16 units
MOST_PIXELS = 10_000  # of width and height together
STEEPEST = 20
_PNG, _END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


def photo_sizes(body: bytes) -> list[JsonObject]:
    """Return a picture's sizes as a message shows them, or refuse it; the double knows PNG only."""
    if len(body) > LARGEST:
        raise bad_request(f"file of size {len(body)} bytes is too big for a photo; the maximum size is {LARGEST} bytes")
    if not body.startswith(_PNG) or not body.endswith(_END):
        raise bad_request("IMAGE_PROCESS_FAILED")
    width, height = struct.unpack(">II", body[16:24])
    if width + height > MOST_PIXELS or max(width, height) > STEEPEST * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return [{"file_id": "AgADphoto", "file_unique_id": "AQADphoto", "file_size": len(body), "width": width, "height": height}]


def caption(params: Params) -> Styled:
    """Return the words below a picture; no entities are played here."""
    if params.text("parse_mode") or params.json_array("caption_entities"):
        raise bad_request("can't parse entities: the double takes no entities in captions")
    text = params.text("caption").strip(" \n")
    if utf16_length(text) > LONGEST_CAPTION:
        raise bad_request("message caption is too long")
    return Styled(text, ())

"""The rules of pictures, documents and their captions, as the vendor's server has them or more strictly."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from tests.telegram_chats import Document
from tests.telegram_params import ApiError, JsonObject, bad_request

if TYPE_CHECKING:
    from tests.telegram_params import Params

LARGEST = 10 * 1024 * 1024
LARGEST_DOCUMENT = 50 * 1024 * 1024
MOST_PIXELS = 10_000  # of width and height together
STEEPEST = 20
_NAME = re.compile(r"[^\x00-\x1f/\\\\:*?\"<>|]{1,100}")
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


def document(params: Params) -> Document:
    """Return a file that is brought, or refuse it; names must be such as every system takes."""
    params.boolean("disable_content_type_detection")
    body, name = params.file("document"), str(params.values["document"])
    if len(body) > LARGEST_DOCUMENT:
        raise ApiError("Request Entity Too Large", 413)
    if not body:
        raise bad_request("file must be non-empty")
    if not _NAME.fullmatch(name):
        raise bad_request(f"the double takes no such name of a file: {name!r}")
    return Document(name, body)

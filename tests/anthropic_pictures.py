"""The vendor's rules of pictures and documents in a request: what they are, how large, how many, and what they cost."""

from __future__ import annotations

import base64
import binascii
import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pypdfium2 as pdfium
from PIL import Image as Pictures
from PIL import UnidentifiedImageError

from tests.anthropic_blocks import Base64Source, Document, Image, PdfSource
from tests.anthropic_models import invalid
from tests.measure import tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.anthropic_blocks import Message

LARGEST = 5 * 2**20  # bytes of a picture
MOST, MOST_PAGES = 100, 100
LONGEST_SIDE, LONGEST_OF_MANY, MANY = 8000, 2000, 20
SHRUNK_TO = 1568  # pixels: a larger picture is made smaller before it is counted
PIXELS_PER_TOKEN, PAGE_TOKENS = 750, 1600
_FORMS = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}


def check_shown(messages: Sequence[Message]) -> None:
    """Refuse pictures and documents that the vendor would not take."""
    shown = [
        (f"messages.{number}.content.{position}", block)
        for number, message in enumerate(messages)
        for position, block in enumerate(message.content)
        if isinstance(block, Image | Document)
    ]
    pictures = [(path, block.source) for path, block in shown if isinstance(block, Image)]
    if len(pictures) > MOST:
        raise invalid(f"messages: at most {MOST} images may be provided, found {len(pictures)}")
    for path, source in pictures:
        if isinstance(source, Base64Source):
            _check_picture(
                f"{path}.image.source.base64", source, longest=LONGEST_OF_MANY if len(pictures) > MANY else LONGEST_SIDE
            )
    pages = sum(_pages(path, block.source.data) for path, block in shown if isinstance(block.source, PdfSource))
    if pages > MOST_PAGES:
        raise invalid(f"A maximum of {MOST_PAGES} PDF pages may be provided.")


def _check_picture(path: str, source: Base64Source, *, longest: int) -> None:
    content = _decoded(path, source.data)
    if len(content) > LARGEST:
        raise invalid(f"{path}: image exceeds 5 MB maximum: {len(content)} bytes > {LARGEST} bytes")
    try:
        with Pictures.open(io.BytesIO(content)) as picture:
            form, size = _FORMS.get(picture.format or ""), picture.size
            picture.load()
    except (OSError, UnidentifiedImageError):
        raise invalid(f"{path}: Could not process image") from None
    if form != source.media_type:
        raise invalid(
            f"{path}: The image was specified using the {source.media_type} media type, but it appears to be a {form} image"
        )
    if max(size) > longest:
        raise invalid(f"{path}: At least one of the image dimensions exceed max allowed size: {longest} pixels")


def _decoded(path: str, sent: str) -> bytes:
    try:
        return base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"{path}: invalid base64 data") from None


def _pages(path: str, sent: str) -> int:
    content = _decoded(f"{path}.document.source.base64", sent)
    try:
        return len(pdfium.PdfDocument(content))
    except pdfium.PdfiumError:
        raise invalid(f"{path}.document.source.base64.data: The PDF specified was not valid.") from None


@lru_cache(maxsize=64)
def _cost(kind: str, sent: str) -> int:
    content = base64.b64decode(sent)
    if kind == "document":
        document = pdfium.PdfDocument(content)
        words = sum(tokens_of(page.get_textpage().get_text_bounded()) for page in document)
        return PAGE_TOKENS * len(document) + words
    with Pictures.open(io.BytesIO(content)) as picture:
        picture.thumbnail((SHRUNK_TO, SHRUNK_TO))
        return -(-picture.width * picture.height // PIXELS_PER_TOKEN)


def cost_of(block: dict[str, Any]) -> int:
    """Return the tokens of a picture or a PDF that is in the request."""
    return _cost(block["type"], block["source"]["data"])

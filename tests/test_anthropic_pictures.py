"""Tests that the double of the Messages API refuses the pictures and documents that the vendor refuses."""

import base64
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.anthropic_blocks import Message
from tests.anthropic_models import ApiError
from tests.anthropic_pictures import check_shown, cost_of
from tests.sample_files import PDF, PNG, noise, pdf, picture

MESSAGES: TypeAdapter[list[Message]] = TypeAdapter(list[Message])


def shown(content: bytes | str, media_type: str = "image/png") -> dict[str, Any]:
    """Return a block with these bytes."""
    data = content if isinstance(content, str) else base64.b64encode(content).decode()
    kind = "document" if media_type == "application/pdf" else "image"
    return {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}}


def check(*blocks: dict[str, Any]) -> None:
    """Check a message of these blocks."""
    check_shown(MESSAGES.validate_python([{"role": "user", "content": list(blocks)}]))


def test_what_the_vendor_takes() -> None:
    """Good pictures and PDFs pass, and cost what the vendor says: a token for 750 pixels, and so much for a page."""
    check(shown(PNG), shown(picture("JPEG"), "image/jpeg"), shown(PDF, "application/pdf"))
    assert cost_of(shown(picture(size=(750, 100)))) == 100
    assert cost_of(shown(pdf("one two", "three"), "application/pdf")) > 2 * 1600


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (shown("no base64!"), "invalid base64 data"),
        (shown(b"no picture"), "Could not process image"),
        (shown(PNG[:50]), "Could not process image"),
        (shown(PNG, "image/jpeg"), "appears to be a image/png image"),
        (shown(picture(size=(8001, 2))), "exceed max allowed size: 8000 pixels"),
        (shown(b"%PDF-1.4 broken", "application/pdf"), "The PDF specified was not valid."),
    ],
)
def test_what_the_vendor_refuses(block: dict[str, Any], complaint: str) -> None:
    """Each is refused by the vendor's words."""
    with pytest.raises(ApiError, match=complaint):
        check(block)


def test_too_much() -> None:
    """Too large, too many, and too large among many."""
    with pytest.raises(ApiError, match="image exceeds 5 MB maximum"):
        check(shown(noise((1500, 1500), "BMP")))
    with pytest.raises(ApiError, match="at most 100 images"):
        check(*[shown(PNG)] * 101)
    with pytest.raises(ApiError, match="max allowed size: 2000 pixels"):
        check(*[shown(PNG)] * 20, shown(picture(size=(2001, 2))))
    with pytest.raises(ApiError, match="maximum of 100 PDF pages"):
        check(*[shown(pdf(*["x"] * 26), "application/pdf")] * 4)

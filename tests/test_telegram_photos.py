"""Tests of the double's rules for photos."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from bot.drawn_charts import picture
from tests.spending import CHART
from tests.telegram_client import Answer, ask, in_words, post
from tests.telegram_server import TelegramServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PNG = picture(CHART)


@pytest.fixture(scope="module")
def server() -> Iterator[TelegramServer]:
    """Return a running server with one private chat, 7."""
    with TelegramServer() as running:
        running.person(7).writes("hello")
        yield running


def sized(width: int, height: int) -> bytes:
    """Return the picture with another size in its head."""
    return PNG[:16] + struct.pack(">II", width, height) + PNG[24:]


def send(server: TelegramServer, photo: bytes, **more: str) -> Answer:
    """Send a photo as an SDK does."""
    fields = {"chat_id": "7", **more}
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode() for name, text in fields.items()
    ]
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    body = b"".join((*parts, head, photo, b"\r\n--x--\r\n"))
    return post(server, f"/bot{server.token}/sendPhoto", body, "multipart/form-data; boundary=x")


def test_a_photo_stands_in_the_chat(server: TelegramServer) -> None:
    """A photo is kept byte for byte, with its size and its caption, and no edit makes a text of it."""
    message = send(server, PNG, caption=" what it cost ").fields
    (size,) = message["photo"]  # type: ignore[misc] # an array, as the next line finds
    assert (size["width"], message["caption"], "text" in message) == (1080, "what it cost", False)  # type: ignore[has-type]
    last = server.messages(7)[-1]
    assert (last.photo, last.text) == (PNG, "what it cost")
    edit = in_words(server, "editMessageText", chat_id=7, message_id=last.message_id, text="other words")
    assert edit == "there is no text in the message to edit"


@pytest.mark.parametrize(
    ("photo", "more", "reason"),
    [
        (b"GIF89a", {}, "IMAGE_PROCESS_FAILED"),
        (PNG[:-1], {}, "IMAGE_PROCESS_FAILED"),
        (PNG + b"\0" * 10_500_000, {}, "too big for a photo"),
        (sized(9000, 1001), {}, "PHOTO_INVALID_DIMENSIONS"),
        (sized(2100, 100), {}, "PHOTO_INVALID_DIMENSIONS"),
        (PNG, {"caption": "x" * 1025}, "caption is too long"),
        (PNG, {"caption": "x", "parse_mode": "HTML"}, "takes no parse_mode"),
        (PNG, {"text": "x"}, "unexpected parameter text"),
        (PNG, {"chat_id": "99"}, "chat not found"),
    ],
)
def test_refuses_what_telegram_refuses(server: TelegramServer, photo: bytes, more: dict[str, str], reason: str) -> None:
    """Pictures that are none, too large or too narrow, long captions and unknown parameters are refused."""
    assert reason in send(server, photo, **more).description


def test_takes_what_is_just_allowed(server: TelegramServer) -> None:
    """The largest sizes, the steepest form and the longest caption are taken."""
    for width, height in ((9000, 1000), (2000, 100)):
        assert send(server, sized(width, height), caption="x" * 1024).status == 200


def test_a_name_is_no_photo(server: TelegramServer) -> None:
    """A photo is a file that comes along: names of files and addresses are not played."""
    assert in_words(server, "sendPhoto", chat_id=7, photo="https://example.org/a.png") == "there is no photo in the request"
    assert ask(server, "sendPhoto", chat_id=7).status == 400


def test_refuses_a_body_that_breaks_off(server: TelegramServer) -> None:
    """A body without its end, or without boundaries or names, is refused."""
    path = f"/bot{server.token}/sendPhoto"
    for body, kind in (
        (b"--x\r\nContent-Dis", "multipart/form-data; boundary=x"),
        (b"--x--", "multipart/form-data"),
        (b"--x\r\n\r\n7\r\n--x--", "multipart/form-data; boundary=x"),
    ):
        assert post(server, path, body, kind).description == "Bad Request: can't parse multipart body"

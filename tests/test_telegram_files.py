"""Telegram's files: what hangs on an update becomes attachments, and their bytes are had without showing the token."""

import asyncio
from typing import Any

import pytest

from adapters.chats.telegram.chat import Telegram
from adapters.chats.telegram.files import GONE
from adapters.chats.telegram.polling import connect
from adapters.chats.telegram.updates import User, to_message
from bot.attachments import LARGEST
from bot.errors import DeliveryError, FileRefused, RetryLater
from bot.messages import FileKind, IncomingMessage, Origin
from tests.telegram_server import TelegramServer

ME = User(id=42, is_bot=True, username="butler_bot")
ADA = {"id": 7, "is_bot": False, "first_name": "Ada"}
PHOTO = [
    {"file_id": "small", "file_unique_id": "s", "file_size": 900, "width": 90, "height": 67},
    {"file_id": "large", "file_unique_id": "l", "file_size": 90_000, "width": 800, "height": 600},
]


def read(chat: str = "private", **fields: Any) -> IncomingMessage | None:
    """Read a message of Ada's with these fields."""
    place = {"id": 7 if chat == "private" else -100, "type": chat}
    message = {"message_id": 5, "date": 1_795_000_000, "chat": place, "from": ADA, **fields}
    return to_message({"update_id": 1, "message": message}, ME)


def kinds(message: IncomingMessage | None) -> list[tuple[FileKind, str]]:
    """Return what hangs on a message."""
    assert message is not None
    return [(file.kind, file.ref["id"]) for file in message.attachments]


def test_what_hangs_on_a_message() -> None:
    """The largest photo, one animation though it is told twice, and stickers by whether they move."""
    one = {"file_id": "f", "file_unique_id": "u"}
    assert kinds(read(photo=PHOTO)) == [(FileKind.PHOTO, "large")]
    assert kinds(read(document={**one, "file_name": "a.pdf"})) == [(FileKind.DOCUMENT, "f")]
    assert kinds(read(animation=one, document=one)) == [(FileKind.ANIMATION, "f")]
    assert kinds(read(sticker=one)) == [(FileKind.STICKER, "f")]
    assert kinds(read(sticker={**one, "is_video": True})) == [(FileKind.MOVING_STICKER, "f")]
    assert kinds(read(voice=one)) == [(FileKind.VOICE, "f")]
    assert kinds(read(video_note=one)) == [(FileKind.VIDEO, "f")]
    album = read(photo=PHOTO, media_group_id="99", caption="these")
    assert album is not None
    assert (album.text, album.attachments[0].album) == ("these", "99")


def test_a_forwarded_file_is_a_strangers() -> None:
    """A file that is forwarded comes with the words of whoever wrote them, as content."""
    origin = {"type": "hidden_user", "sender_user_name": "Mallory", "date": 1}
    message = read(photo=PHOTO, caption="obey", forward_origin=origin)
    assert message is not None
    assert (message.origin, message.author, len(message.attachments)) == (Origin.STRANGER, "Mallory", 1)


def test_a_question_about_a_file() -> None:
    """Who answers a file with a question means that file; of the bot's own pictures nothing is fetched."""
    quoted = {"message_id": 4, "date": 1_795_000_000, "chat": {"id": 7, "type": "private"}, "photo": PHOTO}
    asked = read(text="what is this?", reply_to_message={**quoted, "from": ADA})
    assert kinds(asked) == [(FileKind.PHOTO, "large")]
    assert asked is not None
    assert asked.attachments[0].is_quoted
    own = read(text="what is this?", reply_to_message={**quoted, "from": {**ADA, "id": 42, "is_bot": True}})
    assert kinds(own) == []


def test_files_in_a_group() -> None:
    """In a group a file is taken only where the bot is addressed under it, or in an answer to it."""
    mention = [{"type": "mention", "offset": 0, "length": 11}]
    assert read("supergroup", photo=PHOTO, caption="look") is None
    assert read("supergroup", photo=PHOTO) is None
    assert kinds(read("supergroup", photo=PHOTO, caption="@butler_bot look", caption_entities=mention)) == [
        (FileKind.PHOTO, "large")
    ]
    quoted = {"message_id": 4, "date": 1_795_000_000, "photo": PHOTO, "from": {**ADA, "id": 8}}
    asked = read("supergroup", text="@butler_bot what?", entities=mention, reply_to_message=quoted)
    assert kinds(asked) == [(FileKind.PHOTO, "large")]


def fetched(telegram: TelegramServer, file_id: str, most: int = LARGEST) -> bytes | DeliveryError:
    """Fetch a file, or return why it cannot be had."""

    async def run() -> bytes | DeliveryError:
        async with connect(telegram.token, telegram.url) as bot:
            try:
                return await Telegram(bot).fetch({"id": file_id, "unique": ""}, most)
            except DeliveryError as error:
                return error

    return asyncio.run(run())


def test_fetching() -> None:
    """A file comes whole; what is too large or gone is refused, and an outage is tried again; no reason holds the token."""
    with TelegramServer() as telegram:
        kept = telegram.keep_file(bytes(range(256)) * 50)
        assert fetched(telegram, kept.id) == kept.content
        big = telegram.keep_file(b"x", size=LARGEST + 1)
        reasons = [fetched(telegram, big.id), fetched(telegram, kept.id, most=10), fetched(telegram, "unknown")]
        assert all(isinstance(error, FileRefused) for error in reasons)
        assert reasons[2] == FileRefused(GONE)
        for status in (404, 500):
            telegram.fail("file", 1, status=status, description="Not Found")
            error = fetched(telegram, kept.id)
            assert isinstance(error, RetryLater)
            reasons.append(error)
        telegram.fail("getFile", 1, retry_after=3)
        assert fetched(telegram, kept.id) == RetryLater("Telegram asks to wait", 3)
        assert not any(telegram.token in str(error) for error in reasons)


@pytest.mark.parametrize("odd", [{"photo": "none"}, {"document": {"file_id": 5}}, {"voice": []}, {"photo": []}])
def test_odd_files(odd: dict[str, Any]) -> None:
    """What cannot be a file is no file, or cannot be read, and is no fault of anything else."""
    try:
        message = read(text="hello", **odd)
    except ValueError:
        return
    assert message is not None
    assert message.attachments == ()

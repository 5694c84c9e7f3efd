"""Files that somebody sends: text is read, as words of a stranger, and of others it is said what they are."""

import asyncio
import logging
from collections.abc import Mapping

from adapters.chats.slack.events import File, Message
from adapters.chats.slack.web import Web
from bot.errors import DeliveryError
from bot.messages import IncomingMessage, Origin
from bot.notices import one_line

MOST = 30_000  # bytes
SECONDS = 1.5  # an envelope must be acknowledged within three
_TEXT = ("text/", "application/json", "application/xml", "application/x-yaml", "application/toml", "application/sql")
_KINDS = {"image/": "a picture", "audio/": "a sound file", "video/": "a video", "application/pdf": "a PDF file"}
log = logging.getLogger(__name__)


async def opened(web: Web, message: IncomingMessage, event: Message) -> list[IncomingMessage]:
    """Return a message after the text files that came with it, each a message of its own by a stranger."""
    read: list[IncomingMessage] = []
    closed: list[str] = []
    for file, (text, trouble) in zip(
        event.files, await asyncio.gather(*(_text(web, file) for file in event.files)), strict=True
    ):
        if trouble:
            closed.append(trouble)
            continue
        number = f"{message.id}:{file.id}"
        changes = {"id": number, "native_id": number, "text": text, "unreadable": "", "origin": Origin.STRANGER}
        read.append(_changed(message, {**changes, "author": f"the file {_name(file)}"}))
    words = message.text or ("Here is a file for you." if read and not closed else "")
    return [*read, _changed(message, {"unreadable": ", ".join(closed), "text": words})]


async def _text(web: Web, file: File) -> tuple[str, str]:
    """Return a file's text, or what it is instead."""
    name = _name(file)
    kind = next((words for beginning, words in _KINDS.items() if file.mimetype.startswith(beginning)), "a file")
    if not file.mimetype.startswith(_TEXT) or not file.url_private:
        return "", f"{kind} ({name})"
    if file.size > MOST:
        return "", f"the file {name}, which is {file.size:,} bytes long where I read {MOST:,}: send the part that matters"
    try:
        async with asyncio.timeout(SECONDS):
            return (await web.download(file.url_private, MOST)).decode(errors="replace"), ""
    except (DeliveryError, TimeoutError) as error:
        log.warning("a file cannot be fetched: %s", error)
        return "", f"the file {name} ({str(error) or 'it does not come'})"


def _name(file: File) -> str:
    return one_line(file.name.encode(errors="replace").decode())


def _changed(message: IncomingMessage, changes: Mapping[str, object]) -> IncomingMessage:
    return IncomingMessage.model_validate({**message.model_dump(), **changes})

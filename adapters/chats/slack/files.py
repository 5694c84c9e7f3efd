"""Files that somebody sends: text is read, as words of a stranger, and of others it is said what they are."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping

from adapters.chats.slack.payloads import File, Message
from adapters.chats.slack.web import Web
from bot.errors import DeliveryError
from bot.messages import IncomingMessage, Origin
from bot.notices import one_line

MOST = 30_000  # bytes
SECONDS = 1.5  # an envelope must be acknowledged within three
REMEMBERED = 50  # files: what Slack delivers again is not fetched again
_TEXT = ("text/", "application/json", "application/xml", "application/x-yaml", "application/toml", "application/sql")
_KINDS = {"image/": "a picture", "audio/": "a sound file", "video/": "a video", "application/pdf": "a PDF file"}
log = logging.getLogger(__name__)


class Files:
    """What is in the files of a workspace."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._read: OrderedDict[str, str] = OrderedDict()

    async def opened(self, message: IncomingMessage, event: Message) -> list[IncomingMessage]:
        """Return a message after what came with it and somebody else wrote: the text files, and what was shared."""
        read: list[IncomingMessage] = []
        closed: list[str] = []
        for file, (text, trouble) in zip(event.files, await asyncio.gather(*map(self._text, event.files)), strict=True):
            if trouble:
                closed.append(trouble)
            else:
                read.append(_by_somebody_else(message, file.id, text, f"the file {_name(file)}"))
        for number, shared in enumerate(event.shared):
            read.append(_by_somebody_else(message, f"shared-{number}", shared.words, shared.author))
        words = message.text or ("Here is something for you to read." if read and not closed else "")
        return [*read, _changed(message, {"unreadable": ", ".join(closed), "text": words})]

    async def _text(self, file: File) -> tuple[str, str]:
        """Return a file's text, or what it is instead."""
        name = _name(file)
        kind = next((words for beginning, words in _KINDS.items() if file.mimetype.startswith(beginning)), "a file")
        if not file.mimetype.startswith(_TEXT) or not file.url_private:
            return "", f"{kind} ({name})"
        if file.size > MOST:
            return "", f"the file {name}, which is {file.size:,} bytes long where I read {MOST:,}: send the part that matters"
        if file.id in self._read:
            return self._read[file.id], ""
        try:
            async with asyncio.timeout(SECONDS):
                text = (await self._web.download(file.url_private, MOST, file.mimetype)).decode(errors="replace")
        except (DeliveryError, TimeoutError) as error:
            log.warning("a file cannot be fetched: %s", error)
            return "", f"the file {name} ({str(error) or 'it does not come'})"
        self._read[file.id] = text
        if len(self._read) > REMEMBERED:
            self._read.popitem(last=False)
        return text, ""


def _by_somebody_else(message: IncomingMessage, part: str, text: str, author: str) -> IncomingMessage:
    """Return a part of a message as content, which gives no orders."""
    number = f"{message.id}:{part}"
    changes = {"id": number, "native_id": number, "text": text, "unreadable": "", "origin": Origin.STRANGER}
    return _changed(message, {**changes, "author": author})


def _name(file: File) -> str:
    return one_line(file.name.encode(errors="replace").decode())


def _changed(message: IncomingMessage, changes: Mapping[str, object]) -> IncomingMessage:
    return IncomingMessage.model_validate({**message.model_dump(), **changes})

"""Telegram's side of a reply: what is sent, edited and shown, and what its errors mean."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar

import httpx
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError

from adapters.chats.pace import Pace, Rate
from adapters.chats.telegram import enclosures, files
from adapters.chats.telegram.enclosures import entities
from adapters.chats.telegram.tables import messages
from adapters.chats.telegram.text import LIMIT, Entity, preview, utf16
from adapters.chats.telegram.updates import CHANNEL
from bot.contents import SOURCE
from bot.enclosures import Enclosure
from bot.errors import (
    BadFormat,
    ChatGone,
    DeliveryError,
    Doubtful,
    MessageGone,
    NotChanged,
    RetryLater,
)
from bot.messages import Address, Button
from bot.ports import Json

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)  # a preview fetches the address, and so tells it what was said
PRIVATE_PACE = 0.1  # seconds
GROUP_PACE = 3.0
# What Telegram lets a bot send: about 30 a second in all, one a second into a private chat, 20 a minute into a group. It
# looks away for a moment where that is exceeded shortly.
TOGETHER, AT_ONCE = 30.0, 200
PRIVATE_RATE, GROUP_RATE, CHAT_AT_ONCE = 1.0, 20 / 60, 20
Result = TypeVar("Result")
_NO_WAY_IN = (
    "chat not found",
    "chat_write_forbidden",
    "not enough rights",
    "have no rights",
    "chat_restricted",
    "peer_id_invalid",
    "message thread not found",
    "topic_closed",
    "topic_deleted",
)
_NO_MESSAGE = ("message to edit not found", "message can't be edited", "message to delete not found")
# What a chat takes in another form: words are welcome there.
_NO_FILES = ("to send photos", "to send documents", "send_photos_forbidden", "send_docs_forbidden", "send_media_forbidden")
_TOO_LARGE = "request entity too large"
# The connection was never made, so that nothing was sent.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Telegram:
    """A chat over the Bot API."""

    channel = CHANNEL
    shows_a_second = 30.0  # a bot may ask Telegram for about so much in all its chats together

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._pace = Pace(Rate(TOGETHER, AT_ONCE))
        self._has_drafts = True
        self._resting: dict[str, float] = {}  # until when Telegram asked to leave a chat alone

    def typed(self, words: str) -> str:
        """Return the words: a command is typed here as it is named."""
        return words

    def pieces(self, text: str, buttons: Sequence[Button] = ()) -> Sequence[Json]:
        """Render Markdown as messages of at most 4096 UTF-16 units."""
        payloads = list(messages(text))
        worded = [payload for payload in payloads if SOURCE not in payload]
        if worded and buttons:
            worded[-1]["buttons"] = [[button.label, button.token] for button in buttons]
        return payloads

    def enclosed(self, enclosure: Enclosure) -> Json:
        """Return a photo or a document."""
        return enclosures.payload_of(enclosure)

    def plain(self, payload: Json) -> Json:
        """Return a message without entities, with the addresses of its links behind it; instead of a file, its words."""
        if SOURCE in payload:
            return enclosures.plain(payload)
        text = payload["text"]
        for link in (str(entity["url"]) for entity in payload["entities"] if "url" in entity):
            if utf16(f"{text}\n{link}") <= LIMIT:
                text = f"{text}\n{link}"
        return {**payload, "text": text, "entities": []}

    def preview(self, text: str) -> Json:
        """Render an unfinished answer: all of it, or its end."""
        return _payload(*preview(text))

    def passing(self, text: str) -> Json:
        """Render a line that passes; it comes without a sound."""
        return {**self.preview(text), "silent": True}

    def has_drafts(self, address: Address) -> bool:
        """Tell whether drafts are to be had: in private chats, unless the server knows none."""
        return address.private and self._has_drafts

    def pace(self, address: Address) -> float:
        """Return the least time between two previews, in seconds."""
        return PRIVATE_PACE if address.private else GROUP_PACE

    async def send(self, address: Address, payload: Json, reply_to: str | None, content: bytes | None = None) -> str:
        """Send a message and return `chat:message`. Raises DeliveryError."""
        await self._turn(address)
        reply = None
        if reply_to is not None:
            reply = ReplyParameters(int(reply_to.partition(":")[2]), allow_sending_without_reply=True)
        where = {"chat_id": int(address.chat), "message_thread_id": _thread(address), "reply_parameters": reply}
        if content is None:
            sent = await self._ask(address, lambda: self._send_text(payload, **where))
        else:
            sent = await self._ask(address, lambda: enclosures.bring(self._bot, payload, content, **where))
        return f"{address.chat}:{sent.message_id}"

    async def _send_text(self, payload: Json, **where: Any) -> Message:  # noqa: ANN401 - what any message takes
        return await self._bot.send_message(
            text=payload["text"],
            entities=entities(payload["entities"]),
            link_preview_options=NO_PREVIEW,
            reply_markup=_keyboard(payload),
            disable_notification=payload.get("silent"),
            **where,
        )

    async def fetch(self, ref: Mapping[str, str], most: int) -> bytes:
        """Return the bytes of a file that somebody sent. Raises DeliveryError."""
        return await files.fetch(self._bot, ref, most)

    async def edit(self, address: Address, native_id: str, payload: Json) -> None:
        """Replace a message. Raises DeliveryError."""
        await self._turn(address)
        await self._ask(
            address,
            lambda: self._bot.edit_message_text(
                payload["text"],
                chat_id=int(address.chat),
                message_id=int(native_id.partition(":")[2]),
                entities=entities(payload["entities"]),
                link_preview_options=NO_PREVIEW,
                reply_markup=_keyboard(payload),  # without one, the buttons of before go
            ),
        )

    async def remove(self, address: Address, native_id: str) -> None:
        """Delete a message. Raises DeliveryError."""
        number = int(native_id.partition(":")[2])
        await self._ask(address, lambda: self._bot.delete_message(int(address.chat), number))

    async def draft(self, address: Address, turn_id: int, payload: Json) -> None:
        """Show an unfinished answer. Raises DeliveryError."""
        if not payload["text"]:
            return
        try:
            await self._ask(
                address,
                lambda: self._bot.send_message_draft(
                    int(address.chat),
                    turn_id,
                    payload["text"],
                    entities=entities(payload["entities"]),
                    message_thread_id=_thread(address),
                ),
            )
        except BadFormat as error:
            # A server that is older than drafts, or a chat that takes none.
            self._has_drafts = "method not found" not in str(error).lower() and "DRAFT" not in str(error)
            raise

    async def begin(self, address: Address, payload: Json, message: str | None) -> str:
        """Send an unfinished answer. Raises DeliveryError."""
        return await self.send(address, payload, None if address.private else message)

    async def grow(self, address: Address, native_id: str, payload: Json) -> None:
        """Edit an unfinished answer. Raises DeliveryError."""
        await self.edit(address, native_id, payload)

    async def calm(self, address: Address, message: str | None) -> None:
        """Do nothing: Telegram forgets by itself that somebody writes."""

    async def typing(self, address: Address, message: str | None) -> None:
        """Show for five seconds that somebody writes. Raises DeliveryError."""
        del message
        thread = _thread(address)
        await self._ask(address, lambda: self._bot.send_chat_action(int(address.chat), "typing", message_thread_id=thread))

    async def _turn(self, address: Address) -> None:
        await self._pace.turn(address.chat, PRIVATE_RATE if address.private else GROUP_RATE, CHAT_AT_ONCE)

    async def _ask(self, address: Address, request: Callable[[], Awaitable[Result]]) -> Result:
        """Make a request for a chat, unless Telegram asked to leave it alone. Raises DeliveryError."""
        rest = self._resting.get(address.chat, 0.0) - monotonic()
        if rest > 0:
            raise RetryLater("Telegram asked to wait", rest)
        self._resting.pop(address.chat, None)
        try:
            return await request()
        except TelegramError as error:
            refusal = _delivery_error(error)
            if isinstance(refusal, RetryLater) and refusal.wait:
                self._resting[address.chat] = monotonic() + refusal.wait
            raise refusal from error


def _payload(text: str, entities: list[Entity]) -> Json:
    return {"text": text, "entities": entities}


def _keyboard(payload: Json) -> InlineKeyboardMarkup | None:
    """Return a button on each row, so that its words have room on a telephone."""
    buttons = payload.get("buttons")
    if not buttons:
        return None
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=token)] for label, token in buttons])


def _thread(address: Address) -> int | None:
    return int(address.thread) if address.thread else None


def _delivery_error(error: TelegramError) -> DeliveryError:
    reason = error.message
    if isinstance(error, RetryAfter):
        return RetryLater(reason, seconds(error))
    if isinstance(error, BadRequest) or _TOO_LARGE in reason.lower():
        return _bad_request(reason)
    if isinstance(error, Forbidden | ChatMigrated):
        return ChatGone(reason)
    if isinstance(error, InvalidToken):
        # The SDK calls every 404 so, also that of a server which does not know the method.
        return BadFormat(reason) if "method not found" in reason.lower() else RetryLater("Telegram refuses the bot's token", 60)
    if isinstance(error, NetworkError):
        # Without a cause it is an answer, such as 502; of a broken connection nobody knows what it carried.
        unsent = error.__cause__ is None or isinstance(error.__cause__, _UNSENT)
        return RetryLater(reason, None) if unsent else Doubtful(reason)
    return RetryLater(reason, None)


def _bad_request(reason: str) -> DeliveryError:
    words = reason.lower()
    if "not modified" in words:
        return NotChanged(reason)
    if any(phrase in words for phrase in _NO_MESSAGE):
        return MessageGone(reason)
    if any(phrase in words for phrase in _NO_FILES):
        return BadFormat(reason)
    if any(phrase in words for phrase in _NO_WAY_IN):
        return ChatGone(reason)
    return BadFormat(reason)


def seconds(error: RetryAfter) -> float:
    """Return how long Telegram asks to wait."""
    wait = error.retry_after
    return float(wait) if isinstance(wait, int) else wait.total_seconds()

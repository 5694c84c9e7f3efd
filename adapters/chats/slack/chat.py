"""Slack's side of a reply: what is sent, edited, streamed and shown."""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.chats.pace import Pace, Rate
from adapters.chats.slack import enclosures
from adapters.chats.slack import text as slack_text
from adapters.chats.slack.answers import owed, told
from adapters.chats.slack.blocks import words
from adapters.chats.slack.events import CHANNEL
from adapters.chats.slack.files import fetch
from adapters.chats.slack.manifest import COMMAND
from adapters.chats.slack.receipts import Receipts
from adapters.chats.slack.tables import messages
from adapters.chats.slack.web import Refused, Web
from bot.contents import SOURCE
from bot.enclosures import Enclosure
from bot.errors import BadFormat, ChatGone, DeliveryError, MessageGone, NotChanged, RetryLater
from bot.messages import Address, Button
from bot.ports import Json

A_SECOND, AT_ONCE = 1.0, 20  # messages into one channel
TOGETHER, AT_ONCE_TOGETHER = 5.0, 300  # "several hundred a minute" in a workspace
PACE = 0.7  # seconds between two additions to a stream: 100 a minute in a workspace
EDIT_PACE = 1.2  # seconds between two edits: 50 a minute
EDITS_A_SECOND = 0.6  # of unfinished answers in all conversations together
LONGEST_EDIT = 4000  # characters of a text without Markdown
NOTHING_YET = "…"  # ends a stream that shows nothing, as it could not without any text
MOST_MESSAGES, REMEMBERED = 3, 5000  # an answer of more becomes a file
QUIET: Json = {"unfurl_links": False, "unfurl_media": False}  # a preview fetches the address, and so tells it what was said
_NAMED = re.compile(rf"`/(?!{COMMAND} )([a-z]+(?: [^`\n]*)?)`")
_STREAM_OVER = {"message_not_in_streaming_state", "stopped_by_user"}
_NO_STREAMS_HERE = {"method_not_supported_for_channel_type"}
_NO_STREAMS = {"unknown_method", "not_allowed_token_type", "feature_not_enabled"} | _NO_STREAMS_HERE


class Slack:
    """A chat over the Web API."""

    channel = CHANNEL
    shows_a_second = 1.5

    def __init__(self, web: Web) -> None:
        self._web = web
        self._pace = Pace(Rate(TOGETHER, AT_ONCE_TOGETHER))
        self._previews = Rate(EDITS_A_SECOND, 5)
        self._streams: OrderedDict[str, str] = OrderedDict()  # messages that still grow, and what of them is shown
        self._writers: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._receipts = Receipts(web)
        self._homes: dict[str, str] = {}
        self._no_streams: set[str] = set()  # channels, or "" for all, of which Slack said so

    def note_writer(self, message: str, user: str, team: str) -> None:
        """Remember who wrote a message: a stream in a channel must name who asked for it."""
        self._writers[message] = (user, team)
        if len(self._writers) > REMEMBERED:
            self._writers.popitem(last=False)

    def typed(self, words: str) -> str:
        """Let every command be a word of the one that the app has, as Slack keeps all others to itself."""
        return _NAMED.sub(rf"`/{COMMAND} \1`", words)

    def pieces(self, text: str, buttons: Sequence[Button] = ()) -> Sequence[Json]:
        """Render Markdown as messages that fit; what would be too many becomes one message and a file."""
        found = list(messages(text))
        worded = [payload for payload in found if SOURCE not in payload]
        if len(worded) > MOST_MESSAGES:
            worded = worded[:1]
            found = [*worded, {"file": text, "name": "answer.md"}]
        if worded and buttons:
            worded[-1]["buttons"] = [[button.label, button.token] for button in buttons]
        return found

    def enclosed(self, enclosure: Enclosure) -> Json:
        """Return a file."""
        return enclosures.payload_of(enclosure)

    def plain(self, payload: Json) -> Json:
        """Return a payload in Slack's older language, which every workspace takes; instead of a file, its words."""
        return enclosures.plain(payload) if SOURCE in payload else {**payload, "markdown": ""}

    def preview(self, text: str) -> Json:
        """Render an unfinished answer: all of it, or its end."""
        piece = slack_text.preview(text)
        return {"markdown": piece.markdown, "mrkdwn": piece.mrkdwn, "unfinished": text}

    passing = preview

    def has_drafts(self, address: Address) -> bool:
        """Say no."""
        del address
        return False

    def pace(self, address: Address) -> float:
        """Return the least time between two previews, in seconds."""
        return PACE if self._can_stream(address) else EDIT_PACE

    async def send(self, address: Address, payload: Json, reply_to: str | None, content: bytes | None = None) -> str:
        """Send a message, a file or a picture, and return `channel:ts`. Raises DeliveryError."""
        del reply_to  # an answer stands in the thread of what it answers
        place = await self.home(address.chat)
        await self._pace.turn(place, A_SECOND, AT_ONCE)
        if "file" in payload:
            return await enclosures.send_long(self._web, place, address, payload)
        if content is not None:
            return await enclosures.show(self._web, place, address, payload, content)
        sent = await self._say("chat.postMessage", place, payload, thread_ts=address.thread or None, **QUIET)
        return f"{place}:{told(sent, 'ts')}"

    async def fetch(self, ref: Mapping[str, str], most: int) -> bytes:
        """Return the bytes of a file that somebody sent. Raises DeliveryError."""
        return await fetch(self._web, ref, most)

    async def edit(self, address: Address, native_id: str, payload: Json) -> None:
        """Replace a message; one that grew is finished. Raises DeliveryError."""
        del address
        place, _, ts = native_id.partition(":")
        shown = self._streams.pop(native_id, None)
        if shown is not None:
            markdown = payload["markdown"]
            whole = bool(markdown) and markdown.startswith(shown) and not payload.get("buttons")
            rest = (markdown[len(shown) :] or None) if whole else None
            if await self._finish(place, ts, rest) and whole:
                return
        if not payload["markdown"] and len(payload["mrkdwn"]) > LONGEST_EDIT:
            raise MessageGone("Slack takes no edit of this length")
        await self._pace.turn(place, A_SECOND, AT_ONCE)
        try:
            await self._say("chat.update", place, payload, ts=ts)
        except Refused as error:
            if error.code != "streaming_state_conflict":
                raise
            await self._finish(place, ts, None)
            await self._say("chat.update", place, payload, ts=ts)

    async def remove(self, address: Address, native_id: str) -> None:
        """Delete a message; one that grew is finished first. Raises DeliveryError."""
        del address
        place, _, ts = native_id.partition(":")
        if self._streams.pop(native_id, None) is not None:
            await self._finish(place, ts, None)
        try:
            await self._web.call("chat.delete", place, channel=place, ts=ts)
        except MessageGone:
            if not await self._finish(place, ts, None):  # one that grew before this process was started
                raise
            await self._web.call("chat.delete", place, channel=place, ts=ts)

    async def begin(self, address: Address, payload: Json, message: str | None) -> str:
        """Begin a stream where Slack has them, else send a message. Raises DeliveryError."""
        writer = self._writers.get(message or "")
        if not self._can_stream(address) or (writer is None and not address.private):
            return await self.send(address, payload, None)
        user, team = writer or (None, None)
        shown = slack_text.grown("", payload["unfinished"]) or None
        try:
            sent = await self._web.call(
                "chat.startStream",
                address.chat,
                channel=address.chat,
                thread_ts=address.thread,
                recipient_user_id=user,
                recipient_team_id=team,
                markdown_text=shown,
            )
        except (Refused, BadFormat, ChatGone) as error:
            code = error.code if isinstance(error, Refused) else ""
            if code in _NO_STREAMS:
                self._no_streams.add(address.chat if code in _NO_STREAMS_HERE else "")
            return await self.send(address, payload, None)
        native_id = f"{address.chat}:{told(sent, 'ts')}"
        self._streams[native_id] = shown or ""
        if len(self._streams) > REMEMBERED:
            self._streams.popitem(last=False)
        return native_id

    async def grow(self, address: Address, native_id: str, payload: Json) -> None:
        """Show how far an answer is. Raises DeliveryError."""
        shown = self._streams.get(native_id)
        if shown is None:
            # Answers are edited into their messages too: what is only shown leaves them room.
            if self._previews.wait() > 0:
                raise RetryLater("unfinished answers are edited as often as Slack allows", self._previews.wait())
            self._previews.take()
            await self.edit(address, native_id, payload)
            return
        more = slack_text.grown(shown, payload["unfinished"])
        if not more:
            return  # nothing that is settled, or what was shown is no longer its beginning: the whole answer mends that
        place, _, ts = native_id.partition(":")
        try:
            await self._web.call("chat.appendStream", place, channel=place, ts=ts, markdown_text=more)
        except RetryLater:
            raise
        except DeliveryError as error:
            # What it shows now is not known, or it grows no more: from here on it is edited, as a whole.
            self._streams.pop(native_id, None)
            if not isinstance(error, Refused) or error.code not in _STREAM_OVER:
                raise
        else:
            self._streams[native_id] = shown + more

    async def draft(self, address: Address, turn_id: int, payload: Json) -> None:
        """Do nothing: Slack has no drafts."""

    async def typing(self, address: Address, message: str | None) -> None:
        """Put the receipt on a message. Raises DeliveryError."""
        del address
        if message is not None:
            await self._receipts.put(message)

    async def calm(self, address: Address, message: str | None) -> None:
        """Take the receipt away. Raises DeliveryError."""
        del address
        if message is not None:
            await self._receipts.take_away(message)

    async def home(self, chat: str) -> str:
        """Return the direct messages with somebody who is named by an id; any other chat is itself. Raises DeliveryError."""
        if not chat.startswith(("U", "W")) and "/" not in chat:
            return chat
        user = chat.rpartition("/")[2]
        if user not in self._homes:
            opened = await self._web.call("conversations.open", users=user)
            self._homes[user] = told(opened.get("channel"), "id", RetryLater)
        return self._homes[user]

    def _can_stream(self, address: Address) -> bool:
        return bool(address.thread) and self._no_streams.isdisjoint({"", address.chat})

    async def _finish(self, place: str, ts: str, rest: str | None) -> bool:
        """End a stream; tell whether it was one until now."""
        try:
            await self._web.call("chat.stopStream", place, channel=place, ts=ts, markdown_text=rest)
        except Refused as error:
            if error.code not in _STREAM_OVER:
                raise
            return False
        except BadFormat as error:
            if rest or error.reason != "no_text":
                raise
            return await self._finish(place, ts, NOTHING_YET)
        return True

    async def _say(self, method: str, place: str, payload: Json, **more: Any) -> Any:  # noqa: ANN401 - any JSON
        carried = words(payload, new=method == "chat.postMessage")
        try:
            return await owed(self._web.call(method, place, channel=place, **carried, **more))
        except Refused as error:
            if error.code in ("same_text", "no_change"):
                raise NotChanged(error.reason) from error
            raise

"""Presence: what shows in a chat that an answer is on its way: typing, then the answer as far as it is written."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from bot import conversations, outbox
from bot.errors import ChatGone, DeliveryError, Doubtful, RetryLater
from bot.messages import Address
from bot.ports import Chat
from bot.store.async_database import AsyncDatabase
from bot.store.tables import conversations as places
from bot.store.tables import inbox, turns

TYPING_AFTER = 0.3  # seconds: an answer that comes at once needs no announcement
TYPING_EVERY = 4.0
ANSWERS_FIRST = 4  # with so many answers on their way out, nothing unfinished is shown
GIVES_WAY_FOR = 0.05  # seconds
MESSAGE_AFTER = 1.0  # a message that would be the whole answer a moment later is better sent once
NEVER = float("inf")
_RUNNING = (
    select(turns.c.conversation_id)
    .join(places, places.c.id == turns.c.conversation_id)
    .where(turns.c.id == bindparam("turn"), turns.c.state == "running", places.c.claim.is_not(None))
)
_NEWEST = select(inbox.c.native_id).where(inbox.c.turn_id == bindparam("turn")).order_by(inbox.c.id.desc()).limit(1)
log = logging.getLogger(__name__)


@dataclass
class _Showing:
    """One turn's presence in its chat."""

    turn_id: int
    before: "asyncio.Task[None] | None"  # the presence of the turn before, which ends first
    text: str = ""
    shown: str = ""
    seen: bool = False  # something of it may have reached the chat
    typed: bool = False
    ending: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None

    def finish(self) -> None:
        """Let the presence come to its end."""
        self.ending = True
        self.news.set()


@dataclass(frozen=True)
class _Place:
    """Where a turn runs, and the newest message that it answers."""

    address: Address
    message: str | None


class Presences:
    """The presences of all turns that run now."""

    def __init__(self, database: AsyncDatabase, chats: Mapping[str, Chat]) -> None:
        self._database = database
        self._chats = chats
        self._showings: dict[int, _Showing] = {}
        self._answers = 0
        self._busy: Counter[str] = Counter()

    def tell(self, conversation_id: int, turn_id: int, text: str) -> None:
        """Take note that a turn runs and how far its answer is written."""
        showing = self._showings.get(conversation_id)
        if showing is None or showing.turn_id != turn_id:
            before = showing.task if showing else None
            if showing:
                showing.finish()
            showing = self._showings[conversation_id] = _Showing(turn_id, before)
            showing.task = asyncio.create_task(self._keep(conversation_id, showing))
        if text:
            showing.text = text
            showing.news.set()

    def is_shown(self, conversation_id: int) -> bool:
        """Tell whether a conversation has a presence."""
        return conversation_id in self._showings

    async def end(self, conversation_id: int) -> None:
        """Stop a conversation's presence, of which nothing reaches the chat afterwards."""
        showing = self._showings.get(conversation_id)
        if showing is not None and showing.task is not None:
            showing.finish()
            await asyncio.wait([showing.task])

    def over(self, conversation_id: int, turn_id: int) -> None:
        """Forget a turn that is over, if nothing of it was shown: its answer then need not wait for the end of that."""
        showing = self._showings.get(conversation_id)
        if showing is not None and showing.turn_id == turn_id and not showing.seen:
            if showing.before is not None and not showing.before.done():
                return
            showing.finish()
            del self._showings[conversation_id]

    @contextmanager
    def giving_way(self) -> Iterator[None]:
        """Let an answer go first."""
        self._answers += 1
        try:
            yield
        finally:
            self._answers -= 1

    async def _keep(self, conversation_id: int, showing: _Showing) -> None:
        try:
            if showing.before is not None:
                await asyncio.wait([showing.before])
            place = await self._database.read(lambda tx: _place(tx, showing.turn_id))
            if place is not None:
                await self._show(showing, place)
        except ChatGone as error:
            log.info("nobody is there to be shown anything: %s", error)
        except SQLAlchemyError:
            log.exception("presence ends early")
        finally:
            if self._showings.get(conversation_id) is showing:
                del self._showings[conversation_id]

    async def _show(self, showing: _Showing, place: _Place) -> None:
        """Show a turn until its end, and leave nothing of it but the answer."""
        chat = self._chats[place.address.channel]
        self._busy[chat.channel] += 1
        try:
            await self._show_until_the_end(showing, place, chat)
        finally:
            self._busy[chat.channel] -= 1
        if showing.typed:
            await _patiently(chat.calm(place.address, place.message))

    async def _show_until_the_end(self, showing: _Showing, place: _Place, chat: Chat) -> None:
        began = monotonic()
        typing_at, preview_at = began + max(TYPING_AFTER, self._share(chat)), began
        if not chat.has_drafts(place.address):
            preview_at = began + MESSAGE_AFTER
        while not showing.ending:
            fresh = showing.text != showing.shown
            if self._answers >= ANSWERS_FIRST:
                await _wait(showing.news, GIVES_WAY_FOR)
            elif fresh and monotonic() >= preview_at:
                pause = await _patiently(self._preview(chat, place, showing))
                preview_at = monotonic() + max(pause, chat.pace(place.address), self._share(chat))
                typing_at = monotonic() + TYPING_EVERY
            elif monotonic() >= typing_at:
                if await self._database.read(lambda tx: _place(tx, showing.turn_id)) is None:
                    return
                if not showing.ending:
                    showing.seen = showing.typed = True
                    pause = await _patiently(chat.typing(place.address, place.message))
                    typing_at = monotonic() + max(TYPING_EVERY, self._share(chat)) + pause
            else:
                await _wait(showing.news, min(typing_at, preview_at if fresh else NEVER) - monotonic())

    def _share(self, chat: Chat) -> float:
        """Return the least time between two requests for one turn of a chat, when all that run share them, in seconds."""
        return self._busy[chat.channel] / chat.shows_a_second

    async def _preview(self, chat: Chat, place: _Place, showing: _Showing) -> None:
        text, showing.shown, showing.seen = showing.text, showing.text, True
        payload = chat.preview(text)
        if chat.has_drafts(place.address):
            await chat.draft(place.address, showing.turn_id, payload)
            return
        native_id = await self._database.read(lambda tx: outbox.preview_of(tx, showing.turn_id))
        if native_id:
            await chat.grow(place.address, native_id, payload)
        elif native_id is None:
            await self._database.write(lambda tx: outbox.note_preview(tx, showing.turn_id, ""))
            try:
                native_id = await chat.begin(place.address, payload, place.message)
            except Doubtful:
                raise
            except DeliveryError:
                showing.shown = ""  # surely nothing stands there: the next try may begin it
                await self._database.write(lambda tx: outbox.forget_preview(tx, showing.turn_id))
                raise
            await self._database.write(lambda tx: outbox.note_preview(tx, showing.turn_id, native_id))


async def _patiently(action: Awaitable[None]) -> float:
    """Do something that may fail without harm; return how long to wait before the next time."""
    try:
        await action
    except RetryLater as error:
        return error.wait or 0.0
    except ChatGone:
        raise
    except DeliveryError as error:
        log.info("a preview was not shown: %s", error)
    return 0.0


async def _wait(news: asyncio.Event, seconds: float) -> None:
    news.clear()
    try:
        await asyncio.wait_for(news.wait(), seconds)
    except TimeoutError:
        return


def _place(tx: Connection, turn_id: int) -> _Place | None:
    """Return where a turn runs, or None when it does not run any more."""
    row = tx.execute(_RUNNING, {"turn": turn_id}).first()
    if row is None:
        return None
    return _Place(conversations.get(tx, row.conversation_id).address, tx.scalar(_NEWEST, {"turn": turn_id}))

"""Presence: what shows in a chat that an answer is on its way: typing, the answer as far as it is written, what is done."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from bot import conversations, outbox, progress
from bot.errors import ChatGone, DeliveryError, Doubtful, RetryLater
from bot.messages import Address
from bot.passing import PassingMessages, take_back_preview
from bot.ports import Chat
from bot.store.async_database import AsyncDatabase
from bot.store.tables import conversations as places
from bot.store.tables import inbox, turns
from bot.turn import Clock

TYPING_AFTER = 0.3  # seconds: an answer that comes at once needs no announcement
TYPING_EVERY = 4.0
ANSWERS_FIRST = 4  # with so many answers on their way out, nothing unfinished is shown
GIVES_WAY_FOR = 0.05  # seconds
MESSAGE_AFTER = 1.0  # a message that would be the whole answer a moment later is better sent once
LINE_AFTER = 10.0  # seconds without a word of the turn: then a line says what is being done
LINE_EVERY = 3.0
NOTE_AFTER = 0.5  # an answer that comes at once makes a note about what was written meanwhile needless
TIDIES_EVERY = 1.0
NEVER = float("inf")
_RUNNING = (
    select(turns.c.conversation_id, turns.c.follows)
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
    line: str = ""  # what stands under the text, or instead of it
    line_at: float = NEVER  # when to look for one
    heard_at: float = 0.0  # when something was last shown of the answer itself
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
    is_anew: bool  # an interrupted turn goes on in it


class Presences:
    """The presences of all turns that run now."""

    def __init__(self, database: AsyncDatabase, chats: Mapping[str, Chat], clock: Clock) -> None:
        self._database = database
        self._chats = chats
        self._clock = clock
        self._passing = PassingMessages(database, chats)
        self._showings: dict[int, _Showing] = {}
        self._answers = 0
        self._busy: Counter[str] = Counter()

    def tell(self, conversation_id: int, turn_id: int, text: str) -> None:
        """Take note that a turn runs and how far its answer is written."""
        showing = self._showings.get(conversation_id)
        if showing is not None and turn_id < showing.turn_id:
            return  # of a turn that was cut off, and whose worker does not know it yet
        if showing is None or showing.turn_id != turn_id:
            before = showing.task if showing else None
            if showing:
                showing.finish()
            showing = self._showings[conversation_id] = _Showing(turn_id, before)
            showing.task = asyncio.create_task(self._keep(conversation_id, showing))
        if text:
            showing.text = text
            showing.news.set()

    def note(self, conversation_id: int, turn_id: int) -> None:
        """Show soon what becomes of something that was written while a turn runs."""
        self.tell(conversation_id, turn_id, "")
        showing = self._showings[conversation_id]
        showing.line_at = min(showing.line_at, monotonic() + NOTE_AFTER)
        showing.news.set()

    async def run(self) -> None:
        """Take away what a crash left standing, and go on showing turns that run, until cancelled."""
        while True:
            for one in await self._passing.left():
                showing = self._showings.get(one.conversation_id)
                if one.turn_runs and showing is None:
                    self.tell(one.conversation_id, one.turn_id, "")
                    self._showings[one.conversation_id].line = progress.SIGN  # what stands there is known, and looked at soon
                    self._showings[one.conversation_id].line_at = monotonic()
                elif not one.turn_runs and (showing is None or showing.turn_id != one.turn_id):
                    await _patiently(self._passing.take_away(one.address, one.turn_id))
            await asyncio.sleep(TIDIES_EVERY)

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
        if showing.line and not chat.has_drafts(place.address):
            await _patiently(self._passing.take_away(place.address, showing.turn_id))
        if showing.typed:
            await _patiently(chat.calm(place.address, place.message))

    async def _show_until_the_end(self, showing: _Showing, place: _Place, chat: Chat) -> None:
        began = monotonic()
        showing.heard_at = 0.0 if showing.line else began  # of a line that stands already nothing was heard before it
        showing.line_at = min(showing.line_at, began + (NOTE_AFTER if place.is_anew else LINE_AFTER))
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
            elif monotonic() >= showing.line_at:
                pause = await _patiently(self._show_line(chat, place, showing))
                every = LINE_EVERY if showing.line else max(showing.heard_at + LINE_AFTER - monotonic(), LINE_EVERY)
                showing.line_at = monotonic() + max(every + pause, chat.pace(place.address), self._share(chat))
                if showing.line and chat.has_drafts(place.address):  # it shows that somebody is at work
                    typing_at = monotonic() + TYPING_EVERY
            elif monotonic() >= typing_at:
                if await self._database.read(lambda tx: _place(tx, showing.turn_id)) is None:
                    return
                if not showing.ending:
                    showing.seen = showing.typed = True
                    pause = await _patiently(chat.typing(place.address, place.message))
                    typing_at = monotonic() + max(TYPING_EVERY, self._share(chat)) + pause
            else:
                await _wait(showing.news, min(typing_at, showing.line_at, preview_at if fresh else NEVER) - monotonic())

    def _share(self, chat: Chat) -> float:
        """Return the least time between two requests for one turn of a chat, when all that run share them, in seconds."""
        return self._busy[chat.channel] / chat.shows_a_second

    async def _show_line(self, chat: Chat, place: _Place, showing: _Showing) -> None:
        """Say what is being done, when nothing has been heard for a while, and what becomes of what was written meanwhile."""
        found = await self._database.read(lambda tx: progress.of_turn(tx, showing.turn_id))
        if found is None or showing.ending:
            return
        silent = monotonic() >= showing.heard_at + LINE_AFTER
        had, showing.line = showing.line, found.in_words(self._clock(), silent=silent)
        if not showing.line and not had:
            return
        showing.seen = True
        if chat.has_drafts(place.address):
            await self._draft(chat, place, showing)
        elif showing.line:
            reply_to = None if place.address.private else place.message
            await self._passing.show(place.address, showing.turn_id, showing.line, reply_to)
        else:
            await self._passing.take_away(place.address, showing.turn_id)

    async def _draft(self, chat: Chat, place: _Place, showing: _Showing) -> None:
        showing.shown = showing.text
        words = "\n\n".join(filter(None, (showing.text, showing.line)))
        await chat.draft(place.address, showing.turn_id, chat.preview(words))

    async def _preview(self, chat: Chat, place: _Place, showing: _Showing) -> None:
        showing.seen, showing.heard_at = True, monotonic()
        if showing.line.startswith(progress.SIGN):  # what is being done is seen again
            showing.line = ""
            if not chat.has_drafts(place.address):
                await self._passing.take_away(place.address, showing.turn_id)
        if chat.has_drafts(place.address):
            await self._draft(chat, place, showing)
            return
        showing.shown = showing.text
        payload = chat.preview(showing.text)
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
            await self._database.write(lambda tx: _note_preview(tx, showing.turn_id, native_id))


def _note_preview(tx: Connection, turn_id: int, native_id: str) -> None:
    outbox.note_preview(tx, turn_id, native_id)
    take_back_preview(tx, turn_id)  # it may have been stopped meanwhile


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
    address = conversations.get(tx, row.conversation_id).address
    return _Place(address, tx.scalar(_NEWEST, {"turn": turn_id}), is_anew=row.follows is not None)

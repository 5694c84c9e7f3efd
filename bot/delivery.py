"""Delivery: brings replies to their chats in order, and each piece once, or says that it cannot."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from bot import outbox
from bot.contents import SOURCE, content_of
from bot.enclosures import ENCLOSURE, File
from bot.errors import BadFormat, ChatGone, DeliveryError, Doubtful, MessageGone, NotChanged, RetryLater
from bot.messages import ReplyKind
from bot.outbox import Part, Reply
from bot.pauses import growing_pause
from bot.ports import Chat, Json
from bot.store.async_database import AsyncDatabase
from bot.turn import Clock
from bot.undelivered import tell_who_asked

LOOKS_EVERY = 1.0  # seconds between two looks for replies of which no news came
LONGEST_PAUSE = 300.0
MOST_REFUSALS = 4  # of a kind that nobody knows: others wait behind it
ENDS_WITHIN = 3.0  # seconds for what is being sent when the process is asked to end: cut off, it would be sent twice
SEE_BELOW = "Here it is:"
NOTHING_TO_SEE = "(There is nothing to be seen in this answer.)"
log = logging.getLogger(__name__)


class Presence(Protocol):
    """What shows in a chat that an answer is on its way."""

    def is_shown(self, conversation_id: int) -> bool:
        """Tell whether it is shown now."""
        ...

    async def end(self, conversation_id: int) -> None:
        """Stop showing it; nothing of it reaches the chat after this returns."""
        ...

    def giving_way(self) -> AbstractContextManager[None]:
        """Let an answer go before whatever is only shown."""
        ...


@dataclass(frozen=True)
class _Due:
    """A reply and those of its pieces that are still to be sent; none when what is shown of it must end first."""

    reply: Reply
    chat: Chat
    pieces: tuple[Part, ...]


class Delivery:
    """One lane for each conversation: order holds within it, and no chat waits for another."""

    def __init__(self, database: AsyncDatabase, chats: Mapping[str, Chat], presence: Presence, clock: Clock) -> None:
        self._database = database
        self._chats = chats
        self._presence = presence
        self._clock = clock
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self._refusals: Counter[int] = Counter()  # of a kind that nobody knows, by replies
        self._ending = False

    async def run(self) -> None:
        """Deliver until cancelled; then `finish` ends it."""
        channels = list(self._chats)
        doubts = await self._database.write(lambda tx: outbox.doubt_all_in_flight(tx, channels))
        if doubts:
            log.warning("%s pieces were being sent when the last process ended; they are sent again", doubts)
        while True:
            await self._look(channels)
            await asyncio.sleep(LOOKS_EVERY)

    async def finish(self) -> None:
        """Let each reply that is being sent come to its end, and begin no other."""
        self._ending = True
        lanes = list(self._lanes.values())
        if lanes:
            _, late = await asyncio.wait(lanes, timeout=ENDS_WITHIN)
            for lane in late:
                lane.cancel()
            if late:  # a program that draws is ended with its lane
                await asyncio.wait(late, timeout=ENDS_WITHIN)

    def news(self, conversation_id: int) -> None:
        """Deliver what a conversation has, at once."""
        self._again.add(conversation_id)
        if conversation_id not in self._lanes:
            self._lanes[conversation_id] = asyncio.create_task(self._lane(conversation_id))

    async def _look(self, channels: list[str]) -> None:
        try:
            for conversation_id in await self._database.read(lambda tx: outbox.waiting(tx, channels, self._clock())):
                self.news(conversation_id)
        except SQLAlchemyError:
            log.exception("the outbox cannot be read")

    async def _lane(self, conversation_id: int) -> None:
        try:
            with self._presence.giving_way():
                while conversation_id in self._again:
                    self._again.discard(conversation_id)
                    due = await self._choose(conversation_id)
                    while due is not None:
                        due = await self._go_on(due)
        except SQLAlchemyError:
            log.exception("the outbox cannot be used")
        finally:
            del self._lanes[conversation_id]

    async def _choose(self, conversation_id: int) -> "_Due | None":
        """Return what is due in a conversation, after all that is shown of it."""
        if self._presence.is_shown(conversation_id):
            reply = await self._database.read(lambda tx: outbox.next_reply(tx, conversation_id))
            if reply is None:
                return None
            if not reply.is_working:
                # The message that shows a part of the answer is known only when no more of it is on its way.
                await self._presence.end(conversation_id)
        return await self._database.write(partial(self._take, conversation_id))

    def _take(self, conversation_id: int, tx: Connection) -> "_Due | None":
        """Choose the oldest reply, cut it into pieces, and note the first of them as being sent."""
        reply = outbox.next_reply(tx, conversation_id)
        if self._ending or reply is None or reply.next_try_at > self._clock():
            return None
        chat = self._chats.get(reply.conversation.address.channel)
        if chat is None:
            return None
        if not reply.is_working and self._presence.is_shown(conversation_id):
            return _Due(reply, chat, ())
        parts = reply.parts or outbox.cut_into_parts(tx, reply, _cut(chat, reply))
        return self._next_piece(_Due(reply, chat, tuple(part for part in parts if not part.sent)), tx)

    def _next_piece(self, due: "_Due", tx: Connection) -> "_Due | None":
        """Note the next piece as being sent; after the last one, go on with the next reply."""
        if due.pieces and self._ending:
            return None  # the rest follows at the next start
        if due.pieces:
            outbox.note_sending(tx, due.reply.id, due.pieces[0])
            return due
        outbox.note_done(tx, due.reply.id)
        return self._take(due.reply.conversation.id, tx)

    async def _go_on(self, due: "_Due") -> "_Due | None":
        """Bring a piece to its chat and return what is due then, as far as it may follow at once."""
        if not due.pieces:
            return await self._choose(due.reply.conversation.id)
        try:
            native_id = await self._send(due.chat, due.reply, due.pieces[0])
        except DeliveryError as error:
            is_gone = await self._put_off(due.reply, due.pieces[0], error)
            return await self._choose(due.reply.conversation.id) if is_gone else None
        self._refusals.pop(due.reply.id, None)
        return await self._keep(partial(self._note, due, native_id, self._clock()))

    async def _keep(self, note: "Callable[[Connection], _Due | None]") -> "_Due | None":
        """Note that a piece was sent, however long the disk is full: whoever forgot it would send it again."""
        while True:
            try:
                return await self._database.write(note)
            except OperationalError:
                log.exception("what was sent cannot be noted yet")
                await asyncio.sleep(LOOKS_EVERY)

    def _note(self, due: "_Due", native_id: str, now: datetime, tx: Connection) -> "_Due | None":
        """Note that a piece was taken, and in the same transaction what comes next."""
        if not outbox.note_sent(tx, due.reply.id, due.pieces[0], native_id, now):
            return self._take(due.reply.conversation.id, tx)
        return self._next_piece(replace(due, pieces=due.pieces[1:]), tx)

    async def _send(self, chat: Chat, reply: Reply, part: Part) -> str:
        """Send a piece as it is, or in the next plainer form that the chat takes."""
        payload = part.payload
        while True:
            try:
                return await self._send_as_it_is(chat, reply, part, payload)
            except BadFormat as error:
                plainer = chat.plain(payload)
                if plainer == payload:
                    raise ChatGone(f"it is refused in every form: {error}") from error
                lost = "enclosure" if SOURCE in payload else "formatting"
                log.warning("a reply is sent without its %s: %s", lost, error, extra={"reply": reply.id})
                payload = plainer

    async def _send_as_it_is(self, chat: Chat, reply: Reply, part: Part, payload: Json) -> str:
        address = reply.conversation.address
        if part.native_id is not None:
            try:
                await chat.edit(address, part.native_id, payload)
            except NotChanged:
                pass
            except MessageGone:
                return await self._send_as_it_is(chat, reply, replace(part, native_id=None), payload)
            return part.native_id
        content = await content_of(payload, self._database)
        return await chat.send(address, payload, reply.reply_to if part.position == 0 else None, content)

    async def _put_off(self, reply: Reply, part: Part, error: DeliveryError) -> bool:
        now = self._clock()
        refused = not isinstance(error, RetryLater | Doubtful)
        self._refusals[reply.id] += refused
        unknown = refused and self._refusals[reply.id] >= MOST_REFUSALS
        gone = isinstance(error, ChatGone) or unknown or now - reply.created_at > outbox.GIVE_UP_AFTER
        if gone:
            del self._refusals[reply.id]
        asked = error.wait if isinstance(error, RetryLater) else None
        pause = asked if asked is not None else growing_pause(reply.attempts, LONGEST_PAUSE)
        log.log(
            logging.ERROR if gone else logging.WARNING,
            "a reply could not be delivered%s: %s",
            "" if gone else f" and is tried again in {pause:.0f} s",
            error,
            extra={"reply": reply.id},
        )

        def note(tx: Connection) -> int | None:
            outbox.note_unsent(tx, reply.id, part.position, doubtful=isinstance(error, Doubtful))
            if gone:
                outbox.give_up(tx, reply.id, str(error))
                return tell_who_asked(tx, reply, str(error), now)
            outbox.put_off(tx, reply.id, now + timedelta(seconds=pause), str(error))
            return None

        told = await self._database.write(note)
        if told is not None:
            self.news(told)
        return gone


def _cut(chat: Chat, reply: Reply) -> Sequence[Json]:
    """Return the pieces of a reply: those of its words, unless it is a file, and then what shows its enclosure."""
    enclosure = None
    if reply.enclosure is not None:
        try:
            enclosure = ENCLOSURE.validate_python(reply.enclosure)
        except ValidationError as error:
            log.error("a reply is sent without its enclosure, which cannot be read: %s", error, extra={"reply": reply.id})
    shown = None if enclosure is None else chat.enclosed(enclosure)
    if shown is not None and isinstance(enclosure, File):
        return [shown]
    text = reply.text if reply.kind is ReplyKind.ANSWER else chat.typed(reply.text)
    pieces = list(chat.pieces(text, reply.buttons) or chat.pieces(NOTHING_TO_SEE, reply.buttons))
    if reply.preview is not None and all(SOURCE in piece for piece in pieces):
        pieces[:0] = chat.pieces(SEE_BELOW)  # the message that shows a part of the answer becomes this
    return pieces if shown is None else [*pieces, shown]

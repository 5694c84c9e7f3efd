"""Delivery: brings replies to their chats in order, and each piece once, or says that it cannot."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot import outbox
from bot.errors import BadFormat, ChatGone, DeliveryError, Doubtful, MessageGone, NotChanged, RetryLater
from bot.outbox import Part, Reply
from bot.ports import Chat, Json
from bot.store.database import Database
from bot.turn import Clock

LOOKS_EVERY = 1.0  # seconds between two looks for replies of which no news came
LONGEST_PAUSE = 300.0
ENDS_WITHIN = 3.0  # seconds for what is being sent when the process is asked to end: cut off, it would be sent twice
NOTHING_TO_SEE = "(There is nothing to be seen in this answer.)"
T = TypeVar("T")
log = logging.getLogger(__name__)


class Presence(Protocol):
    """What shows in a chat that an answer is on its way."""

    async def end(self, conversation_id: int) -> bool:
        """Stop showing it, and tell whether it was shown; nothing of it reaches the chat after this returns."""
        ...


class Store:
    """The house's database for the event loop: transactions run in threads of their own."""

    def __init__(self, database: Database, threads: Executor) -> None:
        self._database = database
        self._threads = threads

    async def read(self, look: Callable[[Connection], T]) -> T:
        """Run a reading transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, look)

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Run a writing transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._write, change)

    def _read(self, look: Callable[[Connection], T]) -> T:
        with self._database.read() as tx:
            return look(tx)

    def _write(self, change: Callable[[Connection], T]) -> T:
        with self._database.write() as tx:
            return change(tx)


class Delivery:
    """One lane for each conversation: order holds within it, and no chat waits for another."""

    def __init__(self, store: Store, chats: Mapping[str, Chat], presence: Presence, clock: Clock) -> None:
        self._store = store
        self._chats = chats
        self._presence = presence
        self._clock = clock
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self._ending = False

    async def run(self) -> None:
        """Deliver until cancelled; then `finish` ends it."""
        channels = list(self._chats)
        doubts = await self._store.write(lambda tx: outbox.doubt_all_in_flight(tx, channels))
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

    def news(self, conversation_id: int) -> None:
        """Deliver what a conversation has, at once."""
        self._again.add(conversation_id)
        if conversation_id not in self._lanes:
            self._lanes[conversation_id] = asyncio.create_task(self._lane(conversation_id))

    async def _look(self, channels: list[str]) -> None:
        try:
            for conversation_id in await self._store.read(lambda tx: outbox.waiting(tx, channels, self._clock())):
                self.news(conversation_id)
        except SQLAlchemyError:
            log.exception("the outbox cannot be read")

    async def _lane(self, conversation_id: int) -> None:
        try:
            while conversation_id in self._again:
                self._again.discard(conversation_id)
                while not self._ending and await self._next(conversation_id):
                    pass
        except SQLAlchemyError:
            log.exception("the outbox cannot be used")
        finally:
            del self._lanes[conversation_id]

    async def _next(self, conversation_id: int) -> bool:
        """Deliver the oldest reply; tell whether the next one may follow at once."""
        reply = await self._store.read(lambda tx: outbox.next_reply(tx, conversation_id))
        if reply is None or reply.next_try_at > self._clock():
            return False
        chat = self._chats.get(reply.conversation.address.channel)
        if chat is None:
            return False
        if not reply.is_working and await self._presence.end(conversation_id):
            return True  # look again: the message that showed a part of the answer is known only now
        return await self.deliver(chat, reply)

    async def deliver(self, chat: Chat, reply: Reply) -> bool:
        """Bring a reply to its chat, piece by piece; tell whether it is off the list."""
        pending = await self._store.write(lambda tx: _prepare(tx, chat, reply))
        while pending:
            try:
                native_id = await self._send(chat, reply, pending[0])
            except DeliveryError as error:
                return await self._put_off(reply, pending[0], error)
            pending = await self._store.write(partial(_note, reply, pending, native_id, self._clock()))
        return True

    async def _send(self, chat: Chat, reply: Reply, part: Part) -> str:
        try:
            return await self._send_as_it_is(chat, reply, part, part.payload)
        except BadFormat as error:
            log.warning("a reply is sent without its formatting: %s", error, extra={"reply": reply.id})
            return await self._send_as_it_is(chat, reply, part, chat.plain(part.payload))

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
        return await chat.send(address, payload, reply.reply_to if part.position == 0 else None)

    async def _put_off(self, reply: Reply, part: Part, error: DeliveryError) -> bool:
        now = self._clock()
        gone = isinstance(error, ChatGone) or now - reply.created_at > outbox.GIVE_UP_AFTER
        asked = error.wait if isinstance(error, RetryLater) else None
        pause = asked if asked is not None else min(2.0**reply.attempts, LONGEST_PAUSE)
        log.log(
            logging.ERROR if gone else logging.WARNING,
            "a reply could not be delivered%s: %s",
            "" if gone else f" and is tried again in {pause:.0f} s",
            error,
            extra={"reply": reply.id},
        )

        def note(tx: Connection) -> None:
            outbox.note_unsent(tx, reply.id, part.position, doubtful=isinstance(error, Doubtful))
            if gone:
                outbox.give_up(tx, reply.id, str(error))
            else:
                outbox.put_off(tx, reply.id, now + timedelta(seconds=pause), str(error))

        await self._store.write(note)
        return gone


def _prepare(tx: Connection, chat: Chat, reply: Reply) -> Sequence[Part]:
    """Cut a reply into pieces when it comes to its turn, and note the first as being sent."""
    parts = reply.parts or outbox.cut_into_parts(tx, reply, chat.pieces(reply.text) or chat.pieces(NOTHING_TO_SEE))
    pending = [part for part in parts if not part.sent]
    if pending:
        outbox.note_sending(tx, reply.id, pending[0])
    else:
        outbox.note_done(tx, reply.id)
    return pending


def _note(reply: Reply, pending: Sequence[Part], native_id: str, now: datetime, tx: Connection) -> Sequence[Part]:
    """Note that a piece was taken, and in the same transaction what comes next."""
    outbox.note_sent(tx, reply.id, pending[0].position, native_id, now)
    rest = pending[1:]
    if rest:
        outbox.note_sending(tx, reply.id, rest[0])
    else:
        outbox.note_done(tx, reply.id)
    return rest

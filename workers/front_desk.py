"""The front desk: what a process needs that serves chats, whichever they are."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot import conversations, journal, readings
from bot.commands.butler import AUTO
from bot.delivery import Delivery
from bot.errors import DeliveryError
from bot.fetching import Fetching
from bot.messages import Address, IncomingMessage
from bot.notices import tell_owners
from bot.ports import Chat
from bot.presence import Presences
from bot.reception import Received
from bot.store.async_database import AsyncDatabase
from workers.foundation import utc_now
from workers.house import House
from workers.live import REPLY, listen

THREADS = 4
RINGS_AFTER = 0.0005  # seconds: so soon it is known whether more is being taken in
RINGS_AT_LATEST = 0.1
RINGS_AFTER_HOLD = 0.02  # and not a moment too early
TROUBLE_AGAIN_AFTER = 3600.0  # seconds
T = TypeVar("T")
log = logging.getLogger(__name__)


class FrontDesk:
    """Takes messages in and brings replies back, for the chats of one process."""

    def __init__(self, house: House, chats: Mapping[str, Chat]) -> None:
        self._house = house
        self._chats = chats
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
        self._reception = house.reception()
        self.database = AsyncDatabase(house.stores.house, self._threads)
        self._presences = Presences(self.database, chats, utc_now)
        self._delivery = Delivery(self.database, chats, self._presences, utc_now)
        self._fetching = Fetching(
            self.database,
            chats,
            house.redactor,
            utc_now,
            lambda rung: self._ring(rung, RINGS_AT_LATEST),
            self._delivery.news,
        )
        self._told: dict[str, float] = {}
        self._taking = 0

    @property
    def menu(self) -> Sequence[tuple[str, str]]:
        """The commands and what they do."""
        return self._reception.commands.summaries

    @property
    def butlers(self) -> Collection[str]:
        """What may be said after `/butler`: the names of the butlers there are now, and auto."""
        return {AUTO, *self._house.household().butlers}

    def services(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """Return what fetches files and delivers replies, to be run as long as the process lives."""
        news = listen(self._house.redis_url, self._chats, self._on_news, self.tell_trouble)
        return self._delivery.run(), self._presences.run(), self._fetching.run(), news

    async def __aenter__(self) -> Self:
        """Return the desk."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it, when what is being sent has been sent."""
        await self._delivery.finish()

    async def take_in(self, messages: Sequence[IncomingMessage]) -> Received:
        """Put messages on disk, and deliver at once what needed no model."""
        self._taking += 1
        ring = partial(self._ring_soon, asyncio.get_running_loop())
        try:
            received = await self._in_thread(partial(replace(self._reception, ring=ring).receive, messages))
        finally:
            self._taking -= 1
        for conversation_id in received.replies:
            self._delivery.news(conversation_id)
        for conversation_id, until in received.held.items():
            wait = (until - utc_now()).total_seconds() + RINGS_AFTER_HOLD
            asyncio.get_running_loop().call_later(max(wait, 0.0), self._ring, [conversation_id], 0.0)
        for conversation_id, turn_id in received.busy.items():
            self._presences.note(conversation_id, turn_id)
        if any(message.attachments for message in messages):
            self._fetching.news()
        return received

    async def newest(self, channel: str) -> dict[tuple[str, str], str]:
        """Return the newest message that is kept of each chat and thread of a channel."""
        return await self.database.read(lambda tx: conversations.newest_messages(tx, channel))

    async def known(self, channel: str, ids: Sequence[str]) -> set[str]:
        """Return which of these messages are kept already."""
        return await self.database.read(lambda tx: readings.known(tx, channel, ids))

    async def unread_since(self, channel: str) -> datetime | None:
        """Return since when something of a channel may have been missed."""
        return await self.database.read(lambda tx: readings.unread_since(tx, channel))

    async def note_unread(self, channel: str, since: datetime | None) -> None:
        """Note since when something may have been missed, or that nothing was."""
        await self.database.write(lambda tx: readings.note_unread(tx, channel, since))

    async def restored_at(self) -> datetime | None:
        """Return when the house was restored from a back-up, if it ever was."""
        return await self.database.read(journal.era_began)

    async def park(self, channel: str, payload: str, error: str) -> None:
        """Keep an update that nobody can read."""
        await self._in_thread(partial(self._reception.park, channel, payload, error))

    async def tell_trouble(self, key: str, text: str) -> None:
        """Tell the owners about a fault of the house, even when nothing can be stored."""
        if monotonic() - self._told.get(key, -TROUBLE_AGAIN_AFTER) < TROUBLE_AGAIN_AFTER:
            return
        self._told[key] = monotonic()
        gate = self._house.gate

        def keep(tx: Connection) -> list[int]:
            return tell_owners(tx, gate, f"trouble:{key}", text, utc_now())

        try:
            for conversation_id in await self.database.write(keep):
                self._delivery.news(conversation_id)
        except SQLAlchemyError:
            for channel, person in gate.owners:
                await self._say(channel, person, text)

    async def _say(self, channel: str, person: str, text: str) -> None:
        chat = self._chats.get(channel)
        if chat is not None:
            try:
                await chat.send(Address(channel=channel, chat=person), chat.pieces(chat.typed(text))[0], None)
            except DeliveryError as error:
                log.warning("an owner could not be told: %s", error)

    def _ring_soon(self, loop: asyncio.AbstractEventLoop, conversation_ids: Sequence[int]) -> bool:
        """Ring beside what was asked for: whoever waits for a message to be on disk need not wait for a bell."""
        loop.call_soon_threadsafe(loop.call_later, RINGS_AFTER, self._ring, conversation_ids, RINGS_AT_LATEST)
        return True

    def _ring(self, conversation_ids: Sequence[int], patience: float) -> None:
        """Ring when no more messages are being taken in: those who answer the bell would stand before them in the line."""
        if self._taking and patience > 0:
            asyncio.get_running_loop().call_later(RINGS_AFTER, self._ring, conversation_ids, patience - RINGS_AFTER)
        else:
            self._threads.submit(self._house.doorbell.ring, conversation_ids)

    def _on_news(self, kind: str, conversation_id: int, turn_id: int, text: str) -> None:
        if kind == REPLY:
            self._presences.over(conversation_id, turn_id)
            self._delivery.news(conversation_id)
        else:
            self._presences.tell(conversation_id, turn_id, text)

    async def _in_thread(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, action)

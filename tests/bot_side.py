"""The bot's side of a room: what brings replies, previews and files, without the processes around it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager

from adapters.chats.telegram.chat import Telegram
from adapters.chats.telegram.polling import connect
from bot.delivery import Delivery
from bot.fetching import Fetching
from bot.files import wanted
from bot.ports import Chat
from bot.presence import Presences
from bot.store.async_database import AsyncDatabase
from tests.room import Room
from tests.telegram_server import TelegramServer

LOOK, PATIENCE = 0.01, 30.0


@asynccontextmanager
async def bot_side(room: Room, telegram: TelegramServer) -> AsyncIterator[tuple[Presences, Delivery]]:
    """Open it; at the end, what is being sent is sent."""
    with ThreadPoolExecutor(4) as threads:
        async with connect(telegram.token, telegram.url) as bot:
            database, chats = AsyncDatabase(room.database, threads), {"telegram": Telegram(bot)}
            presences = Presences(database, chats, room.clock)
            delivery = Delivery(database, chats, presences, room.clock)
            try:
                yield presences, delivery
            finally:
                await delivery.finish()


@contextmanager
def fetching(room: Room, chats: Mapping[str, Chat]) -> Iterator[Fetching]:
    """Give what brings a room's files, before it begins."""
    with ThreadPoolExecutor(4) as threads:
        database = AsyncDatabase(room.database, threads)
        yield Fetching(database, chats, room.redactor, room.clock, room.rung.extend, room.delivers.append)


async def fetch_all(room: Room, chats: Mapping[str, Chat]) -> None:
    """Bring a room's files until none is wanted."""
    with fetching(room, chats) as bringing:
        work = asyncio.create_task(bringing.run())
        try:
            async with asyncio.timeout(PATIENCE):
                while await bringing.database.read(lambda tx: wanted(tx, list(chats))):
                    await asyncio.sleep(LOOK)
        finally:
            work.cancel()
            await asyncio.wait([work])


def fetches(room: Room, chat: Chat) -> None:
    """Bring a room's files from a chat until none is wanted."""
    asyncio.run(fetch_all(room, {chat.channel: chat}))


def fetches_from(room: Room, telegram: TelegramServer) -> None:
    """Bring a room's files from Telegram until none is wanted."""

    async def run() -> None:
        async with connect(telegram.token, telegram.url) as bot:
            await fetch_all(room, {"telegram": Telegram(bot)})

    asyncio.run(run())

"""The bot's side of a room: what brings replies and previews to a Telegram server, without the processes around it."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from adapters.chats.telegram.chat import Telegram
from adapters.chats.telegram.polling import connect
from bot.delivery import Delivery
from bot.presence import Presences
from bot.store.async_database import AsyncDatabase
from tests.room import Room
from tests.telegram_server import TelegramServer


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

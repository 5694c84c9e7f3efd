"""Telegram served: one bot that fetches what people write and brings them what the house answers."""

import asyncio

from telegram.error import TelegramError

from adapters.chats.telegram.chat import Telegram
from adapters.chats.telegram.form import TelegramSettings
from adapters.chats.telegram.polling import Polling, connect, introduce, keep_menu
from bot.chat_forms import Desk


class TelegramService:
    """A bot on Telegram."""

    shortcomings = ()

    def __init__(self, settings: TelegramSettings) -> None:
        token = settings.bot_token
        self._bot = connect(token.get_secret_value() if token else "", settings.api_url)
        self.chat = Telegram(self._bot)

    async def introduce(self) -> str:
        """Learn the bot's name. Raises ConfigurationError, or ConnectionError when Telegram cannot be reached."""
        try:
            await introduce(self._bot)
        except TelegramError as error:
            raise ConnectionError(str(error)) from error
        return f"@{self._bot.username}"

    async def serve(self, desk: Desk) -> None:
        """Poll until cancelled."""
        menu = asyncio.create_task(keep_menu(self._bot, desk.menu))
        try:
            await Polling(self._bot, desk).run()
        finally:
            menu.cancel()

    async def close(self) -> None:
        """Close every connection."""
        await self._bot.shutdown()

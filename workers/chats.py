"""`butler bot`: the one process that speaks to chat vendors."""

import asyncio
import logging

from telegram.error import TelegramError

from adapters.chats.telegram.chat import Telegram
from adapters.chats.telegram.polling import Polling, PollingBot, connect, introduce, keep_menu
from bot.errors import ConfigurationError
from bot.pauses import growing_pause
from workers.front_desk import FrontDesk, together
from workers.house import House
from workers.liveness import held

LONGEST_PAUSE = 30.0
log = logging.getLogger(__name__)


def check(house: House) -> None:
    """Make sure that there is a chat to serve and somebody to serve. Raises ConfigurationError."""
    if house.settings.telegram_bot_token is None:
        raise ConfigurationError(
            "TELEGRAM_BOT_TOKEN: no chat is set up, so there is nothing to serve. Get a token from @BotFather, or use "
            "`butler up` or `butler chat` to talk in the terminal."
        )
    if not house.settings.telegram_allowed_users:
        raise ConfigurationError(
            "TELEGRAM_ALLOWED_USERS: the list is empty, so nobody may speak to the house. Put your own numeric id there; "
            "@userinfobot tells it."
        )


async def serve(house: House) -> None:
    """Serve the chats until cancelled. Raises ConfigurationError."""
    check(house)
    token = house.settings.telegram_bot_token
    with held(house.home.lock("bot"), "A bot"):
        bot = connect(token.get_secret_value() if token else "", house.settings.telegram_api_url)
        async with FrontDesk(house, {Telegram.channel: Telegram(bot)}) as desk:
            await _introduce(bot)
            print(f"Serving @{bot.username} on Telegram. Ctrl-C ends the house.", flush=True)  # noqa: T201 - a person started it
            menu = asyncio.create_task(keep_menu(bot, desk.menu))
            try:
                polling = Polling(bot, desk.take_in, desk.park, desk.tell_trouble)
                await together(polling.run(), *desk.services())
            finally:
                menu.cancel()


async def _introduce(bot: PollingBot) -> None:
    """Learn the bot's name, however long Telegram is away."""
    failures = 0
    while True:
        try:
            return await introduce(bot)
        except TelegramError as error:
            pause = growing_pause(failures, LONGEST_PAUSE)
            failures += 1
            log.warning("Telegram cannot be reached, the next try is in %.0f s: %s", pause, error)
            await asyncio.sleep(pause)

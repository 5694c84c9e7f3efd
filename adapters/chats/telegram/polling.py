"""Long polling in a loop of our own: an update is confirmed only when its message is on disk."""

import asyncio
import json
import logging
import os
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from telegram import Bot, BotCommand
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from adapters.chats.intake import first_problem, take_in, tell_full
from adapters.chats.telegram.updates import CHANNEL, User, to_message
from bot.chat_forms import Desk
from bot.errors import ConfigurationError
from bot.messages import IncomingMessage
from bot.pauses import growing_pause
from bot.ports import Json

POLL_SECONDS = 25  # then Telegram answers with nothing; a longer silence is a connection whose other end is gone
GRACE_SECONDS = 10
READ_SECONDS = 20  # then nobody knows whether a request was carried out
LONGEST_PAUSE = 30.0
WANTED = ["message", "edited_message", "callback_query"]
log = logging.getLogger(__name__)


class PollingBot(Bot):
    """The SDK's bot, and the updates as Telegram wrote them: one malformed update must not spoil the others."""

    async def raw_updates(self, offset: int | None) -> list[Json]:
        """Wait for updates; all before `offset` are confirmed. Raises TelegramError."""
        data = {"timeout": POLL_SECONDS, "offset": offset, "allowed_updates": WANTED}
        updates: list[Json] = await self._post("getUpdates", data, read_timeout=POLL_SECONDS + GRACE_SECONDS)
        return updates


def connect(token: str, api_url: str) -> PollingBot:
    """Return a bot that is not connected yet."""
    os.environ.setdefault("PTB_TIMEDELTA", "1")  # else the SDK warns at each 429 that a type is going to change
    return PollingBot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=HTTPXRequest(connection_pool_size=64, connect_timeout=10, read_timeout=READ_SECONDS, pool_timeout=30),
        get_updates_request=HTTPXRequest(connection_pool_size=1, connect_timeout=10, read_timeout=READ_SECONDS),
    )


class Polling:
    """Fetches updates for ever, whatever the network, Telegram and the disk do."""

    def __init__(self, bot: PollingBot, desk: Desk) -> None:
        self._bot = bot
        self._desk = desk
        self._releases: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Poll until cancelled."""
        me = User(id=self._bot.bot.id, is_bot=True, username=self._bot.username)
        offset: int | None = None
        failures = 0
        while True:
            try:
                updates = await self._bot.raw_updates(offset)
                # An offset confirms once and is then left out: after an idle week Telegram may start with lower ids.
                offset = await self._keep(updates, me)
                failures = 0
            except (TelegramError, SQLAlchemyError) as error:
                failures += 1
                await self._rest(error, failures)

    async def _keep(self, updates: list[Any], me: User) -> int | None:
        """Put a batch on disk and return the offset that confirms it."""
        messages = []
        for update in updates:
            try:
                message = to_message(update, me)
            except ValidationError as error:
                await self._desk.park(CHANNEL, json.dumps(update), first_problem(error))
            else:
                messages += [message] if message else []
        await take_in(self._desk, CHANNEL, messages)
        self._let_go(messages)
        numbers = [update["update_id"] for update in updates if _is_numbered(update)]
        if updates and not numbers:
            raise TelegramError("Telegram sent updates without numbers, which cannot be confirmed")
        return max(numbers) + 1 if numbers else None

    def _let_go(self, messages: Sequence[IncomingMessage]) -> None:
        """Let the buttons that were pressed come up again: what they did is said by a message."""
        for message in messages:
            if message.press:
                release = asyncio.create_task(self._release(message.id.partition(":")[2]))
                self._releases.add(release)
                release.add_done_callback(self._releases.discard)

    async def _release(self, press: str) -> None:
        try:
            await self._bot.answer_callback_query(press)
        except TelegramError as error:
            log.info("a button could not be released: %s", error)  # one that was pressed long ago

    async def _rest(self, error: Exception, failures: int) -> None:
        pause = growing_pause(failures - 1, LONGEST_PAUSE)
        if isinstance(error, RetryAfter):
            pause = float(error.retry_after) if isinstance(error.retry_after, int) else error.retry_after.total_seconds()
        elif isinstance(error, Conflict):
            await self._resolve_conflict(error)
        elif isinstance(error, InvalidToken):
            pause = LONGEST_PAUSE
        log.error("Telegram's updates could not be taken in, the next try is in %.0f s: %s", pause, error)
        if isinstance(error, SQLAlchemyError):
            await tell_full(self._desk, error)
        await asyncio.sleep(pause)

    async def _resolve_conflict(self, error: Conflict) -> None:
        if "webhook" in error.message:
            # The token was used with a webhook before; what waits there is kept.
            await self._bot.delete_webhook(drop_pending_updates=False)
            return
        await self._desk.tell_trouble(
            "conflict",
            "Another program fetches this bot's messages with the same token (Telegram says 409), so we take them away "
            "from each other. Stop the other one, or revoke the token with @BotFather.",
        )


def _is_numbered(update: Any) -> bool:  # noqa: ANN401 - whatever the vendor sent
    return isinstance(update, dict) and isinstance(update.get("update_id"), int)


async def introduce(bot: PollingBot) -> None:
    """Learn the bot's own name. Raises ConfigurationError when Telegram refuses the token."""
    try:
        await bot.initialize()
    except InvalidToken:
        raise ConfigurationError(
            "TELEGRAM_BOT_TOKEN: Telegram refuses this token. Get a new one from @BotFather with /token."
        ) from None


async def keep_menu(bot: PollingBot, commands: Sequence[tuple[str, str]]) -> None:
    """Bring the menu of commands that Telegram shows into step with the house's."""
    wanted = tuple(BotCommand(name, summary) for name, summary in commands)
    try:
        if await bot.get_my_commands() != wanted:
            await bot.set_my_commands(wanted)
    except TelegramError as error:
        log.warning("the menu of commands could not be set: %s", error)

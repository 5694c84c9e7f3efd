"""Receipts: the reaction that stands on a message while somebody works on it."""

import asyncio
import logging
import re

from adapters.chats.slack.web import Refused, Web
from bot.errors import DeliveryError, Doubtful, RetryLater

EYES = "eyes"
AGAIN_AFTER = 5.0  # seconds
_MESSAGE = re.compile(r"[CDG][A-Z0-9]+:[0-9]+\.[0-9]+")  # and no command, press or file
log = logging.getLogger(__name__)


class Receipts:
    """Puts receipts on messages and takes them away again."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._standing: set[str] = set()  # also those of which it is not known
        self._refused = False  # the app may not react, which would be said of each message
        self._tidying: set[asyncio.Task[None]] = set()

    async def put(self, message: str) -> None:
        """Put a receipt on a message. Raises DeliveryError."""
        if self._refused or message in self._standing or not _MESSAGE.fullmatch(message):
            return
        self._standing.add(message)
        place, _, ts = message.partition(":")
        try:
            await self._web.call("reactions.add", place, channel=place, timestamp=ts, name=EYES)
        except Doubtful:
            raise
        except DeliveryError as error:
            code = error.code if isinstance(error, Refused) else ""
            if code == "already_reacted":
                return
            self._standing.discard(message)
            self._refused |= code == "missing_scope"
            raise

    async def take_away(self, message: str) -> None:
        """Take a receipt away, later if it cannot be done at once. Raises DeliveryError."""
        if message not in self._standing:
            return
        self._standing.discard(message)
        try:
            await self._remove(message)
        except (RetryLater, Doubtful) as error:
            task = asyncio.ensure_future(self._remove_later(message, error))  # nobody asks a second time
            self._tidying.add(task)
            task.add_done_callback(self._tidying.discard)

    async def _remove(self, message: str) -> None:
        place, _, ts = message.partition(":")
        try:
            await self._web.call("reactions.remove", place, channel=place, timestamp=ts, name=EYES)
        except Refused as error:
            if error.code != "no_reaction":
                raise

    async def _remove_later(self, message: str, trouble: DeliveryError | None) -> None:
        while trouble is not None:
            asked = trouble.wait if isinstance(trouble, RetryLater) else None
            await asyncio.sleep(asked or AGAIN_AFTER)
            trouble = None
            try:
                if message not in self._standing:
                    await self._remove(message)
            except (RetryLater, Doubtful) as error:
                trouble = error
            except DeliveryError as error:
                log.info("a receipt stays: %s", error)

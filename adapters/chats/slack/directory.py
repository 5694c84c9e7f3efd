"""The directory: what Slack's events leave out about people, asked once and remembered."""

import asyncio
import logging
from dataclasses import dataclass

from adapters.chats.slack.chat import Slack
from adapters.chats.slack.events import FOREIGN, OTHER_BOT
from adapters.chats.slack.web import Refused, Web
from bot.errors import DeliveryError
from bot.messages import IncomingMessage, Sender

SECONDS = 1.5  # an envelope must be acknowledged within three
GUEST = "a guest of the workspace"
UNKNOWN = "somebody of whom Slack does not tell whether they are a guest"
MOST = 10_000
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Entry:
    name: str
    outsider: str


class Directory:
    """People by their ids."""

    def __init__(self, web: Web, chat: Slack) -> None:
        self._web = web
        self._chat = chat
        self._entries: dict[str, _Entry] = {}
        self._asking: dict[str, asyncio.Task[_Entry]] = {}  # of many messages at once each would ask

    async def complete(self, message: IncomingMessage) -> IncomingMessage:
        """Return a message with its sender's name and standing, and with the chat in which a command is answered."""
        sender, address = message.sender, message.address
        user = sender.id.rpartition("/")[2]
        if user.startswith(("U", "W")):
            entry = await self._entry(user)
            changes = {"name": entry.name, "outsider": sender.outsider or entry.outsider}
            sender = Sender.model_validate({**sender.model_dump(), **changes})
        if address.chat == user:
            address = address.model_copy(update={"chat": await self._home(user)})
        return message.model_copy(update={"sender": sender, "address": address})

    async def name(self, user: str) -> str:
        """Return somebody's name, or the id where Slack does not tell."""
        return (await self._entry(user)).name or user

    async def _entry(self, user: str) -> _Entry:
        if user in self._entries:
            return self._entries[user]
        if user not in self._asking:
            self._asking[user] = asyncio.ensure_future(self._ask(user))
            self._asking[user].add_done_callback(lambda _: self._asking.pop(user))
        return await self._asking[user]

    async def _ask(self, user: str) -> _Entry:
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._web.call("users.info", form=True, user=user)
        except (DeliveryError, TimeoutError) as error:
            log.info("nothing is known about %s: %s", user, error)
            refused = isinstance(error, Refused) and error.code == "missing_scope"
            return _Entry(user, UNKNOWN) if refused else _Entry("", "")
        if len(self._entries) >= MOST:
            self._entries.clear()
        self._entries[user] = _read(answer["user"])
        return self._entries[user]

    async def _home(self, user: str) -> str:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._chat.home(user)
        except (DeliveryError, TimeoutError) as error:
            log.warning("the direct messages with %s cannot be opened: %s", user, error)
            return user


def _read(user: dict[str, object]) -> _Entry:
    profile = user.get("profile")
    names = profile if isinstance(profile, dict) else {}
    name = names.get("display_name") or names.get("real_name") or user.get("real_name") or user.get("name") or ""
    outsider = FOREIGN if user.get("is_stranger") else ""
    if user.get("is_bot") or user.get("is_workflow_bot"):
        outsider = OTHER_BOT
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        outsider = GUEST
    return _Entry(str(name), outsider)

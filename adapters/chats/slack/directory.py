"""The directory: what Slack's events leave out about people, asked once and remembered."""

import asyncio
import logging
from dataclasses import dataclass

from adapters.chats.slack.chat import Slack
from adapters.chats.slack.events import FOREIGN, OTHER_BOT, Me
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

    def __init__(self, web: Web, chat: Slack, me: Me) -> None:
        self._web = web
        self._chat = chat
        self._me = me
        self._entries: dict[str, _Entry] = {}
        self._asking: dict[str, asyncio.Task[_Entry]] = {}  # of many messages at once each would ask

    async def complete(self, message: IncomingMessage) -> IncomingMessage:
        """Return a message with its sender's name and standing, and with the chat in which a command is answered."""
        sender, address = message.sender, message.address
        user = sender.id.rpartition("/")[2]
        is_command = address.chat == user
        known = self._entries.get(user)
        if known is not None and not is_command:
            entry, home = known, ""
        else:
            entry, home = await asyncio.gather(
                self._entry(user) if user.startswith(("U", "W")) else _nobody(), self._home(user) if is_command else _nowhere()
            )
        changes = {"name": entry.name or sender.name, "outsider": sender.outsider or entry.outsider}
        sender = Sender.model_validate({**sender.model_dump(), **changes})
        if is_command:
            address = address.model_copy(update={"chat": home})
        return message.model_copy(update={"sender": sender, "address": address})

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
            # Of a person who is known this changes nothing; nobody else is taken in whom Slack does not vouch for.
            return _Entry(user if isinstance(error, Refused) else "", UNKNOWN)
        found = answer.get("user")
        if not isinstance(found, dict) or not found.get("id"):
            log.warning("Slack's answer tells nothing about %s", user)
            return _Entry("", UNKNOWN)
        if len(self._entries) >= MOST:
            self._entries.clear()
        self._entries[user] = self._read(found)
        return self._entries[user]

    async def _home(self, user: str) -> str:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._chat.home(user)
        except (DeliveryError, TimeoutError) as error:
            log.warning("the direct messages with %s cannot be opened: %s", user, error)
            return user

    def _read(self, user: dict[str, object]) -> _Entry:
        profile = user.get("profile")
        names = profile if isinstance(profile, dict) else {}
        name = names.get("display_name") or names.get("real_name") or user.get("real_name") or user.get("name") or ""
        outsider = FOREIGN if user.get("is_stranger") or not self._is_of_here(user) else ""
        if user.get("is_bot") or user.get("is_workflow_bot"):
            outsider = OTHER_BOT
        if user.get("is_restricted") or user.get("is_ultra_restricted"):
            outsider = GUEST
        return _Entry(str(name), outsider)

    def _is_of_here(self, user: dict[str, object]) -> bool:
        """Tell whether somebody belongs to the workspace, in an organisation perhaps by way of another one of it."""
        grid = user.get("enterprise_user")
        teams = grid.get("teams") if isinstance(grid, dict) else None
        team = user.get("team_id") or self._me.team
        return team in (self._me.team, self._me.enterprise) or (isinstance(teams, list) and self._me.team in teams)


async def _nobody() -> _Entry:
    return _Entry("", "")


async def _nowhere() -> str:
    return ""

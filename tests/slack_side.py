"""The bot's side of Slack: the real chat, its delivery and its service, against a double, without the processes around them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar

from aiohttp import web
from pydantic import SecretStr

from adapters.chats.slack.chat import Slack
from adapters.chats.slack.events import CHANNEL
from adapters.chats.slack.form import SlackSettings
from adapters.chats.slack.service import SlackService
from adapters.chats.slack.web import Web
from bot.delivery import Delivery
from bot.messages import Address, IncomingMessage
from bot.presence import Presences
from bot.store.async_database import AsyncDatabase
from tests.loopback import Loopback
from tests.room import Room
from tests.slack_server import SlackServer

PATIENCE = 30.0
T = TypeVar("T")
ADA = Address(channel=CHANNEL, chat="DU1")
BEN = Address(channel=CHANNEL, chat="DU2")


def thread(ts: str, channel: str = "C1") -> Address:
    """Return the address of a thread in a channel."""
    return Address(channel=CHANNEL, chat=channel, thread=ts, private=False)


@contextmanager
def workspace() -> Iterator[SlackServer]:
    """Run a workspace with Ada and Ben, and a channel with both."""
    with SlackServer() as server:
        server.channel("C1").takes_in(server.person("U1", "Ada"), server.person("U2", "Ben"))
        yield server


class Side:
    """The chat, and what its owners are told."""

    def __init__(self, api_url: str, token: str) -> None:
        self.web = Web(token, api_url)
        self.web.tell = self._tell
        self.chat = Slack(self.web)
        self.told: list[tuple[str, str]] = []

    async def _tell(self, key: str, text: str) -> None:
        self.told.append((key, text))


@asynccontextmanager
async def side_of(server: SlackServer) -> AsyncIterator[Side]:
    """Give the bot's side, as it is after a start."""
    side = Side(server.api_url, server.bot_token)
    try:
        yield side
    finally:
        await side.web.close()


def drive(server: SlackServer, script: Callable[[Side], Awaitable[T]]) -> T:
    """Let a script use the chat."""

    async def run() -> T:
        async with side_of(server) as side, asyncio.timeout(PATIENCE):
            return await script(side)

    return asyncio.run(run())


def deliver(room: Room, server: SlackServer, is_done: Callable[[], bool]) -> None:
    """Deliver what is in a room's outbox, by the time of the world, until something is so."""

    async def run() -> None:
        async with side_of(server) as side:
            with ThreadPoolExecutor(4) as threads:
                database, chats = AsyncDatabase(room.database, threads), {CHANNEL: side.chat}
                delivery = Delivery(database, chats, Presences(database, chats, room.clock), lambda: datetime.now(UTC))
                task = asyncio.create_task(delivery.run())
                try:
                    async with asyncio.timeout(PATIENCE):
                        while not is_done():
                            await asyncio.sleep(0.01)
                finally:
                    task.cancel()
                    await asyncio.wait([task])
                    await delivery.finish()

    asyncio.run(run())


def present(room: Room, server: SlackServer, script: Callable[[Side, Presences, Delivery], Awaitable[None]]) -> None:
    """Let a script show a room's turns and deliver their answers, by the time of the world."""

    async def run() -> None:
        async with side_of(server) as side, asyncio.timeout(PATIENCE):
            with ThreadPoolExecutor(4) as threads:
                database, chats = AsyncDatabase(room.database, threads), {CHANNEL: side.chat}
                presences = Presences(database, chats, room.clock)
                delivery = Delivery(database, chats, presences, lambda: datetime.now(UTC))
                try:
                    await script(side, presences, delivery)
                finally:
                    await delivery.finish()

    asyncio.run(run())


class Oddity(Loopback):
    """A server that answers everything with the same body, or with the status 0 never, as what stands beside Slack may."""

    def __init__(self, status: int, kind: str, body: str) -> None:
        super().__init__()
        self._answer = (status, kind, body)
        self.asked = 0

    def routes(self) -> list[web.RouteDef]:
        """Return the one route."""
        return [web.route("*", "/{path:.*}", self._say)]

    async def _say(self, request: web.Request) -> web.Response:
        del request
        self.asked += 1
        if not self._answer[0]:
            await asyncio.Event().wait()
        status, kind, body = self._answer
        return web.Response(status=status, content_type=kind, text=body)


class Desk:
    """Takes in what a service hands it, each gesture once, and can be told to wait and to fail."""

    menu: Sequence[tuple[str, str]] = (("help", "helps"), ("status", "tells"), ("memory", "remembers"))
    butlers: Sequence[str] = ("assistant",)

    def __init__(self) -> None:
        self.taken: dict[str, IncomingMessage] = {}
        self.came = 0  # with what came again
        self.parked: list[str] = []
        self.told: list[tuple[str, str]] = []
        self.failures: list[Exception] = []
        self.unread: datetime | None = None
        self.restored: datetime | None = None
        self.open = asyncio.Event()
        self.open.set()

    @property
    def texts(self) -> list[str]:
        """The texts that were taken in, in their order."""
        return [message.text for message in self.taken.values()]

    async def take_in(self, messages: Sequence[IncomingMessage]) -> None:
        """Take messages in."""
        await self.open.wait()
        if self.failures:
            raise self.failures.pop()
        self.came += len(messages)
        for message in messages:
            self.taken.setdefault(message.id, message)

    async def park(self, channel: str, payload: str, error: str) -> None:
        """Park a payload."""
        self.parked.append(f"{channel}: {payload}: {error}")

    async def tell_trouble(self, key: str, text: str) -> None:
        """Tell an owner."""
        self.told.append((key, text))

    async def newest(self, channel: str) -> dict[tuple[str, str], str]:
        """Return the newest message of each place, as the house's database does."""
        assert channel == CHANNEL
        kept = [message for message in self.taken.values() if not message.press]
        return {(message.address.chat, message.address.thread): message.native_id for message in kept}

    async def known(self, channel: str, ids: Sequence[str]) -> set[str]:
        """Return which of these are kept."""
        assert channel == CHANNEL
        return set(ids) & set(self.taken)

    async def unread_since(self, channel: str) -> datetime | None:
        """Return the gap that is open, if one is."""
        assert channel == CHANNEL
        return self.unread

    async def note_unread(self, channel: str, since: datetime | None) -> None:
        """Open or close a gap."""
        assert channel == CHANNEL
        self.unread = since

    async def restored_at(self) -> datetime | None:
        """Return when the house was restored, if it was."""
        return self.restored


def settings_of(server: SlackServer) -> SlackSettings:
    """Return the settings with which a workspace is served."""
    bot, app = SecretStr(server.bot_token), SecretStr(server.app_token)
    given = {"SLACK_BOT_TOKEN": bot, "SLACK_APP_TOKEN": app, "SLACK_API_URL": server.api_url}
    return SlackSettings.model_validate(given)


def serve(server: SlackServer, desk: Desk, script: Callable[[SlackService], Awaitable[None]]) -> None:
    """Serve a workspace while a script runs."""

    async def run() -> None:
        service = SlackService(settings_of(server))
        serving: asyncio.Task[None] | None = None
        try:
            await service.introduce()
            serving = asyncio.create_task(service.serve(desk))
            scripted = asyncio.ensure_future(script(service))
            await asyncio.wait([serving, scripted], return_when=asyncio.FIRST_COMPLETED, timeout=2 * PATIENCE)
            assert scripted.done(), serving.exception() if serving.done() else "the script does not end"
            scripted.result()
        finally:
            if serving is not None:
                serving.cancel()
                with suppress(asyncio.CancelledError):
                    await serving
            await service.close()

    asyncio.run(run())


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)

"""A plain client of Slack for the tests of its double, which sends just what it is told."""

from __future__ import annotations

import asyncio
import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from aiohttp import ClientSession
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.slack_server import SlackServer

FORM = "application/x-www-form-urlencoded"
PATIENCE = 20.0
PING_EVERY = 0.2
LOOKS_AGAIN_AFTER = 0.005


class Answer(NamedTuple):
    """What the server has answered."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """The answer as an object."""
        decoded: dict[str, Any] = json.loads(self.text)
        return decoded

    @property
    def error(self) -> str:
        """Why the call was refused, empty if it was not."""
        return str(self.body.get("error", ""))


def send(url: str, body: bytes | str | None = None, verb: str = "POST", **headers: str) -> Answer:
    """Send one request and return its answer; ConnectionError if the connection is closed without one."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(verb, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read().decode())
    finally:
        connection.close()


def ask(server: SlackServer, method: str, **params: object) -> Answer:
    """Call a method with a form, in which whatever is not a text stands as JSON."""
    token = server.app_token if method.startswith("apps.") else server.bot_token
    written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    return send(server.api_url + method, urlencode(written), Content_Type=FORM, Authorization=f"Bearer {token}")


def post(server: SlackServer, **params: object) -> str:
    """Post a message and return its timestamp."""
    answer = ask(server, "chat.postMessage", **params)
    assert answer.body["ok"], answer
    return str(answer.body["ts"])


def drive(server: SlackServer, act: Callable[[AsyncWebClient], Awaitable[None]], token: str | None = None) -> None:
    """Let the real client library act, which tries nothing again."""

    async def run() -> None:
        async with ClientSession() as session:
            client = AsyncWebClient(token or server.bot_token, server.api_url, session=session, retry_handlers=[])
            await act(client)

    asyncio.run(run())


class Listener:
    """The real socket client, which acknowledges everything and keeps it."""

    def __init__(self, server: SlackServer) -> None:
        web = AsyncWebClient(base_url=server.api_url, retry_handlers=[])
        self.client = SocketModeClient(server.app_token, web_client=web, ping_interval=PING_EVERY)
        self.client.socket_mode_request_listeners.append(self._take)
        self.received: list[SocketModeRequest] = []
        self.answer: dict[str, Any] | None = None  # what it answers with to commands

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.received.append(request)
        answer = self.answer if request.accepts_response_payload else None
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, answer))


async def until(predicate: Callable[[], bool]) -> None:
    """Wait until the predicate holds, without blocking the loop."""
    async with asyncio.timeout(PATIENCE):
        while not predicate():
            await asyncio.sleep(LOOKS_AGAIN_AFTER)


def listen(server: SlackServer, act: Callable[[Listener], Awaitable[None]]) -> None:
    """Let the real socket client listen while something is done."""

    async def run() -> None:
        listener = Listener(server)
        try:
            await listener.client.connect()  # type: ignore[no-untyped-call]
            await act(listener)
        finally:
            await listener.client.close()  # type: ignore[no-untyped-call]

    asyncio.run(run())

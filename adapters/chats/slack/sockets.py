"""Socket Mode: a connection that goes outwards, and the envelopes that come over it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic, time
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.pauses import growing_pause

PING_EVERY = 5.0  # seconds; a connection that answers no ping for four of them is half-open, and is made anew
LOOKS_EVERY = 1.0
TICKET_LASTS = 10.0  # seconds that a connection may take to come up before a new ticket is fetched for it
TROUBLE_AFTER = 60.0
LONGEST_PAUSE = 30.0
Take = Callable[[Any], Awaitable[dict[str, str] | None]]
log = logging.getLogger(__name__)


class _Client(SocketModeClient):
    """The SDK's client, which tells when it is connected and why it is not."""

    refusal = ""
    refusals = 0  # in a row
    connections = 0
    attempt: "asyncio.Future[None] | None" = None
    tries_again_at = 0.0
    good_at = 0.0  # when a connection was last known to be good, in seconds since 1970
    on_connected: "Callable[[float], object] | None" = None

    async def issue_new_wss_url(self) -> str:
        """Fetch a ticket, less and less often while there is none, and remember why."""
        if self.refusals:
            await asyncio.sleep(growing_pause(self.refusals - 1, LONGEST_PAUSE))
        self.refusals += 1
        try:
            url = await super().issue_new_wss_url()
        except SlackApiError as error:
            self.refusal = str(error.response.get("error") or error)
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.refusal = str(error) or type(error).__name__
            raise
        self.refusal, self.refusals = "", 0
        return url

    async def connect(self) -> None:
        """Connect, and count it."""
        await super().connect()  # type: ignore[no-untyped-call] # the SDK's own
        self.connections += 1
        if self.on_connected is not None:
            self.on_connected(self.good_at)  # before anything that comes over it is looked at
        self.good_at = time()

    async def hurry(self) -> None:
        """Let no attempt take longer than a moment: the SDK would wait five minutes for an answer."""
        await self.aiohttp_client_session.close()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=TICKET_LASTS / 2, sock_read=TICKET_LASTS)
        self.aiohttp_client_session = aiohttp.ClientSession(timeout=timeout)

    def connect_soon(self) -> None:
        """Begin to connect, unless that is under way or was tried just now; nobody waits for it."""
        is_trying = self.connect_operation_lock.locked() or not (self.attempt is None or self.attempt.done())
        if not is_trying and monotonic() >= self.tries_again_at:
            self.tries_again_at = monotonic() + LOOKS_EVERY
            self.attempt = asyncio.ensure_future(_reconnect(self))

    async def close(self) -> None:
        """Close the connection and every attempt at one."""
        if self.attempt is not None:
            self.attempt.cancel()
        await super().close()  # type: ignore[no-untyped-call] # the SDK's own


class Sockets:
    """Keeps one connection to Slack and hands on what comes over it, in the order in which it comes."""

    def __init__(self, web: AsyncWebClient, app_token: str, take: Take) -> None:
        self._web = web
        self._app_token = app_token
        self._take = take

    async def run(
        self,
        me: AuthorizeResult,
        on_connected: Callable[[float], object],
        on_trouble: Callable[[str], Awaitable[None]],
    ) -> None:
        """Serve until cancelled.

        `on_connected` is called after each new connection, since something may have been missed, with the time at which the
        one before was last known to be good, in seconds since 1970; 0 for the first.
        """
        client = _Client(
            self._app_token, logger=_silent("slack_sdk.socket_mode"), web_client=self._web, ping_interval=PING_EVERY
        )
        await client.hurry()
        client.on_connected = on_connected
        app = self._app(me)

        async def answer(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
            await send_async_response(client, request, await run_async_bolt_app(app, request), time())

        client.socket_mode_request_listeners.append(answer)
        try:
            await self._watch(client, on_trouble)
        finally:
            await client.close()

    async def _watch(
        self,
        client: _Client,
        on_trouble: Callable[[str], Awaitable[None]],
    ) -> None:
        lost_at, tried_at, told = monotonic(), monotonic(), False
        while True:
            await asyncio.sleep(LOOKS_EVERY if client.connections else LOOKS_EVERY / 50)
            now = monotonic()
            if await client.is_connected():
                lost_at, tried_at, told = now, now, False
                client.good_at = client.last_ping_pong_time or client.good_at or time()
                continue
            if now - tried_at >= TICKET_LASTS:
                tried_at = now
                client.wss_uri = None  # a ticket admits once: the SDK would try the same one for ever
            client.connect_soon()  # the SDK itself would look again only after some seconds, and never for the first time
            if now - lost_at >= TROUBLE_AFTER and not told:
                told = True
                await on_trouble(client.refusal or "no connection comes up")

    def _app(self, me: AuthorizeResult) -> AsyncApp:
        """Return an app whose one step takes everything, and lets it be acknowledged when that has returned."""

        async def authorize(**_: object) -> AuthorizeResult:
            return me

        app = AsyncApp(
            logger=_silent("slack_bolt"),
            client=self._web,
            authorize=authorize,
            process_before_response=True,
            request_verification_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            ignoring_self_events_enabled=False,
            attaching_function_token_enabled=False,
        )

        async def take(req: AsyncBoltRequest) -> BoltResponse:
            answer = await self._take(req.body)
            return BoltResponse(status=200, body=answer or "")

        app.middleware(take)
        return app


async def _reconnect(client: _Client) -> None:
    try:
        await client.connect_to_new_endpoint()
    except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
        log.warning("Slack cannot be reached: %s", error)


def _silent(name: str) -> logging.Logger:
    """Return a log for the SDK, which takes each closed connection for an error, and what we do on purpose for a mistake."""
    silent = logging.getLogger(name)
    silent.setLevel(logging.CRITICAL)
    return silent

"""The sockets of Socket Mode: who is connected, what is sent to whom, and what was acknowledged when."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn

from aiohttp import WSMsgType, web

from tests.slack_params import JsonObject, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_SOCKETS = 10
ACK_WITHIN = 3.0
RETRY_DELAYS = (0.0, 60.0, 300.0)
EVENTS, SLASH, INTERACTIVE = "events_api", "slash_commands", "interactive"
CONNECTION_TIME = 18_060
LOOKS_AGAIN_AFTER = 0.005
CLOSES_WITHIN = 1.0


@dataclass(eq=False, slots=True)
class SlackEnvelope:
    """Something that was sent to the app, as often as it took."""

    type: str
    payload: JsonObject
    made_at: float = field(default_factory=monotonic)
    envelope_ids: list[str] = field(default_factory=list)  # each attempt has its own
    attempts: list[float] = field(default_factory=list)
    acked_at: float | None = None
    ack_payload: object = None
    is_lost: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def sent_at(self) -> float | None:
        """When it was sent for the first time."""
        return self.attempts[0] if self.attempts else None

    @property
    def accepts_response_payload(self) -> bool:
        """Whether the acknowledgement may carry an answer."""
        return self.type != EVENTS

    @property
    def event(self) -> JsonObject:
        """The event that it carries, empty if it carries none."""
        found: JsonObject = self.payload.get("event", {})
        return found


@dataclass(eq=False, slots=True)
class Link:
    """One socket of the app."""

    socket: web.WebSocketResponse
    transport: asyncio.BaseTransport | None
    is_frozen: bool = False


class Sockets:
    """The sockets of one app; used in the server's thread only."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.app_id = ""
        self.ack_within = ACK_WITHIN
        self.retry_delays: tuple[float, ...] = RETRY_DELAYS
        self.links: list[Link] = []
        self.tickets: set[str] = set()
        self.opened = 0
        self.envelopes: list[SlackEnvelope] = []
        self.protocol_errors: list[str] = []
        self._sent: dict[str, SlackEnvelope] = {}
        self._acked: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = 0

    def ticket(self) -> str:
        """Return what opens one socket, one time."""
        ticket = token_hex(16)
        self.tickets.add(ticket)
        return ticket

    def send(self, kind: str, payload: JsonObject) -> SlackEnvelope:
        """Send something to the app, and again if it does not acknowledge."""
        envelope = SlackEnvelope(kind, payload)
        self.envelopes.append(envelope)
        self._start(self._deliver(envelope), envelope)
        self._changed()
        return envelope

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it ends."""
        ticket = request.query.get("ticket", "")
        if ticket not in self.tickets or request.query.get("app_id") != self.app_id:
            return web.Response(status=403, text="invalid ticket")
        self.tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False, autoclose=False, timeout=CLOSES_WITHIN)
        await socket.prepare(request)
        if len(self.links) >= MOST_SOCKETS:
            await socket.send_str(to_json({"type": "disconnect", "reason": "too_many_websockets"}))
            await socket.close()
            return socket
        link = Link(socket, request.transport)
        try:
            self.links.append(link)
            await socket.send_str(to_json(self._hello()))
            self.opened += 1
            self._changed()
            await self._listen(link)
        finally:
            self._forget(link)
        return socket

    def drop(self) -> None:
        """Cut every socket's connection without a word."""
        for link in self.links.copy():
            self._forget(link)
            if isinstance(link.transport, asyncio.WriteTransport):
                link.transport.abort()

    def freeze(self) -> None:
        """Neither send nor answer anything any more on the sockets that are open now."""
        for link in self.links:
            link.is_frozen = True

    def close(self, reason: str, after: float) -> None:
        """Ask the app to reconnect, and close its sockets after some seconds."""
        for link in self.links.copy():
            self._forget(link)
            self._start(_part(link, reason, after))

    def _hello(self) -> JsonObject:
        debug = {"host": "applink-1", "build_number": 1, "approximate_connection_time": CONNECTION_TIME}
        connection = {"app_id": self.app_id}
        return {"type": "hello", "num_connections": len(self.links), "debug_info": debug, "connection_info": connection}

    def _forget(self, link: Link) -> None:
        if link in self.links:
            self.links.remove(link)
            self._changed()

    def _start(self, work: Any, envelope: SlackEnvelope | None = None) -> None:
        try:
            task = asyncio.get_running_loop().create_task(work)
        except RuntimeError:  # the vendor is down, and nothing reaches the app
            work.close()
            if envelope is not None:
                envelope.is_lost = True
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, envelope: SlackEnvelope) -> None:
        # Only events are sent again: whoever presses or commands is told that it failed.
        delays = (0.0, *self.retry_delays) if envelope.type == EVENTS else (0.0,)
        tried: list[Link] = []
        for attempt, delay in enumerate(delays):
            await asyncio.sleep(delay)
            if await self._is_delivered(envelope, attempt, tried):
                return
        envelope.is_lost = True
        self._changed()

    async def _is_delivered(self, envelope: SlackEnvelope, attempt: int, tried: list[Link]) -> bool:
        deadline = monotonic() + self.ack_within
        while not self.links and monotonic() < deadline:
            await asyncio.sleep(LOOKS_AGAIN_AFTER)
        if not self.links:
            return False
        choice = [link for link in self.links if link not in tried] or self.links
        self._turn += 1
        link = choice[self._turn % len(choice)]
        tried.append(link)
        envelope_id = token_hex(16)
        envelope.envelope_ids.append(envelope_id)
        envelope.attempts.append(monotonic())
        self._sent[envelope_id] = envelope
        try:
            if not link.is_frozen:
                await link.socket.send_str(to_json(_wrapped(envelope, envelope_id, attempt)))
            self._changed()
            await asyncio.wait_for(envelope.answered.wait(), self.ack_within)
        except (ConnectionError, TimeoutError):
            return envelope.answered.is_set()
        return True

    async def _listen(self, link: Link) -> None:
        while True:
            message = await link.socket.receive()
            if link.is_frozen:
                if message.type not in {WSMsgType.TEXT, WSMsgType.PING, WSMsgType.PONG}:
                    await _never()
            elif message.type is WSMsgType.PING:
                await link.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._take(message.data)
                self._changed()
            elif message.type is not WSMsgType.PONG:
                await link.socket.close()
                return

    def _take(self, text: str) -> None:
        try:
            answer = json.loads(text)
        except ValueError:
            self.protocol_errors.append(f"no JSON: {text}")
            return
        if not isinstance(answer, dict) or not isinstance(answer.get("envelope_id"), str):
            self.protocol_errors.append(f"no envelope_id: {text}")
            return
        envelope_id = answer["envelope_id"]
        envelope = self._sent.get(envelope_id)
        if envelope is None:
            self.protocol_errors.append(f"unknown envelope_id: {envelope_id}")
            return
        if not answer.keys() <= {"envelope_id", "payload"}:
            self.protocol_errors.append(f"unknown fields: {text}")
        if envelope_id in self._acked:
            self.protocol_errors.append(f"acknowledged twice: {envelope_id}")
        if answer.get("payload") is not None and not envelope.accepts_response_payload:
            self.protocol_errors.append(f"an answer to an event: {text}")
        self._acked.add(envelope_id)
        if envelope.acked_at is None:
            envelope.acked_at = monotonic()
            envelope.ack_payload = answer.get("payload")
        envelope.answered.set()


def _wrapped(envelope: SlackEnvelope, envelope_id: str, attempt: int) -> JsonObject:
    return {
        "envelope_id": envelope_id,
        "payload": envelope.payload,
        "type": envelope.type,
        "accepts_response_payload": envelope.accepts_response_payload,
        "retry_attempt": attempt,
        "retry_reason": "timeout" if attempt else "",
    }


async def _part(link: Link, reason: str, after: float) -> None:
    try:
        if not link.is_frozen:
            farewell = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
            await link.socket.send_str(to_json(farewell))
        await asyncio.sleep(after)
        await link.socket.close()
    except ConnectionError:
        pass  # the app was faster


async def _never() -> NoReturn:
    """Wait until the app goes or the server stops, either of which cancels the socket."""
    await asyncio.Event().wait()
    raise AssertionError

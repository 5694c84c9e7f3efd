"""Tests of the faults of Slack's double: each does what its name says, and is counted."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, ServerDisconnectedError, WSMsgType
from slack_sdk.web.async_client import AsyncWebClient

from tests.slack_client import Listener, ask, drive, listen, post, until
from tests.slack_server import SlackServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aiohttp import ClientWebSocketResponse


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """Return a running server with two people, U1 and U2."""
    with SlackServer() as running:
        running.person("U1")
        running.person("U2", "Eve")
        yield running


def _plug(server: SlackServer, act: Callable[[ClientWebSocketResponse], Awaitable[None]]) -> None:
    """Open a plain socket, which acknowledges nothing of itself, read its greeting, and do something."""

    async def run() -> None:
        url = ask(server, "apps.connections.open").body["url"]
        async with ClientSession() as session, session.ws_connect(url, autoping=False) as socket:
            assert (await socket.receive_json())["type"] == "hello"
            await act(socket)

    asyncio.run(run())


def test_fails_as_often_as_told(server: SlackServer) -> None:
    """A method fails without effect the given number of times, in the given way, and then works."""
    server.fail("chat.postMessage", times=2)
    server.fail("chat.postMessage", retry_after=9)
    server.fail("*", error="fatal_error", needed="luck")
    assert ask(server, "auth.test").body == {"ok": False, "error": "fatal_error", "needed": "luck"}
    for _ in range(2):
        assert ask(server, "chat.postMessage", channel="DU1", text="x").error == "internal_error"
    slowed = ask(server, "chat.postMessage", channel="DU1", text="x")
    assert (slowed.status, slowed.headers["Retry-After"], slowed.error) == (429, "9", "ratelimited")
    assert (server.messages("DU1"), server.early_calls) == ([], 0)
    assert ask(server, "chat.postMessage", channel="DU1", text="x").body["ok"]
    assert (server.faults, server.early_calls) == ({"fail": 4}, 1)
    assert server.refusals == []


def test_loses_answers_after_the_effect(server: SlackServer) -> None:
    """The message is there although no answer came; the SDK's own retries would write it twice."""
    server.lose_answers("chat.postMessage", share=1.0, seed=1)

    async def careful(client: AsyncWebClient) -> None:
        with pytest.raises(ServerDisconnectedError):
            await client.chat_postMessage(channel="DU1", text="lost")

    async def careless(_: AsyncWebClient) -> None:
        with pytest.raises(ServerDisconnectedError):
            await AsyncWebClient(server.bot_token, server.api_url).chat_postMessage(channel="DU2", text="twice")

    drive(server, careful)
    drive(server, careless)
    assert server.person("U1").sees() == ["lost"]
    assert server.person("U2").sees() == ["twice", "twice"]
    assert server.faults == {"lose_answers": 3}


def test_delays_and_hangs(server: SlackServer) -> None:
    """A delayed method waits; one that hangs is neither carried out nor answered."""
    server.delay("auth.test", 0.1)
    began = monotonic()
    ask(server, "auth.test")
    assert monotonic() - began >= 0.1
    server.hang("chat.postMessage")
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(ask, server, "chat.postMessage", channel="DU1", text="void")
        server.wait_until(lambda: server.faults["hang"] == 1, 5, "the call that hangs")
        post(server, channel="DU1", text="x")
        assert not hanging.done()
        server.stop()
        with pytest.raises(ConnectionError):
            hanging.result(5)
    assert server.person("U1").sees() == ["x"]


def test_floods_one_channel_and_counts_the_impatient(server: SlackServer) -> None:
    """A flooded channel refuses chat.* until its time is over; only calls after the warning are early."""
    server.flood("DU1", 30)
    warned = ask(server, "chat.postMessage", channel="DU1", text="x")
    assert (warned.status, warned.headers["Retry-After"], server.early_calls) == (429, "30", 0)
    assert ask(server, "chat.postMessage", channel="DU2", text="x").body["ok"]
    assert ask(server, "chat.update", channel="DU1", ts="1", text="x").status == 429
    assert (server.early_calls, server.faults) == (1, {"flood": 2})


def test_limits_are_those_of_slack(server: SlackServer) -> None:
    """With limits, a channel takes a burst of messages and then one a second."""
    server.limits = True
    statuses = [ask(server, "chat.postMessage", channel="DU1", text="x").status for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert ask(server, "chat.postMessage", channel="DU2", text="x").status == 200


def test_is_unavailable_revoked_or_old_fashioned(server: SlackServer) -> None:
    """Slack may be down, take the token away, or know neither Markdown nor streams."""
    server.unavailable = True
    assert ask(server, "auth.test").status == 503
    server.unavailable = False
    server.revoke_token()
    assert ask(server, "auth.test").error == "token_revoked"
    assert ask(server, "apps.connections.open").error == "token_revoked"
    server.restore_token()
    server.refuse_markdown = server.refuse_streams = server.refuse_sockets = True
    assert ask(server, "chat.postMessage", channel="DU1", markdown_text="x").error == "invalid_arguments"
    block = {"type": "markdown", "text": "x"}
    assert ask(server, "chat.postMessage", channel="DU1", blocks=[block]).error == "invalid_arguments"
    assert ask(server, "chat.postMessage", channel="DU1", text="x").body["ok"]
    assert ask(server, "chat.startStream", channel="DU1").error == "unknown_method"
    assert ask(server, "apps.connections.open").error == "internal_error"
    assert server.refusals == []


def test_a_ticket_opens_one_socket(server: SlackServer) -> None:
    """The address of a socket works one time only, and the greeting tells how many sockets there are."""

    async def act(_: ClientWebSocketResponse) -> None:
        url = ask(server, "apps.connections.open").body["url"]
        async with ClientSession() as session, session.ws_connect(url) as socket:
            assert (await socket.receive_json())["num_connections"] == 2
            async with session.get(url.replace("ws", "http", 1)) as refused:
                assert refused.status == 403

    _plug(server, act)


def test_ten_sockets_are_enough(server: SlackServer) -> None:
    """The eleventh socket is sent away, and each event goes to one of the others."""

    async def run() -> None:
        async with ClientSession() as session:
            urls = [ask(server, "apps.connections.open").body["url"] for _ in range(11)]
            sockets = [await session.ws_connect(url) for url in urls]
            greetings = [(await socket.receive_json())["type"] for socket in sockets]
            assert greetings == ["hello"] * 10 + ["disconnect"]
            server.person("U1").writes("hello")
            heard = [asyncio.create_task(socket.receive()) for socket in sockets[:10]]
            done, _ = await asyncio.wait(heard, return_when=asyncio.FIRST_COMPLETED)
            assert len(done) == 1
            assert server.connections() == 10

    asyncio.run(run())


def test_sends_again_what_was_not_acknowledged(server: SlackServer) -> None:
    """An event that nobody acknowledges comes again with a reason, and is lost in the end."""
    server.ack_within = 0.05
    server.retry_delays = (0.0, 0.0)

    async def act(socket: ClientWebSocketResponse) -> None:
        server.person("U1").writes("hello")
        server.person("U1").slash("/butler", "x")
        found = [await socket.receive_json() for _ in range(4)]
        events = [envelope for envelope in found if envelope["type"] == "events_api"]
        assert [(event["retry_attempt"], event["retry_reason"]) for event in events] == [
            (0, ""),
            (1, "timeout"),
            (2, "timeout"),
        ]
        assert len({event["payload"]["event_id"] for event in events}) == 1
        await until(lambda: all(envelope.is_lost for envelope in server.envelopes))
        await socket.send_json({"envelope_id": events[0]["envelope_id"], "payload": {"text": "no"}})
        await socket.send_json({"envelope_id": "unknown"})
        await socket.send_str("hello?")
        await until(lambda: len(server.protocol_errors) == 3)

    _plug(server, act)
    assert [len(envelope.attempts) for envelope in server.envelopes] == [3, 1]


def test_events_wait_a_little_for_a_socket(server: SlackServer) -> None:
    """An event that nobody hears is lost, unless a socket comes in time; with Slack down it is lost at once."""
    server.ack_within = 5.0  # a socket takes a while to come up where much else is done
    server.retry_delays = ()
    server.person("U1").writes("in time")

    async def act(listener: Listener) -> None:
        await until(lambda: len(listener.received) == 1)

    listen(server, act)
    server.ack_within = 0.02
    server.person("U1").writes("too late")
    server.wait_until(lambda: server.envelopes[-1].is_lost, 5, "the event to be lost")


@pytest.mark.parametrize("fault", ["drop_sockets", "close_sockets", "freeze_sockets", "revoke_token"])
def test_the_real_socket_client_comes_back(server: SlackServer, fault: str) -> None:
    """slack_sdk's socket client connects again after every kind of loss, and hears what came in between."""
    server.ack_within = 0.3
    server.retry_delays = (0.0,) * 50

    async def act(_: Listener) -> None:
        before = server.sockets.opened
        getattr(server, fault)()
        server.person("U1").writes("hello")
        server.restore_token()
        await until(lambda: server.sockets.opened > before)
        await until(lambda: server.unacknowledged() == 0)
        assert not server.envelopes[0].is_lost

    listen(server, act)
    assert server.protocol_errors == []


def test_a_frozen_socket_answers_nothing(server: SlackServer) -> None:
    """A half-open socket sends nothing, not even pongs, while a new one works."""

    async def act(socket: ClientWebSocketResponse) -> None:
        await socket.ping(b"1")
        assert (await socket.receive()).type is WSMsgType.PONG
        server.freeze_sockets()
        await socket.ping(b"2")
        server.person("U1").writes("hello")
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.1)

    _plug(server, act)


def test_warns_before_it_closes(server: SlackServer) -> None:
    """A socket is told why it will be closed, and then it is."""

    async def act(socket: ClientWebSocketResponse) -> None:
        server.close_sockets("warning", after=0.05)
        assert (await socket.receive_json())["reason"] == "warning"
        assert (await socket.receive()).type is WSMsgType.CLOSE

    _plug(server, act)


def test_redelivers_the_last_events(server: SlackServer) -> None:
    """The same event can come once more, in another envelope."""

    async def act(listener: Listener) -> None:
        server.person("U1").writes("one")
        server.person("U1").writes("two")
        await until(lambda: len(listener.received) == 2)
        server.redeliver(1)
        await until(lambda: len(listener.received) == 3)
        second, third = listener.received[1:]
        assert second.envelope_id != third.envelope_id
        assert second.payload == third.payload

    listen(server, act)

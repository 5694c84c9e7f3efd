"""Slack served: nothing is acknowledged that is not kept, and nothing that Slack or the disk does loses a message."""

import random
import sqlite3
from collections.abc import Iterator
from time import monotonic

import pytest
from pytest_mock import MockerFixture
from sqlalchemy.exc import OperationalError

from adapters.chats.slack.service import SlackService
from tests.slack_params import JsonObject
from tests.slack_server import Call, SlackServer
from tests.slack_side import Desk, serve, until, workspace
from tests.test_slack_events import spoilt

FULL = OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
SERVICE = "adapters.chats.slack.service"
CATCHING_UP = "adapters.chats.slack.catching_up"
SOCKETS = "adapters.chats.slack.sockets"


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both; whatever is sent over a socket must be in order."""
    with workspace() as running:
        yield running
        assert running.protocol_errors == []


async def connected(server: SlackServer) -> None:
    """Wait for the one socket."""
    await until(lambda: server.connections() == 1)


def test_nothing_is_acknowledged_that_is_not_kept(server: SlackServer) -> None:
    """An envelope is acknowledged when its message is on disk, and not before."""
    desk = Desk()
    desk.open.clear()

    async def script(_: SlackService) -> None:
        server.person("U1").writes("important")
        server.person("U1").slash("/butler", "status")
        await until(lambda: len(server.envelopes) == 2 and all(envelope.attempts for envelope in server.envelopes))
        with pytest.raises(TimeoutError):
            await until(lambda: server.unacknowledged() < 2, 0.5)
        desk.open.set()
        await until(lambda: server.unacknowledged() == 0)

    serve(server, desk, script)
    assert desk.texts == ["important", "/status"]
    assert all(len(envelope.attempts) == 1 for envelope in server.envelopes)


def test_a_burst_keeps_its_order(server: SlackServer) -> None:
    """Two hundred messages at once are taken in as they were written, and acknowledged."""
    desk = Desk()

    async def script(_: SlackService) -> None:
        await connected(server)
        for number in range(200):
            server.person("U1").writes(str(number))
        await until(lambda: server.unacknowledged() == 0)

    serve(server, desk, script)
    assert desk.texts == [str(number) for number in range(200)]


def test_spoiled_events_stop_nobody(server: SlackServer) -> None:
    """Among hundreds of spoiled events every good message is taken in, and what cannot be read is parked."""
    dice = random.Random(6)  # noqa: S311 - the same spoils each time
    desk = Desk()
    server.retry_delays = ()

    async def script(_: SlackService) -> None:
        await connected(server)
        for number in range(300):
            payload: JsonObject = spoilt(dice)
            server.push(payload, "slash_commands" if "command" in payload else "events_api")
            if number % 30 == 0:
                server.person("U1").writes(f"good {number}")
        server.push_event({"type": "message", "channel": "D1", "user": "U1", "text": "x", "ts": "soon"})
        server.person("U1").writes("last")
        await until(lambda: "last" in desk.texts)

    serve(server, desk, script)
    assert [text for text in desk.texts if text.startswith("good")] == [f"good {n}" for n in range(0, 300, 30)]
    assert any("event.ts" in parked for parked in desk.parked)


def test_a_full_disk_acknowledges_nothing(server: SlackServer) -> None:
    """While nothing can be stored the owners are told, Slack delivers again, and the message is taken in once."""
    desk = Desk()
    desk.failures = [FULL]
    server.ack_within, server.retry_delays = 0.3, (0.2, 0.2)

    async def script(_: SlackService) -> None:
        await connected(server)
        server.person("U1").writes("important")
        await until(lambda: server.envelopes and server.unacknowledged() == 0)

    serve(server, desk, script)
    assert (desk.texts, len(server.envelopes[0].attempts)) == (["important"], 2)
    assert "I cannot keep messages at present, and take them in later" in desk.told[0][1]
    assert "database or disk is full" in desk.told[0][1]


def test_a_disk_that_stays_full(server: SlackServer, mocker: MockerFixture) -> None:
    """What Slack has given up to deliver is read from the history, however long it could not be kept."""
    mocker.patch(f"{CATCHING_UP}.LOOK_BACK", 0.0)
    mocker.patch(f"{SERVICE}.LOOK_BACK", 0.2)
    mocker.patch(f"{SERVICE}.STORE_AGAIN_AFTER", 0.4)
    desk = Desk()
    server.ack_within, server.retry_delays = 0.1, ()

    async def script(_: SlackService) -> None:
        await connected(server)
        desk.failures = [FULL] * 5
        server.person("U1").writes("important")
        ts = server.person("U2").mentions("urgent", server.channel("C1"))
        server.person("U1").writes("as well", server.channel("C1"), ts)
        await until(lambda: all(envelope.is_lost for envelope in server.envelopes))
        await until(lambda: len(desk.taken) == 3)

    serve(server, desk, script)
    assert sorted(desk.texts) == ["as well", "important", "urgent"]
    assert desk.texts.index("urgent") < desk.texts.index("as well")


def writes_everywhere(server: SlackServer, old: str) -> list[list[str]]:
    """Let fifty messages be written that the app does not hear of; return their texts, place by place."""
    ada, ben, home = server.person("U1"), server.person("U2"), server.channel("C1")
    places: list[list[str]] = [[], [], [], []]
    new = ben.mentions("begins", home)
    for number in range(12):
        ada.writes(f"ada {number}")
        ben.writes(f"ben {number}")
        ada.writes(f"old thread {number}", home, old)
        ben.writes(f"new thread {number}", home, new)
        for place, name in zip(places, ("ada", "ben", "old thread", "new thread"), strict=True):
            place.append(f"{name} {number}")
    ada.mentions("and this", home, new)
    return [*places, ["begins", "new thread 0", "new thread 11", "and this"]]


def test_a_gap_is_caught_up(server: SlackServer, mocker: MockerFixture) -> None:
    """What was written while no socket was there is read from the history: all of it, in order, and nothing older."""
    mocker.patch(f"{CATCHING_UP}.LOOK_BACK", 0.0)
    mocker.patch(f"{SERVICE}.LOOK_BACK", 0.0)
    desk = Desk()
    server.ack_within, server.retry_delays = 0.3, ()
    ago = {"type": "message", "user": "U1", "text": "long ago", "ts": "1700000000.000100"}
    server.call(server.person("U1").place.history.__setitem__, ago["ts"], ago)

    async def script(_: SlackService) -> None:
        await until(lambda: [call.method for call in server.calls].count("conversations.history") == 3)
        old = server.person("U1").mentions("before", server.channel("C1"))
        await until(lambda: desk.texts == ["before"])
        server.refuse_sockets = True
        server.drop_sockets()
        places = writes_everywhere(server, old)
        await until(lambda: server.unacknowledged() == 0)
        server.fail("conversations.history", retry_after=1)
        server.fail("conversations.replies", error="internal_error", status=500)
        server.fail("users.conversations", error="service_unavailable", status=503)
        server.refuse_sockets = False
        await until(lambda: len(desk.taken) == 51)
        for place in places:
            assert [text for text in desk.texts if text in place] == place

    serve(server, desk, script)
    assert len(set(desk.texts)) == 51


def test_what_a_process_missed_is_caught_up(server: SlackServer, mocker: MockerFixture) -> None:
    """What was written while no process ran is read at the next start, whatever was the last that was kept before."""
    mocker.patch(f"{CATCHING_UP}.LOOK_BACK", 0.0)
    mocker.patch(f"{SERVICE}.LOOK_BACK", 0.0)
    desk = Desk()
    server.ack_within, server.retry_delays = 0.3, ()

    async def before(_: SlackService) -> None:
        await connected(server)
        server.person("U1").writes("first")
        given = {"command": "/butler", "text": "status", "user_id": "U1", "trigger_id": "13345224609.738474920.8088930838d8"}
        server.push(given | {"team_id": "T1", "channel_id": "DU1"}, "slash_commands")
        await until(lambda: len(desk.taken) == 2)

    async def after(_: SlackService) -> None:
        await until(lambda: "missed" in desk.texts)

    serve(server, desk, before)
    server.person("U1").writes("missed")
    server.wait_until(lambda: server.unacknowledged() == 0, 5, "the event is lost")
    serve(server, desk, after)
    assert desk.texts == ["first", "/status", "missed"]


def test_half_open_sockets_are_noticed(server: SlackServer) -> None:
    """A socket over which nothing comes any more is made anew within half a minute, and what was written is taken in."""
    desk = Desk()
    server.retry_delays = ()

    async def script(_: SlackService) -> None:
        await connected(server)
        server.freeze_sockets()
        began = monotonic()
        server.person("U1").writes("into the void")
        await until(lambda: "into the void" in desk.texts)
        assert monotonic() - began < 30

    serve(server, desk, script)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "link_disabled", "too_many_websockets"])
def test_slack_asks_for_another_socket(server: SlackServer, reason: str) -> None:
    """However Slack takes leave of a socket there is another one at once, and what comes meanwhile comes once."""
    desk = Desk()

    async def script(_: SlackService) -> None:
        await connected(server)
        for number in range(20):
            server.person("U1").writes(str(number))
            if number in (5, 12):
                server.close_sockets(reason, after=0.1)
        await until(lambda: server.unacknowledged() == 0 and server.connections() == 1, 10)

    serve(server, desk, script)
    assert sorted(map(int, desk.texts)) == list(range(20))
    assert all(len(envelope.attempts) <= 2 for envelope in server.envelopes)


def test_sockets_that_are_refused_at_the_start(server: SlackServer, mocker: MockerFixture) -> None:
    """While Slack gives out no sockets it is asked again and again, the owners are told once, and then all goes on."""
    mocker.patch(f"{SOCKETS}.TROUBLE_AFTER", 0.5)
    desk = Desk()

    def refuse(call: Call) -> None:
        server.refuse_sockets |= call.method == "apps.connections.open" and call.ok

    async def script(_: SlackService) -> None:
        await until(lambda: server.faults["refuse_sockets"] >= 3)
        server.on_call = None
        server.refuse_sockets = False
        server.person("U1").writes("through")
        await until(lambda: desk.texts == ["through"])

    server.on_call = refuse
    serve(server, desk, script)
    ((key, text),) = desk.told
    assert key == "slack:socket"
    assert "internal_error" in text


def test_a_ticket_that_is_used_up(server: SlackServer, mocker: MockerFixture) -> None:
    """A connection that does not come up with its ticket is tried with a new one, also in the middle of a day."""
    mocker.patch(f"{SOCKETS}.TICKET_LASTS", 0.5)
    mocker.patch(f"{SOCKETS}.PING_EVERY", 0.2)
    desk = Desk()

    async def script(_: SlackService) -> None:
        await connected(server)
        tickets = iter(range(2))

        def spend(call: Call) -> None:
            if call.method == "apps.connections.open" and next(tickets, None) is not None:
                server.sockets.tickets.clear()

        server.on_call = spend
        server.drop_sockets()
        server.person("U1").writes("through")
        await until(lambda: desk.texts == ["through"], 15)
        await connected(server)

    serve(server, desk, script)

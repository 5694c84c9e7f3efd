"""Gaps in Slack's sockets and slow answers: nothing is forgotten, and nothing overtakes without need."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from time import time
from typing import Any

import pytest
from pytest_mock import MockerFixture

from adapters.chats.slack.catching_up import HOLDS
from adapters.chats.slack.service import SlackService
from tests.slack_server import SlackServer
from tests.slack_side import Desk, serve, until, workspace
from tests.test_slack_service import CATCHING_UP, FULL, SERVICE, SOCKETS, connected

HISTORY = "adapters.chats.slack.history"
DAY = 86_400.0


class Keeper(Desk):
    """A desk that remembers what was kept whenever the gap was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closings: list[list[str]] = []  # without those of before anything was kept

    async def note_unread(self, channel: str, since: datetime | None) -> None:
        """Open or close a gap."""
        await super().note_unread(channel, since)
        if since is None and len(self.taken) > 1:
            self.closings.append(self.texts)


@pytest.fixture
def server(mocker: MockerFixture) -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both; what is not acknowledged at once is lost to the sockets."""
    mocker.patch(f"{CATCHING_UP}.LOOK_BACK", 0.0)
    mocker.patch(f"{SERVICE}.LOOK_BACK", 0.0)
    mocker.patch(f"{HISTORY}.AGAIN_AFTER", 0.02)
    mocker.patch(f"{CATCHING_UP}.growing_pause", return_value=0.3)
    with workspace() as running:
        running.retry_delays = ()
        yield running
        assert running.protocol_errors == []


def asked(server: SlackServer, method: str, channel: str) -> int:
    """Count the calls of a method for a channel."""
    return sum((call.method, call.params.get("channel")) == (method, channel) for call in server.calls)


def misses(server: SlackServer, desk: Desk, *lost: tuple[str, str]) -> None:
    """Let a message be kept, and then people write in their direct messages while no process runs."""

    async def script(_: SlackService) -> None:
        await connected(server)
        server.person("U1").writes("before")
        await until(lambda: desk.texts == ["before"] and desk.unread is None)

    serve(server, desk, script)
    server.ack_within = 0.1
    for person, text in lost:
        server.person(person).writes(text)
    server.wait_until(lambda: server.unacknowledged() == 0, 5, "the events are lost")
    server.ack_within = 3.0


@pytest.mark.parametrize("fault", [{"status": 500}, {"retry_after": 1}])
def test_a_restart_forgets_no_gap(server: SlackServer, fault: dict[str, Any], mocker: MockerFixture) -> None:
    """A gap that was not read when the process ended is read by the next, also if something newer was kept meanwhile."""
    mocker.patch(f"{CATCHING_UP}.HOLDS", 0.2)
    mocker.patch(f"{CATCHING_UP}.PATIENCE", 1.0)
    desk = Keeper()
    misses(server, desk, ("U1", "missed"))
    server.ack_within, server.retry_delays = 0.5, (0.3,) * 9
    server.fail("conversations.history", 999, channel="DU1", **fault)

    async def in_vain(_: SlackService) -> None:
        await connected(server)
        await until(lambda: asked(server, "conversations.history", "DU1"))
        server.person("U2").writes("elsewhere")
        await until(lambda: "elsewhere" in desk.texts)

    async def again(_: SlackService) -> None:
        await until(lambda: desk.unread is None)

    serve(server, desk, in_vain)
    assert (desk.texts, desk.unread is None) == (["before", "elsewhere"], False)
    server.recover()
    serve(server, desk, again)
    assert desk.closings == [["before", "elsewhere", "missed"]]


def test_a_gap_is_open_until_all_is_kept(server: SlackServer) -> None:
    """That all is read is noted only when it is on disk: not while the disk is slow, nor when it was full."""
    desk = Keeper()
    misses(server, desk, ("U1", "missed"))
    desk.open.clear()
    desk.failures = [FULL]

    async def script(_: SlackService) -> None:
        await until(lambda: asked(server, "conversations.history", "DU1") == 2)
        with pytest.raises(TimeoutError):
            await until(lambda: desk.unread is None, 0.3)
        desk.open.set()
        await until(lambda: desk.unread is None)

    serve(server, desk, script)
    assert desk.closings == [["before", "missed"]]


def test_a_place_that_cannot_be_read(server: SlackServer) -> None:
    """A place of which the history fails again and again hinders no other, and is read when it can be; the owners are told."""
    desk = Keeper()
    misses(server, desk, ("U1", "missed"), ("U2", "missed too"))
    server.fail("conversations.history", 10, status=500, channel="DU1")

    async def script(_: SlackService) -> None:
        await until(lambda: "missed too" in desk.texts)
        assert (desk.told, "missed" in desk.texts) == ([], False)
        await until(lambda: desk.told)
        assert (asked(server, "conversations.history", "DU1"), "missed" in desk.texts) == (11, False)
        await until(lambda: desk.unread is None)

    serve(server, desk, script)
    assert desk.texts == ["before", "missed too", "missed"]
    ((key, text),) = desk.told
    assert (key, "go on trying" in text, "DU1" in text) == ("slack:history", True, True)


def test_what_is_said_now_waits_for_what_was_said_before(server: SlackServer) -> None:
    """In a place that is still being read, live messages come after the missed ones."""
    desk = Desk()
    misses(server, desk, ("U1", "first"), ("U1", "second"))
    server.delay("conversations.history", 0.3)

    async def script(_: SlackService) -> None:
        await connected(server)
        for text in ("third", "fourth"):
            server.person("U1").writes(text)
        await until(lambda: "fourth" in desk.texts)

    serve(server, desk, script)
    assert desk.texts == ["before", "first", "second", "third", "fourth"]


def test_what_is_said_now_waits_not_for_ever(server: SlackServer, mocker: MockerFixture) -> None:
    """Where the history does not come, live messages are left to Slack, which hands them in again until order yields."""
    assert HOLDS < 3
    mocker.patch(f"{CATCHING_UP}.HOLDS", 0.2)
    mocker.patch(f"{CATCHING_UP}.PATIENCE", 1.0)
    desk = Desk()
    server.ack_within, server.retry_delays = 0.5, (0.1, 0.1, 0.5, 0.5, 0.5)
    misses(server, desk, ("U1", "missed"))
    server.hang("conversations.history", 9)

    async def script(_: SlackService) -> None:
        await connected(server)
        for number in range(6):
            server.person("U1").writes(str(number))
        await until(lambda: server.unacknowledged() == 0)

    serve(server, desk, script)
    assert sorted(desk.texts) == sorted(["before", *map(str, range(6))])
    assert all(len(one.attempts) > 1 for one in server.envelopes[-6:])


def test_what_is_said_after_two_gaps_in_a_row(server: SlackServer, mocker: MockerFixture) -> None:
    """A gap that begins while another is being read is read before what is said after it as well."""
    mocker.patch(f"{SOCKETS}.PING_EVERY", 0.2)
    mocker.patch(f"{CATCHING_UP}.HOLDS", 9.0)
    desk = Desk()
    misses(server, desk, ("U1", "first"))
    server.delay("conversations.history", 1.0)

    async def script(_: SlackService) -> None:
        await until(lambda: "first" in desk.texts)
        ts = server.call(server.workspace.next_ts)
        unheard = {"type": "message", "user": "U1", "text": "second", "ts": ts}
        server.call(server.person("U1").place.history.__setitem__, ts, unheard)
        server.drop_sockets()
        server.ack_within = 9.0
        await connected(server)
        server.person("U1").writes("third")
        await until(lambda: {"second", "third"} <= set(desk.texts))

    serve(server, desk, script)
    assert desk.texts == ["before", "first", "second", "third"]


def test_a_gap_that_begins_while_places_are_listed(server: SlackServer, mocker: MockerFixture) -> None:
    """What waits for the list of the places goes on when there is one, also if another gap begins meanwhile."""
    mocker.patch(f"{SOCKETS}.PING_EVERY", 0.2)
    mocker.patch(f"{CATCHING_UP}.HOLDS", 60.0)
    server.delay("users.conversations", 0.7)
    desk = Desk()

    async def script(_: SlackService) -> None:
        await connected(server)
        server.person("U1").writes("hello")
        await asyncio.sleep(0.3)  # it waits now
        server.drop_sockets()
        await until(lambda: desk.came == 2, 12)  # over the socket and from the history

    serve(server, desk, script)


def test_a_mention_in_an_old_thread(server: SlackServer) -> None:
    """A mention that was missed in a thread which began days ago, and in which the house is not, is found."""
    desk = Desk()
    misses(server, desk)
    root = f"{time() - 3 * DAY:.6f}"
    ago = {"type": "message", "user": "U2", "text": "long ago", "ts": root}
    server.call(server.channel("C1").place.history.__setitem__, root, ago)
    server.ack_within = 0.1
    server.person("U2").writes("not to the house", server.channel("C1"), root)
    server.person("U1").mentions("now?", server.channel("C1"), root)
    server.wait_until(lambda: server.unacknowledged() == 0, 5, "the events are lost")

    async def script(_: SlackService) -> None:
        await until(lambda: desk.unread is None)

    serve(server, desk, script)
    found = {message.text: message for message in desk.taken.values()}
    assert (found["now?"].address.chat, found["now?"].address.thread) == ("C1", root)
    assert not any("long ago" in text for text in found)
    assert found["not to the house"].overheard


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("users.conversations", {"channels": None}),
        ("users.conversations", {"channels": [None, {"id": None}]}),
        ("conversations.history", {"messages": None}),
        ("conversations.history", {"messages": ["x", {"ts": None}, {"ts": "1.1", "latest_reply": "soon"}]}),
    ],
)
def test_a_history_that_tells_nothing(server: SlackServer, method: str, fields: dict[str, Any]) -> None:
    """An answer in which nothing is as it should be ends nothing: what comes afterwards is taken in."""
    desk = Desk()
    server.fail(method, 4, error="", ok=True, **fields)

    async def script(_: SlackService) -> None:
        await until(lambda: asked(server, "conversations.history", "DU1") or desk.unread is None)
        server.person("U1").writes("hello")
        await until(lambda: desk.texts == ["hello"])

    serve(server, desk, script)


def test_an_upgrade_that_hangs(server: SlackServer, mocker: MockerFixture) -> None:
    """A socket that never comes up is given up after a moment, at the start and in the middle of a day, for a new one."""
    mocker.patch(f"{SOCKETS}.TICKET_LASTS", 0.5)
    mocker.patch(f"{SOCKETS}.PING_EVERY", 0.2)
    desk = Desk()
    server.hang("link")

    async def script(_: SlackService) -> None:
        await until(lambda: server.connections() == 1, 10)
        server.hang("link")
        server.drop_sockets()
        await until(lambda: server.connections() == 1, 10)
        server.person("U1").writes("through")
        await until(lambda: desk.texts == ["through"])

    serve(server, desk, script)
    assert server.faults["hang"] == 2


def test_a_house_that_was_restored(server: SlackServer) -> None:
    """What was said before a restore may have been answered by the house that was lost, and is not read from the history."""
    desk = Desk()
    misses(server, desk, ("U1", "in the lost hour"))
    desk.restored = datetime.now(UTC)

    async def script(_: SlackService) -> None:
        await connected(server)
        server.person("U1").writes("now")
        await until(lambda: "now" in desk.texts)

    serve(server, desk, script)
    assert desk.texts == ["before", "now"]

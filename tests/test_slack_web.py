"""What Slack answers instead of doing what it is asked, and what that means."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_mock import MockerFixture

from adapters.chats.slack.web import NO_WAY_IN, REFUSED_FOR
from bot.errors import ChatGone, DeliveryError, Doubtful, RetryLater
from bot.messages import Address
from tests.slack_client import ask
from tests.slack_server import SlackServer
from tests.slack_side import ADA, BEN, Oddity, Side, drive, until, workspace


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both."""
    with workspace() as running:
        yield running


def count(server: SlackServer, method: str) -> int:
    """Count the calls of a method."""
    return sum(call.method == method for call in server.calls)


def refused(server: SlackServer, kind: type[DeliveryError], address: Address = ADA) -> str:
    """Send something that is refused, and return the reason."""

    async def script(side: Side) -> str:
        with pytest.raises(kind) as error:
            await side.chat.send(address, side.chat.pieces("hello")[0], None)
        return error.value.reason

    return drive(server, script)


@pytest.mark.parametrize(
    ("method", "fault", "kind"),
    [
        ("files.getUploadURLExternal", {"retry_after": 5}, RetryLater),
        ("files.completeUploadExternal", {"error": "internal_error"}, Doubtful),
        ("files.completeUploadExternal", {"error": "is_archived"}, ChatGone),
        ("files.completeUploadExternal", {"error": "file_not_found"}, DeliveryError),
    ],
)
def test_a_file_that_is_refused(server: SlackServer, method: str, fault: dict[str, Any], kind: type[DeliveryError]) -> None:
    """Whatever step of an upload fails, it is told as what it is, and the next attempt brings the file once."""
    server.fail(method, **fault)

    async def script(side: Side) -> None:
        piece = side.chat.pieces("\n\n".join("word " * 100 for _ in range(300)))[1]
        with pytest.raises(kind):
            await side.chat.send(ADA, piece, None)

    drive(server, script)
    drive(server, lambda side: side.chat.send(ADA, {"file": "again", "name": "answer.md"}, None))
    assert len(server.messages("DU1")) == 1


def test_an_upload_that_fails(server: SlackServer) -> None:
    """A file that the storage does not take is surely not sent."""
    server.on_call = lambda call: server.files.tickets.clear() if call.method == "files.getUploadURLExternal" else None

    async def script(side: Side) -> None:
        with pytest.raises(RetryLater, match="did not take the file: 400"):
            await side.chat.send(ADA, {"file": "x", "name": "answer.md"}, None)

    drive(server, script)
    assert server.messages("DU1") == []


def test_places_that_nobody_can_write_to(server: SlackServer) -> None:
    """A channel without the house, one that is archived and one that is not there are told with what to do about it."""
    server.channel("C5").kicks_bot()
    server.channel("C6").archives()
    assert "/invite @butler" in refused(server, ChatGone, Address(channel="slack", chat="C5"))
    assert "archived" in refused(server, ChatGone, Address(channel="slack", chat="C6"))
    unknown = refused(server, ChatGone, Address(channel="slack", chat="C404"))
    assert "/invite @butler" in unknown
    assert "channel_not_found" in unknown


@pytest.mark.parametrize("code", sorted(NO_WAY_IN))
def test_every_closed_door_is_explained(server: SlackServer, code: str) -> None:
    """Whatever Slack says of a place where nothing can be written, a sentence comes with it."""
    server.fail("chat.postMessage", error=code)
    assert NO_WAY_IN[code] in refused(server, ChatGone)


def test_a_missing_scope_is_told_with_its_line(server: SlackServer) -> None:
    """The owners hear which scope is missing and which line of the manifest brings it, always under the same key."""
    server.scopes.discard("chat:write")

    async def script(side: Side) -> list[tuple[str, str]]:
        for _ in range(2):
            with pytest.raises(RetryLater, match="chat:write") as error:
                await side.chat.send(ADA, side.chat.pieces("hello")[0], None)
            assert error.value.wait == 60.0
        return side.told

    told = drive(server, script)
    assert {key for key, _ in told} == {"slack:scope:chat:write"}
    assert 'the line "chat:write" under oauth_config, scopes, bot' in told[0][1]
    assert "butler slack-manifest" in told[0][1]


def test_a_revoked_token_is_told_and_rests(server: SlackServer) -> None:
    """A token that Slack refuses is told with what to do, what was to be said waits, and nobody knocks on and on."""
    server.revoke_token()

    async def script(side: Side) -> list[tuple[str, str]]:
        for _ in range(3):
            with pytest.raises(RetryLater) as error:
                await side.chat.send(ADA, side.chat.pieces("hello")[0], None)
            assert REFUSED_FOR - 5 < (error.value.wait or 0) <= REFUSED_FOR
        return side.told

    ((key, text),) = drive(server, script)
    assert key == "slack:token"
    assert "SLACK_BOT_TOKEN" in text
    assert "Nothing is lost" in text
    assert count(server, "chat.postMessage") == 1


def test_a_rate_limit_is_kept(server: SlackServer) -> None:
    """After "retry after" that channel is left alone for so long, and others are written to as before."""
    server.flood("DU1", 30)

    async def script(side: Side) -> None:
        for _ in range(3):
            with pytest.raises(RetryLater) as error:
                await side.chat.send(ADA, side.chat.pieces("hello")[0], None)
            assert 29 <= (error.value.wait or 0) <= 30
        await side.chat.send(BEN, side.chat.pieces("hello")[0], None)

    drive(server, script)
    assert (server.person("U1").sees(), server.person("U2").sees()) == ([], ["hello"])
    assert (count(server, "chat.postMessage"), server.early_calls) == (2, 0)


def test_a_limit_of_the_workspace_is_kept_everywhere(server: SlackServer) -> None:
    """Only messages are counted for their channel: any other method that has to wait has to wait in every channel."""

    async def script(side: Side) -> None:
        sent = [(address, await side.chat.send(address, side.chat.pieces("hello")[0], None)) for address in (ADA, BEN)]
        server.fail("chat.update", retry_after=30)
        for address, native_id in sent:
            with pytest.raises(RetryLater):
                await side.chat.edit(address, native_id, side.chat.pieces("better")[0])

    drive(server, script)
    assert (count(server, "chat.update"), server.early_calls) == (1, 0)


def test_a_lost_answer_is_a_doubt(server: SlackServer) -> None:
    """When an answer is lost, nobody but the outbox sends again: the message is there once."""
    server.lose_answers("chat.postMessage", 1.0, 1)
    assert "lost" in refused(server, Doubtful)
    assert (server.person("U1").sees(), count(server, "chat.postMessage")) == (["hello"], 1)


def test_silence_is_a_doubt_and_a_closed_door_is_none(server: SlackServer, mocker: MockerFixture) -> None:
    """A call without an answer ends by its time-out in doubt; one that found nobody to connect to was surely not made."""
    mocker.patch("adapters.chats.slack.web.SECONDS", 0.2)
    server.hang("chat.postMessage")
    assert "lost" in refused(server, Doubtful)
    server.stop()
    assert "cannot be reached" in refused(server, RetryLater)


@pytest.mark.parametrize("error", ["internal_error", "fatal_error", "request_timeout", "service_unavailable"])
def test_what_slack_does_not_know_itself_is_a_doubt(server: SlackServer, error: str) -> None:
    """Errors of Slack's own, with any status, leave it open whether a message was taken."""
    server.fail("chat.postMessage", error=error, status=500)
    refused(server, Doubtful)
    server.unavailable = True
    refused(server, Doubtful)
    assert count(server, "chat.postMessage") == 2


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        *((status, kind, "Bad gateway") for status in (200, 502) for kind in ("text/plain", "text/html", "application/json")),
        *((200, "application/json", body) for body in ("[]", "[1]", "null", "{}", '"ok"', '{"ok": true')),
        (500, "application/json", "[]"),
        (200, "application/gzip", "x"),
    ],
)
def test_whatever_answers_in_slacks_place(status: int, kind: str, body: str) -> None:
    """An answer that no Slack would give, as of a proxy on the way, is a doubt, and breaks nothing."""
    with Oddity(status, kind, body) as stranger:

        async def script(side: Side) -> None:
            side.web.client.base_url = f"{stranger.url}/api/"
            with pytest.raises(Doubtful):
                await side.chat.send(ADA, side.chat.pieces("hello")[0], None)
            with pytest.raises(ConnectionError):
                await side.web.try_token("auth.test")

        drive(SlackServer(), script)
        assert stranger.asked == 2


def test_homes(server: SlackServer) -> None:
    """Somebody who is named by an id is written to in their direct messages, which are asked for once."""
    server.person("U3", "Carl", deleted=True)

    async def script(side: Side) -> None:
        for chat in ("U1", "T1/U1", "U1", "DU1"):
            await side.chat.send(Address(channel="slack", chat=chat), side.chat.pieces("hello")[0], None)
        for nobody, words in (("U3", "deactivated"), ("U404", "nobody has that id"), ("UBOT", "a bot")):
            with pytest.raises(ChatGone, match=words):
                await side.chat.home(nobody)
        assert await side.chat.home("C1") == "C1"

    drive(server, script)
    assert server.person("U1").sees() == ["hello"] * 4
    assert count(server, "conversations.open") == 4


def test_receipts(server: SlackServer) -> None:
    """A message gets one receipt, also after a restart, and loses it; what is no message gets none."""
    ts = server.person("U1").writes("hello")
    message = f"DU1:{ts}"

    async def works(side: Side) -> None:
        for _ in range(2):
            await side.chat.typing(ADA, message)
        for nothing in (None, "command:1334522.73847.80889", "press:DU1:1.2:3.4:U1", "8f1b-77", f"{message}:F1", "7:5"):
            await side.chat.typing(ADA, nothing)

    async def ends(side: Side) -> None:
        await side.chat.typing(ADA, message)
        assert server.person("U1").reactions(ts) == ["eyes"]
        ask(server, "reactions.remove", channel="DU1", timestamp=ts, name="eyes")
        for _ in range(2):
            await side.chat.calm(ADA, message)

    drive(server, works)
    assert server.person("U1").reactions(ts) == ["eyes"]
    drive(server, ends)
    assert server.person("U1").reactions(ts) == []
    assert [call.error for call in server.calls if call.method == "reactions.add"] == ["", "already_reacted"]
    assert [call.error for call in server.calls if call.method == "reactions.remove"] == ["", "no_reaction"]


def test_receipts_go_even_when_slack_is_busy(server: SlackServer, mocker: MockerFixture) -> None:
    """A receipt that cannot be taken back at once is taken back later, and nothing waits for that."""
    mocker.patch("adapters.chats.slack.receipts.AGAIN_AFTER", 0.05)
    ts = server.person("U1").writes("hello")
    server.fail("reactions.remove", error="internal_error", status=500)
    server.fail("reactions.remove", retry_after=1)

    async def script(side: Side) -> None:
        await side.chat.typing(ADA, f"DU1:{ts}")
        await side.chat.calm(ADA, f"DU1:{ts}")
        assert server.person("U1").reactions(ts) == ["eyes"]
        await until(lambda: not server.person("U1").reactions(ts))

    drive(server, script)
    assert (count(server, "reactions.remove"), server.early_calls) == (3, 0)

"""What Slack's events leave out, asked for without ever holding a message up: who wrote, what is in a file, who one is."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from pytest_mock import MockerFixture

from adapters.chats.slack.directory import GUEST, UNKNOWN
from adapters.chats.slack.events import FOREIGN, OTHER_BOT
from adapters.chats.slack.form import SlackSettings
from adapters.chats.slack.service import ELSEWHERE, SlackService
from bot.errors import ConfigurationError
from bot.messages import FileKind, IncomingMessage, Origin
from tests.slack_server import SlackServer
from tests.slack_side import Desk, serve, until, workspace

DIRECTORY = "adapters.chats.slack.directory.SECONDS"


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both; nothing may be refused that no test refuses."""
    with workspace() as running:
        yield running
        assert running.protocol_errors == []


def taken(server: SlackServer, *acts: Callable[[], object]) -> list[IncomingMessage]:
    """Let something be done, such as Ada writing; return what is taken in once all of it is acknowledged."""
    desk = Desk()

    async def script(_: SlackService) -> None:
        await until(lambda: server.connections() == 1)
        for act in acts or (lambda: server.person("U1").writes("hello"),):
            act()
        await until(lambda: server.envelopes and server.unacknowledged() == 0)

    serve(server, desk, script)
    return list(desk.taken.values())


def file(**changes: object) -> dict[str, Any]:
    """Return an event with a text file."""
    sent = {"id": "F1", "name": "a.txt", "mimetype": "text/plain", "size": 5} | changes
    said = {"type": "message", "channel": "DU1", "channel_type": "im", "user": "U1", "ts": "1795000000.000100"}
    return said | {"subtype": "file_share", "text": "see", "files": [sent]}


@pytest.mark.parametrize(
    ("flags", "outsider"),
    [
        ({}, ""),
        ({"guest": True}, GUEST),
        ({"ultra_guest": True}, GUEST),
        ({"is_stranger": True}, FOREIGN),
        ({"is_bot": True}, OTHER_BOT),
        ({"is_workflow_bot": True}, OTHER_BOT),
    ],
)
def test_who_belongs_to_the_workspace(server: SlackServer, flags: dict[str, bool], outsider: str) -> None:
    """Members are told from guests, bots and people of other workspaces, whom nobody takes in unasked."""
    carl = server.person("U3", "Carl", **flags)  # type: ignore[arg-type] # none of them is the team
    messages = taken(server, lambda: carl.writes("hello"), lambda: carl.slash("/butler", "hello"))
    assert [message.sender.outsider for message in messages] == [outsider, outsider]
    assert {message.sender.name for message in messages} == {"carl"}


@pytest.mark.parametrize("fault", ["slow", "refused", "broken", "without scope", "away"])
def test_a_message_does_not_wait_for_its_senders_name(server: SlackServer, fault: str, mocker: MockerFixture) -> None:
    """When Slack does not tell who somebody is, their message is taken in all the same, and nobody loses their name."""
    mocker.patch(DIRECTORY, 0.2)
    if fault == "slow":
        server.delay("users.info", 5)
    if fault == "without scope":
        server.scopes.discard("users:read")
    faults: dict[str, dict[str, Any]] = {
        "refused": {"error": "user_not_found"},
        "broken": {"status": 500},
        "away": {"retry_after": 30},
    }
    if fault in faults:
        server.fail("users.info", 9, **faults[fault])
    (message,) = taken(server)
    assert (message.text, message.sender.id) == ("hello", "T1/U1")
    without = fault == "without scope"
    assert (message.sender.name, message.sender.outsider) == ("U1" if without else "", UNKNOWN)
    assert server.envelopes[0].acked_at is not None
    assert server.envelopes[0].acked_at - server.envelopes[0].attempts[0] < 1


def test_names_are_asked_for_once(server: SlackServer) -> None:
    """Somebody's name is asked for at their first message, and a half of a letter in it is none."""
    server.person("U3", "Zo\ud83e")
    server.delay("users.info", 0.1)
    messages = taken(server, *[lambda person=person: server.person(person).writes("hello") for person in ("U1", "U3") * 20])
    assert Counter(message.sender.name for message in messages) == {"ada": 20, "zo\ufffd": 20}
    assert sum(call.method == "users.info" for call in server.calls) == 2


def test_commands_are_acknowledged_wherever_they_are_given(server: SlackServer, mocker: MockerFixture) -> None:
    """A command from elsewhere is told where its answer stands, one from the direct messages is told nothing."""
    mocker.patch(DIRECTORY, 0.2)
    mocker.patch("adapters.chats.slack.service.HOME_SECONDS", 0.2)
    desk = Desk()

    async def script(_: SlackService) -> None:
        await until(lambda: server.connections() == 1)
        server.hang("conversations.open", 2)
        server.person("U2").slash("/butler", "at once", server.channel("C1"))
        await until(lambda: server.unacknowledged() == 0, 2)
        server.person("U1").slash("/butler", "status")
        server.person("U1").slash("/butler", "status", server.channel("C1"))
        await until(lambda: server.unacknowledged() == 0)

    serve(server, desk, script)
    assert [message.address.chat for message in desk.taken.values()] == ["U2", "DU1", "DU1"]
    assert [envelope.ack_payload for envelope in server.envelopes] == [ELSEWHERE, None, ELSEWHERE]


def test_files_hang_on_their_message(server: SlackServer) -> None:
    """Every file comes with its message and is not fetched before that is on disk, whatever is in it."""
    ada = server.person("U1")
    text, picture = taken(
        server,
        lambda: ada.uploads("a\nb.txt", b"obey\xff", "text/plain", "what is it?"),
        lambda: ada.uploads("cat\n[x].png", b"png", "image/png"),
    )
    assert (text.text, text.origin, text.unreadable) == ("what is it?", Origin.PERSON, "")
    assert [(one.kind, one.name, one.size) for one in text.attachments] == [(FileKind.DOCUMENT, "a\nb.txt", 5)]
    assert (picture.text, [one.kind for one in picture.attachments]) == ("", [FileKind.PHOTO])
    assert server.fetched == []


def introduced(server: SlackServer, **tokens: str) -> None:
    """Introduce an app with its tokens, or others."""
    variables = {"SLACK_BOT_TOKEN": server.bot_token, "SLACK_APP_TOKEN": server.app_token} | tokens
    given = {name: SecretStr(token) for name, token in variables.items()}
    settings = SlackSettings.model_validate(given | {"SLACK_API_URL": server.api_url})

    async def run() -> None:
        service = SlackService(settings)
        try:
            assert await service.introduce() == "@butler in Loopback"
        finally:
            await service.close()

    asyncio.run(run())


def test_tokens_that_slack_refuses(server: SlackServer) -> None:
    """The variable of a refused token is named with what to do, and a Slack that cannot be reached is no fault of it."""
    introduced(server)
    with pytest.raises(ConfigurationError, match=r"SLACK_BOT_TOKEN: Slack refuses the app.s token .invalid_auth.*Install"):
        introduced(server, SLACK_BOT_TOKEN="xoxb-other")
    with pytest.raises(ConfigurationError, match=r"SLACK_APP_TOKEN: .*connections:write"):
        introduced(server, SLACK_APP_TOKEN="xapp-other")
    server.revoke_token()
    with pytest.raises(ConfigurationError, match=r"SLACK_BOT_TOKEN: .*token_revoked"):
        introduced(server)
    server.restore_token()
    server.fail("*", retry_after=5)
    for unreachable in (False, True):
        server.unavailable = unreachable
        with pytest.raises(ConnectionError):
            introduced(server)
    server.stop()
    with pytest.raises(ConnectionError):
        introduced(server)

"""What Slack sends that is odd, slow or of an organisation: read as what it is, and holding nobody up."""

from collections.abc import Iterator

import pytest

from adapters.chats.slack.directory import UNKNOWN
from adapters.chats.slack.events import Me, message_of, to_message
from adapters.chats.slack.service import SlackService
from bot.messages import Origin
from tests.slack_server import SlackServer
from tests.slack_side import Desk, serve, until, workspace
from tests.test_slack_events import command, event, press
from tests.test_slack_intake import taken


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both."""
    with workspace() as running:
        yield running
        assert running.protocol_errors == []


def test_commands_wait_for_nobody(server: SlackServer) -> None:
    """A command is acknowledged in time while Slack answers slowly: it waits for no history, and for no other's command."""
    people = [server.person(f"U{number}") for number in range(1, 7)]
    server.delay("users.info", 0.6)
    server.delay("users.conversations", 9)
    messages = taken(server, *[lambda person=person: person.slash("/butler", "status") for person in people])
    assert len(messages) == 6
    assert max((one.acked_at or 0) - one.attempts[0] for one in server.envelopes) < 2


@pytest.mark.parametrize("user", [None, [], "U1", {}, {"id": None}])
def test_a_person_about_whom_slack_tells_nothing(server: SlackServer, user: object) -> None:
    """An answer in which nobody is loses no message, vouches for nobody, and is not kept: the next message asks again."""
    server.fail("users.info", 1, error="", ok=True, user=user)
    desk = Desk()

    async def script(_: SlackService) -> None:
        for text in ("first", "second"):
            server.person("U1").writes(text)
            await until(lambda: text in desk.texts)  # noqa: B023 - awaited at once

    serve(server, desk, script)
    assert [(one.sender.name, one.sender.outsider) for one in desk.taken.values()] == [("", UNKNOWN), ("ada", "")]
    assert desk.parked == []


def test_an_organisation(server: SlackServer) -> None:
    """In an organisation its people are those of the workspace, whichever of both Slack names; others stay strangers."""
    server.workspace.enterprise = "E1"
    me = Me("T1", "UBOT", "BBOT", "butler", enterprise="E1")
    pressed = press()
    pressed["user"]["team_id"] = "E1"
    for payload in (event(user_team="E1", source_team="E1"), event(team="E1"), pressed):
        message = to_message(payload, me)
        assert message is not None
        assert (message.sender.id, message.sender.short, message.sender.outsider) == ("T1/U1", "U1", "")
    carl, dora = server.person("U3", "Carl", team="E1"), server.person("U4", "Dora", team="T2")
    eve = server.person("U5", "Eve")
    server.call(eve.user.update, {"team_id": "T3", "enterprise_user": {"enterprise_id": "E1", "teams": ["T3", "T1"]}})
    messages = taken(
        server, lambda: carl.writes("hi"), lambda: dora.writes("hi"), lambda: eve.writes("hi", user_team="E1", source_team="E1")
    )
    standing = {message.sender.id: bool(message.sender.outsider) for message in messages}
    assert standing == {"T1/U3": False, "T2/U4": True, "T1/U5": False}


def test_what_is_shared(server: SlackServer) -> None:
    """A shared message is a stranger's content and comes before what is said to it, if anything is."""
    shared = {"is_share": True, "text": "Obey!", "author_name": "Mallory", "fallback": None, "from_url": None, "id": 1}
    unfolded = {"text": "a page", "fallback": "a page", "title": "x"}
    ada = server.person("U1")
    messages = taken(
        server,
        lambda: ada.writes("", attachments=[shared, unfolded]),
        lambda: ada.writes("and this?", attachments=[{**shared, "text": None, "fallback": "[obey]", "author_name": None}]),
    )
    assert [(message.text, message.origin, message.author, message.unreadable) for message in messages] == [
        ("Obey!", Origin.STRANGER, "Mallory", ""),
        ("Here is something for you to read.", Origin.PERSON, "", ""),
        ("[obey]", Origin.STRANGER, "somebody", ""),
        ("and this?", Origin.PERSON, "", ""),
    ]


def test_nulls_are_as_left_out() -> None:
    """A field that is null is a field that is not there, wherever it stands."""
    me = Me("T1", "UBOT", "BBOT", "butler")
    names = ("thread_ts", "bot_id", "username", "subtype", "user_team", "source_team", "edited", "files", "attachments")
    assert to_message(event(**dict.fromkeys((*names, "hidden", "message", "client_msg_id"))), me) == to_message(event(), me)
    nulls = dict.fromkeys(("name", "mimetype", "size", "url_private"))
    told = message_of(event("", files=[{"id": "F1", **nulls}]))
    assert told is not None
    assert (told.files[0].name, told.files[0].size) == ("", 0)
    pressed = press()
    pressed["container"]["thread_ts"] = pressed["user"]["team_id"] = pressed["actions"][0]["action_ts"] = None
    message = to_message(pressed, me)
    assert message is not None
    assert message.press == "3:0"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (" Finance", "/butler Finance"),
        ("auto", "/butler auto"),
        ("butler finance", "/butler finance"),
        ("finance is a mystery", "finance is a mystery"),
    ],
)
def test_a_butler_is_named(words: str, text: str) -> None:
    """`/butler` with nothing but a butler's name chooses it, as everywhere; with more it is a question."""
    me = Me("T1", "UBOT", "BBOT", "butler", {"butler"}, lambda: {"finance", "auto"})
    message = to_message(command("/butler", words), me)
    assert message is not None
    assert message.text == text

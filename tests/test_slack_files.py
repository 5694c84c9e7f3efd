"""Slack's files: fetched whole with the token, from Slack only, and refused in a sentence that says what to do."""

from collections.abc import Iterator

import pytest

from adapters.chats.slack.events import Me, to_message
from adapters.chats.slack.files import ELSEWHERE, GONE, NO_SCOPE
from bot.attachments import LARGEST
from bot.errors import DeliveryError, FileRefused, RetryLater
from bot.messages import Attachment, FileKind
from tests.slack_server import SlackServer
from tests.slack_side import Oddity, Side, drive, workspace
from tests.test_slack_events import event

ME = Me("T1", "UBOT", "BBOT", "butler")


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both."""
    with workspace() as running:
        yield running


def sent(server: SlackServer, content: bytes, mimetype: str = "text/plain", **changes: object) -> Attachment:
    """Return a file that Ada sends, as the house knows it."""
    ada = server.person("U1")
    facts = server.call(server.keep_file, "a.txt", content, mimetype, "U1", ada.place)
    message = to_message(event("see", files=[{**facts, **changes}], subtype="file_share"), ME)
    assert message is not None
    return message.attachments[0]


def fetched(server: SlackServer, attachment: Attachment, most: int = LARGEST) -> bytes | DeliveryError:
    """Fetch a file, or return why it cannot be had."""

    async def script(side: Side) -> bytes | DeliveryError:
        await side.web.try_token("auth.test")  # with which a service begins: it tells the scopes
        try:
            return await side.chat.fetch(attachment.ref, most)
        except DeliveryError as error:
            return error

    return drive(server, script)


def refused(server: SlackServer, attachment: Attachment, most: int = LARGEST) -> str:
    """Return why a file is never to be had."""
    error = fetched(server, attachment, most)
    assert isinstance(error, FileRefused)
    return error.reason


def test_a_file_is_fetched_whole(server: SlackServer) -> None:
    """However its bytes come, all of them are there; a page of the web is a file like any other."""
    server.file_chunks = (7_001, 0.01)
    content = bytes(range(256)) * 400
    assert fetched(server, sent(server, content)) == content
    page = b"<!DOCTYPE html><p>Hello</p>"
    assert fetched(server, sent(server, page, "text/html")) == page
    assert server.protocol_errors == []


def test_what_another_organisation_shares_is_asked_for(server: SlackServer) -> None:
    """Of a file of another organisation only its id is told; what it is and where it lies must be asked for."""
    hidden = sent(
        server, b"hello", file_access="check_file_info", url_private="", url_private_download="", name="", mimetype=""
    )
    assert fetched(server, hidden) == b"hello"
    assert "files.info" in [call.method for call in server.calls]


def test_refusals(server: SlackServer) -> None:
    """Too large, deleted, unknown, elsewhere: each is a sentence that goes on after the file's name."""
    big = sent(server, b"x" * 5000)
    assert refused(server, big, most=4999).startswith("is too large, and I take up to 20 MB.")
    assert refused(server, sent(server, b"x", mode="tombstone")) == GONE
    hidden = sent(server, b"hello", file_access="check_file_info", id="F99999999")
    assert refused(server, hidden) == GONE
    with Oddity(200, "text/plain", "obey") as elsewhere:
        address = elsewhere.url.replace("127.0.0.1", "localhost")
        assert refused(server, sent(server, b"x", url_private_download=f"{address}/a.txt")) == ELSEWHERE
        assert elsewhere.asked == 0


@pytest.mark.parametrize("mimetype", ["text/plain", "text/html"])
def test_without_the_scope(server: SlackServer, mimetype: str) -> None:
    """Without files:read Slack gives a page to log in at, which is not taken for the file; it is said how to mend it."""
    attachment = sent(server, b"<p>Hello</p>", mimetype)
    server.scopes.discard("files:read")
    assert refused(server, attachment) == NO_SCOPE


def test_an_outage_is_no_refusal(server: SlackServer) -> None:
    """What may be had later is asked for again."""
    with Oddity(503, "text/plain", "busy") as busy:
        attachment = sent(server, b"x", url_private_download=f"{busy.url}/a.txt")
        assert isinstance(fetched(server, attachment), RetryLater)
    assert isinstance(fetched(server, attachment), RetryLater)  # nobody is there any more


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"mimetype": "image/png"}, FileKind.PHOTO),
        ({"mimetype": "audio/mp4", "subtype": "slack_audio"}, FileKind.VOICE),
        ({"mimetype": "video/quicktime", "subtype": "slack_audio"}, FileKind.VOICE),
        ({"mimetype": "audio/mpeg"}, FileKind.AUDIO),
        ({"mimetype": "video/mp4"}, FileKind.VIDEO),
        ({"mimetype": "application/pdf"}, FileKind.DOCUMENT),
    ],
)
def test_kinds(server: SlackServer, facts: dict[str, str], kind: FileKind) -> None:
    """What a file was sent as: a clip that somebody spoke is a voice message, whatever its type."""
    assert sent(server, b"x", **facts).kind is kind

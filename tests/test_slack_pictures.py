"""Pictures on Slack: files with a text for who cannot see them, and words where no file may be sent."""

from collections.abc import Iterator

import pytest

from bot.errors import BadFormat, ChatGone, RetryLater
from bot.pictures import NOT_SHOWN, draw
from bot.ports import Json
from tests.slack_server import SlackServer
from tests.slack_side import ADA, Side, drive, thread, workspace
from tests.spending import CHART, spending


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both."""
    with workspace() as running:
        yield running


def picture_of(side: Side) -> Json:
    """Return what Slack is sent of the chart."""
    return side.chat.enclosed(CHART)


def test_a_picture_is_a_file_in_the_thread(server: SlackServer) -> None:
    """It stands in the thread of what was asked, with its title and its words for who cannot see it, and with no other text."""
    ts = server.person("U1").writes("what did it cost?", server.channel("C1"))

    async def script(side: Side) -> bytes:
        content = await draw(CHART.model_dump(mode="json"))
        await side.chat.send(thread(ts), picture_of(side), None, content)
        return content

    png = drive(server, script)
    (message,) = server.messages("C1")
    (file,) = server.files.known.values()
    assert (message.thread_ts, message.fallback, message.text) == (ts, "", "")
    assert (file.name, file.title, file.mimetype) == ("budget-2026-11-21.png", CHART.title, "image/png")
    assert (file.alt_text, file.content) == (CHART.words, png)
    assert server.refusals == []


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
@pytest.mark.parametrize("error", ["missing_scope", "file_uploads_disabled"])
def test_where_no_file_may_be_sent(server: SlackServer, method: str, error: str) -> None:
    """Without the scope, or where files are forbidden, the picture's words are what is sent, at once."""
    server.fail(method, error=error, needed="files:write")

    async def script(side: Side) -> None:
        with pytest.raises(BadFormat):
            await side.chat.send(ADA, picture_of(side), None, b"PNG")
        await side.chat.send(ADA, side.chat.plain(picture_of(side)), None)

    drive(server, script)
    assert [message.text for message in server.messages("DU1")] == [f"{NOT_SHOWN} {CHART.words}"]


@pytest.mark.parametrize(("error", "kind"), [("ratelimited", RetryLater), ("channel_not_found", ChatGone)])
def test_other_refusals_mean_what_they_mean(server: SlackServer, error: str, kind: type[Exception]) -> None:
    """A picture waits when Slack asks to wait, and is given up where nobody is."""
    server.fail("files.completeUploadExternal", error=error)

    async def script(side: Side) -> None:
        with pytest.raises(kind):
            await side.chat.send(ADA, picture_of(side), None, b"PNG")

    drive(server, script)


def test_words_of_a_picture_are_shown_as_they_are(server: SlackServer) -> None:
    """What Slack would take for a command or a style in them is none."""
    chart = spending({}).model_copy(update={"title": "<!here> *cost*"})

    async def script(side: Side) -> str:
        return str(side.chat.plain(side.chat.enclosed(chart))["mrkdwn"])

    words = drive(server, script)
    assert "&lt;!here&gt;" in words
    assert "*cost*" not in words

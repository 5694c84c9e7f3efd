"""What passes on Slack: lines and unfinished answers that are taken away again."""

from collections.abc import Iterator

import pytest

from bot.errors import MessageGone
from tests.slack_server import SlackServer
from tests.slack_side import ADA, Side, drive, thread, workspace


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada, and a channel."""
    with workspace() as running:
        yield running


def test_a_line_is_deleted(server: SlackServer) -> None:
    """A line that was sent is deleted; one that is gone already says so."""

    async def script(side: Side) -> None:
        line = await side.chat.send(ADA, side.chat.passing("soon"), None)
        await side.chat.remove(ADA, line)
        with pytest.raises(MessageGone):
            await side.chat.remove(ADA, line)

    drive(server, script)
    assert [message.deleted for message in server.messages("DU1")] == [True]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_stream_is_ended_and_deleted(server: SlackServer, is_known: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """An answer that grows is ended before it is deleted, as Slack wants, also one that another process began."""
    ts = server.person("U1").writes("hello", server.channel("C1"))

    async def script(side: Side) -> None:
        side.chat.note_writer(f"C1:{ts}", "U1", "T1")
        stream = await side.chat.begin(thread(ts), side.chat.preview("So far. "), f"C1:{ts}")
        assert server.messages("C1")[0].is_streaming
        if not is_known:
            side.chat._streams.clear()  # noqa: SLF001 - as another process would not know them
        await side.chat.remove(thread(ts), stream)

    drive(server, script)
    assert [message.deleted for message in server.messages("C1")] == [True]

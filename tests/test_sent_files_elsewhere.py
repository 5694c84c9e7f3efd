"""Files that butlers send, on Slack and in the terminal."""

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.chats.terminal.chat import Terminal
from adapters.chats.terminal.screens import PipeScreen
from bot.enclosures import File
from bot.errors import BadFormat
from tests.slack_server import SlackServer
from tests.slack_side import ADA, Side, drive, thread, workspace

FILE = File(name="trip to *Rome*.ics", media_type="text/calendar", size=15, sha256="0")
CONTENT = b"BEGIN:VCALENDAR"


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A workspace with Ada and Ben, and a channel with both."""
    with workspace() as running:
        yield running


def test_a_file_stands_in_the_thread(server: SlackServer) -> None:
    """It is in the thread of what was asked, under its name, byte for byte."""
    ts = server.person("U1").writes("plan the trip", server.channel("C1"))

    async def script(side: Side) -> str:
        return await side.chat.send(thread(ts), side.chat.enclosed(FILE), None, CONTENT)

    native_id = drive(server, script)
    (message,) = server.messages("C1")
    (file,) = server.files.known.values()
    assert (message.thread_ts, message.text, native_id) == (ts, "", f"C1:file-{file.id}")
    assert (file.name, file.title, file.content) == (FILE.name, FILE.name, CONTENT)
    assert server.refusals == []


@pytest.mark.parametrize("error", ["missing_scope", "file_uploads_disabled", "slack_connect_file_upload_sharing_blocked"])
def test_where_no_file_may_be_sent(server: SlackServer, error: str) -> None:
    """Where files are forbidden, that is said with what to do; the name's letters are no formatting."""
    server.fail("files.completeUploadExternal", error=error, needed="files:write")

    async def script(side: Side) -> None:
        payload = side.chat.enclosed(FILE)
        with pytest.raises(BadFormat):
            await side.chat.send(ADA, payload, None, CONTENT)
        await side.chat.send(ADA, side.chat.plain(payload), None)

    drive(server, script)
    (message,) = server.messages("DU1")
    assert message.text.startswith("I could not send you the file trip to")
    assert "Ask me to write here" in message.text


def told(terminal: Terminal, out: io.StringIO, file: File, content: bytes) -> str:
    """Send a file to a terminal, and return what appears."""
    out.seek(0)
    out.truncate()
    payload = terminal.enclosed(file)
    assert payload is not None
    asyncio.run(terminal.send(terminal.address, payload, None, content))
    return out.getvalue().strip()


def test_a_terminal_tells_where_the_file_lies(tmp_path: Path) -> None:
    """The file lies below the house's folder, for its owner's eyes only; another of its name takes no place of it."""
    out = io.StringIO()
    terminal = Terminal(PipeScreen(out), "ada", folder=tmp_path)
    paths = [told(terminal, out, FILE, content) for content in (CONTENT, b"other", CONTENT, b"third", b"other")]
    folder = tmp_path / "files"
    names = ["trip to *Rome*.ics", "trip to *Rome*-2.ics", "trip to *Rome*.ics", "trip to *Rome*-3.ics", "trip to *Rome*-2.ics"]
    assert paths == [str(folder / name) for name in names]
    assert (folder / "trip to *Rome*-2.ics").read_bytes() == b"other"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700

"""Pictures in the terminal: files whose path is told."""

import asyncio
import io
from pathlib import Path

import pytest

from adapters.chats.terminal.chat import Terminal
from adapters.chats.terminal.screens import PipeScreen
from bot.drawn_charts import picture
from bot.errors import BadFormat
from bot.pictures import NOT_SHOWN
from tests.spending import CHART

PNG = picture(CHART)


def shown(folder: Path) -> str:
    """Send the chart to a terminal whose pictures lie below a folder, and return what appears."""
    out = io.StringIO()
    terminal = Terminal(PipeScreen(out), "ada", folder=folder)
    payload = terminal.enclosed(CHART)
    assert payload is not None
    try:
        asyncio.run(terminal.send(terminal.address, payload, None, PNG))
    except BadFormat:
        asyncio.run(terminal.send(terminal.address, terminal.plain(payload), None))
    return out.getvalue()


@pytest.mark.parametrize("name", ["home", "my `odd` *pictures*", "a" * 120])
def test_a_picture_is_a_file(tmp_path: Path, name: str) -> None:
    """The file is for its owner's eyes only, its path is all that appears, and a later one of the day takes its place."""
    home = tmp_path / name
    home.mkdir()
    folder = home / "pictures"
    for _ in range(2):
        assert shown(home) == f"{folder}/budget-2026-11-21.png\n\n"
    (file,) = folder.iterdir()
    assert file.read_bytes() == PNG
    assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_where_no_file_can_be_made(tmp_path: Path) -> None:
    """Where the disk takes no file, the picture's words appear instead."""
    (tmp_path / "pictures").write_text("in the way")
    assert shown(tmp_path) == f"{NOT_SHOWN} {CHART.words}\n\n"


def test_without_a_folder() -> None:
    """A terminal that has no place for pictures shows none."""
    assert Terminal(PipeScreen(), "ada").enclosed(CHART) is None

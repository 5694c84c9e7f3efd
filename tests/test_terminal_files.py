"""Files in the terminal: by a path that is typed with an @, pasted or dragged in."""

import asyncio
import os
from pathlib import Path

import pytest

from adapters.chats.terminal.chat import Terminal
from adapters.chats.terminal.paths import attached
from adapters.chats.terminal.screens import PipeScreen
from bot.attachments import LARGEST
from bot.errors import FileRefused
from tests.houses import House
from tests.sample_files import letter


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files, in which somebody works whose home it is."""
    (tmp_path / "my bill.txt").write_text("940")
    (tmp_path / "cat.png").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("line", "words", "names"),
    [
        ("what is @{}/cat.png about?", "what is  about?", ["cat.png"]),
        ("@./cat.png what is it", "what is it", ["cat.png"]),
        ('@~/cat.png @"{}/my bill.txt" compare', "compare", ["cat.png", "my bill.txt"]),
        (r"@{}/my\ bill.txt read", "read", ["my bill.txt"]),
        (r"{}/my\ bill.txt", "", ["my bill.txt"]),
        ("'{}/my bill.txt' {}/cat.png which?", "which?", ["my bill.txt", "cat.png"]),
        ("@./missing.pdf look", "look", ["missing.pdf"]),
        ("@general hello", "@general hello", []),
        ("/status", "/status", []),
        ("/usr/bin is what?", "/usr/bin is what?", []),
        ("/no/such/file.pdf look", "/no/such/file.pdf look", []),
        ("mail me@./x", "mail me@./x", []),
    ],
)
def test_paths_in_a_line(folder: Path, line: str, words: str, names: list[str]) -> None:
    """What is a path becomes a file, whatever is none stays a word."""
    said, files = attached(line.replace("{}", str(folder)))
    assert (said.replace("  ", " "), [file.name for file in files]) == (words.replace("  ", " "), names)


def test_what_cannot_be_read_there(folder: Path) -> None:
    """A path without a file, a folder, a device and a file that is too large end in a sentence."""
    (folder / "big.bin").touch()
    os.truncate(folder / "big.bin", LARGEST + 1)
    terminal = Terminal(PipeScreen(), "ada")
    for path, words in (
        (folder / "none.txt", "cannot be read here: No such file"),
        (folder, "cannot be read here: Is a directory"),
        (Path("/dev/zero"), "is no file that can be read."),
        (folder / "big.bin", "is 20 MB large"),
    ):
        with pytest.raises(FileRefused) as refused:
            asyncio.run(terminal.fetch({"id": str(path)}, LARGEST))
        assert refused.value.reason.startswith(words)


def test_a_story_in_a_pipe(tmp_path: Path) -> None:
    """A letter is given by its path, in a pipe too; what cannot be read is said, and the words are answered."""
    house = House(tmp_path / "house")
    (tmp_path / "rent.docx").write_bytes(letter())
    done = house.run(
        "up", lines=[f"@{tmp_path}/rent.docx", f"@{tmp_path}/none.docx", f"what time is it in Tokyo? @{tmp_path}/no.pdf"]
    )
    assert done.returncode == 0, done.stderr
    answers = done.stdout
    assert "The file “none.docx” cannot be read here: No such file or directory." in answers
    assert "The file “no.pdf” cannot be read here" in answers
    assert "Asia/Tokyo" in answers
    assert house.value("SELECT count(*) FROM files WHERE state = 'kept'") == 1

"""The terminal chat on a real terminal: typing, streaming, stopping, pasting, leaving."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.houses import BUTLER, House, wait_until

ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>()][0-9A-B]?)")


class Typist:
    """Somebody at a terminal of 90 columns."""

    def __init__(self, home: House, *arguments: str) -> None:
        home.home.mkdir(parents=True, exist_ok=True)
        env = home.env | {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self._screen, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
        self.process = subprocess.Popen(
            [*BUTLER, *arguments], env=env, cwd=home.home, stdin=inside, stdout=inside, stderr=inside, start_new_session=True
        )
        os.close(inside)
        self._seen = b""
        self._mark = 0
        self.modes: list[bool] = []  # at each piece of output: is the terminal raw?
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._screen, 4096)
            except OSError:
                return  # the other side is closed
            if not piece:
                return
            self.modes.append(not termios.tcgetattr(self._screen)[3] & termios.ICANON)
            self._seen += piece

    @property
    def shown(self) -> str:
        """All that appeared since the last look, without what moves the cursor."""
        return ESCAPES.sub("", self._seen[self._mark :].decode(errors="replace")).replace("\r", "")

    def types(self, keys: str) -> None:
        """Press keys."""
        self._mark = len(self._seen)
        os.write(self._screen, keys.encode())

    def sees(self, words: str, seconds: float = 60) -> None:
        """Wait until words appear."""
        wait_until(lambda: words in self.shown, f"{words!r} did not appear", seconds)

    def leaves(self, seconds: float = 60) -> int:
        """Wait for the program to end."""
        status = self.process.wait(seconds)
        os.close(self._screen)
        return status


@pytest.fixture
def typist(pipe: House) -> Iterator[Typist]:
    """Somebody in front of a new house."""
    made = Typist(pipe, "up")
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def test_a_first_conversation(typist: Typist, pipe: House) -> None:
    """Greeting, an answer that streams, a command, a paste of several lines, Ctrl-C, and Ctrl-D with status 0."""
    typist.sees("Good day. You are talking with assistant")
    typist.types("remember that the gate code is 99\r")
    typist.sees("I will remember that the gate code is 99.")
    typist.types("/butlers\r")
    typist.sees("general: Generalist")
    typist.types("\x1b[200~first line\nsecond line\x1b[201~")
    typist.sees("second line")
    typist.types("\r")
    typist.sees("There is no model key yet")
    typist.types("what is my gate code\x1b\rplease\r")
    typist.sees("the gate code is 99")
    typist.types("\x04")
    assert typist.leaves() == 0
    assert pipe.rows("SELECT text FROM inbox WHERE text LIKE 'first%'") == [("first line\nsecond line",)]
    assert pipe.rows("SELECT text FROM inbox WHERE text LIKE 'what%'") == [("what is my gate code\nplease",)]


def test_keys_are_never_lost(typist: Typist) -> None:
    """The terminal is raw from the first prompt on, so that Ctrl-C and Ctrl-D mean the same while an answer is being shown."""
    typist.sees("Ctrl-D leaves")
    wait_until(lambda: typist.modes[-1], "the prompt is there")
    typist.modes.clear()
    for number in range(5):
        typist.types(f"remember that box {number} is full\r")
        typist.sees(f"I will remember that box {number} is full.")
    assert typist.modes
    assert all(typist.modes)


def test_control_c_stops_the_turn(typist: Typist, pipe: House) -> None:
    """Ctrl-C during an answer stops the turn; at an empty prompt it does no harm."""
    typist.sees("Ctrl-D leaves")
    typist.types("\x03")
    typist.types("hello\r")
    typist.sees("There")  # what follows is drawn in pieces
    typist.types("\x03")
    typist.sees("Stopped.")
    typist.types("/status\r")
    typist.sees("nothing to do")
    typist.types("\x04")
    assert typist.leaves() == 0
    assert pipe.rows("SELECT state FROM turns") == [("stopped",)]


def test_two_windows_are_two_conversations(pipe: House, tmp_path: Path) -> None:
    """`butler chat` beside a running house opens another conversation, and what is remembered is the same person's."""
    del tmp_path
    first = Typist(pipe, "up")
    first.sees("Good day.")
    first.types("remember that the cat is called Tom\r")
    first.sees("I will remember that")
    second = Typist(pipe, "chat")
    second.sees("Good day.")
    second.types("what do you know about the cat\r")
    second.sees("the cat is called Tom (told by")
    second.types("\x04")
    assert second.leaves() == 0
    first.types("\x04")
    assert first.leaves() == 0
    assert pipe.rows("SELECT channel FROM conversations ORDER BY id") == [("terminal",), ("terminal-2",)]

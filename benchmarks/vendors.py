"""The loopback vendors, each in a process of its own so that its work is not counted as the house's."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any, Self

ANSWER = "Certainly."


class Vendor:
    """A process that obeys lines on its standard input and tells what happens in lines on its standard output."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.module = module
        command = [sys.executable, "-m", module, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.read()

    def read(self) -> str:
        """Return the next line that it tells."""
        if self.process.stdout is None or not (line := self.process.stdout.readline()):
            raise RuntimeError(f"{self.module} has ended")
        return line.strip()

    def order(self, line: str) -> None:
        """Tell it to do something."""
        if self.process.stdin is not None:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()

    def __enter__(self) -> Self:
        """Return the running vendor."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()


class Claude(Vendor):
    """Anthropic's API, which answers everything in the same words."""

    def __init__(self, delay: float = 0, text: str = ANSWER) -> None:
        super().__init__("tests.anthropic_server", "--delay", str(delay), "--text", text)

    def most_at_once(self) -> int:
        """Return how many requests it had in flight at once, at most."""
        self.order("stats")
        return int(json.loads(self.read())["max_in_flight"])


@dataclass(frozen=True)
class Call:
    """What the bot called, and when, in seconds of the monotonic clock."""

    method: str
    at: float
    chat: int | None
    text: str

    @property
    def shows(self) -> bool:
        """Tell whether a person sees words of the answer by this call."""
        return self.method in ("sendMessage", "sendMessageDraft", "editMessageText") and bool(self.text)


class Telegram(Vendor):
    """The Bot API."""

    def __init__(self) -> None:
        super().__init__("tests.telegram_server")
        self.calls: Queue[Call] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def writes(self, person: int, text: str) -> None:
        """Let a person write to the bot."""
        self.order(json.dumps({"person": person, "writes": text}))

    def wait_for(self, is_it: Callable[[Call], bool], seconds: float = 60) -> Call:
        """Return the next call of a kind."""
        while not is_it(call := self.calls.get(timeout=seconds)):
            pass
        return call

    def forget(self) -> None:
        """Forget the calls until now."""
        with suppress(Empty):
            while True:
                self.calls.get_nowait()

    def _listen(self) -> None:
        while line := self.process.stdout.readline() if self.process.stdout else "":
            told: dict[str, Any] = json.loads(line)
            chat = told["chat_id"]
            self.calls.put(Call(told["method"], told["at"], int(chat) if chat else None, told["text"] or ""))

"""The loopback vendors, each in a process of its own so that its work is not counted as the house's."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from time import monotonic, sleep
from typing import Any, Self

from tests.anthropic_server import KEY
from tests.slack_record import APP_TOKEN, BOT_TOKEN
from tests.telegram_server import TOKEN

ANSWER = "Certainly."
MOST_PEOPLE = 300
ANSWERS = {"sendMessage", "chat.postMessage"}
SHOWING = {"sendMessageDraft", "editMessageText", "chat.update", "chat.startStream", "chat.appendStream"}


class Vendor:
    """A process that obeys lines on its standard input and tells what happens in lines on its standard output."""

    settings: Mapping[str, str]  # those of a bot that is to meet it

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
        self.settings = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": self.url, "BUTLER_DAILY_CAP_USD": "1000000"}

    def most_at_once(self) -> int:
        """Return how many requests it had in flight at once, at most."""
        self.order("stats")
        return int(json.loads(self.read())["max_in_flight"])


@dataclass(frozen=True)
class Call:
    """What the bot called for the chat of which person, and when, in seconds of the monotonic clock."""

    method: str
    at: float
    chat: int
    text: str

    @property
    def answers(self) -> bool:
        """Tell whether the whole answer stands in the chat by this call."""
        return self.method in ANSWERS

    @property
    def shows(self) -> bool:
        """Tell whether a person sees words of the answer by this call."""
        return self.method in ANSWERS | SHOWING and bool(self.text)


class ChatVendor(Vendor):
    """A vendor of a chat, in which people are numbered from 1."""

    floor: str  # the module of the least bot

    def __init__(self, module: str) -> None:
        super().__init__(module)
        self.calls: Queue[Call] = Queue()
        self.told: Queue[Any] = Queue()  # what it was asked
        threading.Thread(target=self._listen, daemon=True).start()

    def writes(self, person: int, text: str) -> None:
        """Let a person write to the bot."""
        self.order(json.dumps({"person": self.name(person), "writes": text}))

    def wait_for(self, is_it: Callable[[Call], bool], seconds: float = 60) -> Call:
        """Return the next call of a kind. Raises queue.Empty when there was none in time."""
        deadline = monotonic() + seconds
        while not is_it(call := self.calls.get(timeout=max(0.0, deadline - monotonic()))):
            pass
        return call

    def forget(self) -> None:
        """Forget the calls until now."""
        with suppress(Empty):
            while True:
                self.calls.get_nowait()

    def name(self, person: int) -> int | str:
        """Return how the vendor names a person."""
        return person

    def _listen(self) -> None:
        while line := self.process.stdout.readline() if self.process.stdout else "":
            told: dict[str, Any] = json.loads(line)
            if "method" not in told:
                self.told.put(told)
                continue
            chat = str(told.get("chat_id") or told.get("channel") or 0).lstrip("DU")
            self.calls.put(Call(told["method"], told["at"], int(chat) if chat.isdecimal() else 0, told["text"] or ""))


class Telegram(ChatVendor):
    """The Bot API."""

    floor = "benchmarks.floor"

    def __init__(self) -> None:
        super().__init__("tests.telegram_server")
        allowed = ",".join(map(str, range(1, MOST_PEOPLE + 1)))
        self.settings = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_ALLOWED_USERS": allowed, "TELEGRAM_API_URL": self.url}


class Slack(ChatVendor):
    """The Web API and the sockets of Slack."""

    floor = "benchmarks.slack_floor"

    def __init__(self) -> None:
        super().__init__("tests.slack_server")
        self.settings = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_ALLOWED_USERS": ",".join(map(self.name, range(1, MOST_PEOPLE + 1))),
            "SLACK_API_URL": f"{self.url}/api/",
        }

    def name(self, person: int) -> str:
        """Return how Slack names a person."""
        return f"U{person}"

    def acknowledged(self) -> list[float]:
        """Return the seconds from each envelope to its acknowledgement, of those that have one."""
        return [float(seconds) for seconds in self._asked()["acks"] if seconds is not None]

    def wait_for_socket(self, seconds: float = 60) -> float:
        """Return when a socket was seen to be open."""
        begun = monotonic()
        while not self._asked()["sockets"]:
            if monotonic() - begun > seconds:
                raise TimeoutError("no socket was opened")
            sleep(0.005)
        return monotonic()

    def _asked(self) -> dict[str, Any]:
        self.order(json.dumps({"acks": True}))
        told: dict[str, Any] = self.told.get(timeout=10)
        return told

"""A house of real processes, which tests start, kill and start again."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, sleep
from typing import ClassVar, Self

import psycopg

from tests import stores
from tests.anthropic_server import KEY, AnthropicServer
from tests.nursery import Child, Nursery
from tests.postgres import rows
from tests.slack_server import SlackServer
from tests.telegram_server import TelegramServer

ROOT = Path(__file__).parent.parent
HOUSEHOLD = ROOT / "tests" / "household"  # two butlers that say nothing about which messages are theirs
SHIPPED = ROOT / "household"
BUTLER = (sys.executable, "-m", "bot")
OWNER = 7
SLACK_OWNER = "U7"
LOOK = 0.02


class House:
    """`butler up` in a home of its own, beside loopback servers for Telegram, Slack and Anthropic.

    Where there is a nursery, processes are forked from it; else each loads what it needs, as it does in a real house.
    """

    nursery: ClassVar[Nursery | None] = None

    def __init__(
        self,
        home: Path,
        telegram: TelegramServer | None = None,
        claude: AnthropicServer | None = None,
        slack: SlackServer | None = None,
    ) -> None:
        self.home = home
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
            "BUTLER_HOME": str(home / "butlers"),
            "BUTLER_HOUSEHOLD": str(HOUSEHOLD),
            "BUTLER_TIMEZONE": "Europe/Berlin",
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE")},
        }
        self.env |= stores.environment(home / "house")
        if telegram is not None:
            self.env |= {
                "TELEGRAM_BOT_TOKEN": telegram.token,
                "TELEGRAM_ALLOWED_USERS": str(OWNER),
                "TELEGRAM_API_URL": telegram.url,
            }
        if slack is not None:
            self.env |= {
                "SLACK_BOT_TOKEN": slack.bot_token,
                "SLACK_APP_TOKEN": slack.app_token,
                "SLACK_ALLOWED_USERS": SLACK_OWNER,
                "SLACK_API_URL": slack.api_url,
            }
        if claude is not None:
            self.env |= {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": claude.url}
        self._process: subprocess.Popen[bytes] | Child | None = None

    def __enter__(self) -> Self:
        """Start the house."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever still runs of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill_all()

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self, *arguments: str) -> None:
        """Start the house without waiting for it."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "stderr.log").open("a") as log, Path(os.devnull).open() as nothing:
            self._process = self._begin(["up", *arguments], nothing.fileno(), log.fileno(), log.fileno())

    def _begin(self, words: Sequence[str], *files: int) -> subprocess.Popen[bytes] | Child:
        if self.nursery is not None:
            return self.nursery.start(words, self.env, self.home, files)
        reads, says, complains = files
        return subprocess.Popen([*BUTLER, *words], env=self.env, cwd=self.home, stdin=reads, stdout=says, stderr=complains)

    def wait_until_ready(self) -> None:
        """Wait until a worker of this start listens."""

        def is_ready() -> bool:
            with suppress(sqlite3.OperationalError, psycopg.Error):  # the tables are being made
                return ("worker" in self.processes()) and self.value(
                    "SELECT max(pid) FROM workers"
                ) in self.processes().values()
            return False

        wait_until(is_ready, "no worker is ready", 60)

    def stop(self) -> int:
        """Ask the house to end and return its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(60)

    def wait(self, seconds: float = 60) -> int:
        """Wait for the house to end by itself and return its exit status."""
        assert self._process is not None
        return self._process.wait(seconds)

    def run(self, *arguments: str, lines: Sequence[str] = (), seconds: float = 90) -> subprocess.CompletedProcess[str]:
        """Run a `butler` command to its end, with lines for its standard input."""
        self.home.mkdir(parents=True, exist_ok=True)
        reads, writes = os.pipe()
        with TemporaryFile("w+") as said, TemporaryFile("w+") as complained:
            process = self._begin(arguments, reads, said.fileno(), complained.fileno())
            os.close(reads)
            with suppress(BrokenPipeError), os.fdopen(writes, "w") as typing:
                typing.writelines(f"{line}\n" for line in lines)
            try:
                status = process.wait(seconds)
            finally:
                process.kill()
            for file in (said, complained):
                file.seek(0)
            return subprocess.CompletedProcess(arguments, status, said.read(), complained.read())

    def processes(self) -> dict[str, int]:
        """Return the process ids of the house's processes, by their names."""
        found = {}
        for child in children(self.pid):
            with suppress(OSError):
                name = Path(f"/proc/{child}/comm").read_text().strip()
                found[name.removeprefix("butler ")] = child
        return found

    def process(self, name: str, seconds: float = 30) -> int:
        """Wait for a process of the house and return its id."""
        wait_until(lambda: name in self.processes(), f"there is no process {name}", seconds)
        return self.processes()[name]

    def kill(self, name: str) -> None:
        """End one process with SIGKILL; the supervisor is called house."""
        os.kill(self.pid if name == "house" else self.process(name), signal.SIGKILL)

    def kill_all(self) -> None:
        """End every process with SIGKILL, as a power cut would."""
        pids = [self.pid, *children(self.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait()
        wait_until(lambda: not any(map(lives, pids[1:])), "killed processes are still there")

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Look into the house's database."""
        if url := self.env.get("DATABASE_URL"):
            return rows(url, sql, values)
        path = f"file:{self.home / 'butlers' / 'house.db'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True, timeout=10)) as connection:
            return connection.execute(sql, values).fetchall()

    def execute(self, sql: str, *values: object) -> None:
        """Change something in the house's database."""
        if url := self.env.get("DATABASE_URL"):
            rows(url, sql, values)
            return
        with closing(sqlite3.connect(self.home / "butlers" / "house.db", timeout=10)) as connection, connection:
            connection.execute(sql, values)

    def value(self, sql: str, *values: object) -> object:
        """Return the first value of the first row, or None."""
        rows = self.rows(sql, *values)
        return rows[0][0] if rows else None

    @property
    def log(self) -> str:
        """All that the house's processes have logged."""
        files = [self.home / "stderr.log", *sorted((self.home / "butlers" / "logs").glob("*.log"))]
        return "".join(file.read_text() for file in files if file.exists())


def wait_until(is_so: Callable[[], bool], complaint: str, seconds: float = 30) -> None:
    """Wait for something that another process does."""
    deadline = monotonic() + seconds
    while not is_so():
        assert monotonic() < deadline, f"after {seconds} s: {complaint}"
        sleep(LOOK)


def lives(pid: int) -> bool:
    """Tell whether a process is there and has not ended: one of which nobody has heard the end holds nothing any more."""
    with suppress(OSError):
        has_ended = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        return not has_ended or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    return False


def children(pid: int) -> Iterator[int]:
    """Give the processes that a process has begun."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            yield from map(int, task.read_text().split())

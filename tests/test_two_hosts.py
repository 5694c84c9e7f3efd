"""Two hosts: processes of separate homes share one PostgreSQL and one Redis, and nothing else."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.anthropic_script import Answer
from tests.anthropic_server import AnthropicServer
from tests.counting import CountingServer
from tests.houses import BUTLER, House, wait_until
from tests.storms import do_and_tell, install_counting, last_words
from tests.telegram_server import TelegramServer
from tests.test_configuration import run_valkey

pytestmark = [pytest.mark.on_postgresql, pytest.mark.crash]
OLGA, BEN = 7, 8
LEASE_ENDS_WITHIN = 60.0


class Host(House):
    """A home on a machine of its own; its processes are started one by one."""

    def __init__(self, home: Path, env: dict[str, str], running: ExitStack) -> None:
        super().__init__(home)
        self.env = env | {"BUTLER_HOME": str(home / "butlers")}
        self._running = running
        home.mkdir()

    def runs(self, name: str) -> "subprocess.Popen[str]":
        """Start a process."""
        with (self.home / f"{name}.log").open("a") as log:
            process = subprocess.Popen([*BUTLER, name], env=self.env, cwd=self.home, stdout=log, stderr=log, text=True)
        self._running.callback(process.wait)
        self._running.callback(process.kill)
        return process

    def has_worker(self, process: "subprocess.Popen[str]") -> "subprocess.Popen[str]":
        """Wait until a worker listens."""

        def listens() -> bool:
            with suppress(psycopg.Error):  # the tables are being made
                return bool(self.rows("SELECT 1 FROM workers WHERE pid = ?", process.pid))
            return False

        wait_until(listens, "the worker listens")
        return process


@pytest.fixture
def counter() -> Iterator[CountingServer]:
    """A server that counts effects."""
    with CountingServer() as server:
        yield server


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """A Bot API server."""
    with TelegramServer() as server:
        yield server


@pytest.fixture
def hosts(tmp_path: Path, counter: CountingServer, telegram: TelegramServer, claude: AnthropicServer) -> Iterator[list[Host]]:
    """Three homes of one house; the first one has the bot and the clock."""
    house = House(tmp_path / "house", telegram, claude)
    install_counting(house, tmp_path / "house", counter.url)
    house.env |= {"REDIS_URL": f"unix://{tmp_path / 'own.sock'}", "TELEGRAM_ALLOWED_USERS": f"{OLGA},{BEN}"}
    with ExitStack() as running:
        running.enter_context(contextmanager(run_valkey)(tmp_path / "own.sock"))
        made = [Host(tmp_path / name, house.env, running) for name in ("first", "second", "third")]
        yield made


def chats(request: dict[str, object]) -> Answer:
    """Answer Olga, and do what Ben wants with every class of tool."""
    words = last_words(request)
    return Answer(text=f"Answer to {words[0]}") if words[:1] == ["Hello"] else do_and_tell(request, 0.0)


def test_the_lease_takes_over(
    hosts: list[Host], counter: CountingServer, telegram: TelegramServer, claude: AnthropicServer
) -> None:
    """One worker is stopped while it asks the model, one killed while its tools work: another home's goes on with both.

    Everybody has one answer, nothing is done twice, what may have been done is said, and who wakes up again writes nothing.
    """
    claude.script = chats
    first, second, third = hosts
    first.runs("bot")
    first.runs("clock")
    sleeper = second.has_worker(second.runs("worker"))
    olga, ben = telegram.person(OLGA, "Olga"), telegram.person(BEN, "Ben")
    with claude.hold():
        olga.writes("Hello")
        claude.wait_until(lambda: claude.in_flight > 0, 20, "Olga's request")
        os.kill(sleeper.pid, signal.SIGSTOP)
    victim = third.has_worker(third.runs("worker"))
    counter.answers = False
    ben.writes("thing")
    counter.wait_until(lambda: len(counter.done) == 3, 20, "Ben's thing is done")
    victim.kill()
    victim.wait()
    counter.answers = True
    first.has_worker(first.runs("worker"))

    assert olga.reads(LEASE_ENDS_WITHIN) == "Answer to Hello"
    told = ben.reads(LEASE_ENDS_WITHIN)
    assert told.startswith("Done")
    unsure = told.partition("I cannot tell whether this was done, so please check: ")[2]
    assert sorted(unsure.split("; ")) == ["blind(word: thing)", "look_up(word: thing)"]
    assert counter.done == Counter({(kind, "thing"): 1 for kind in ("blind", "look_up", "keyed")})

    os.kill(sleeper.pid, signal.SIGCONT)
    wait_until(lambda: "took its turns over" in (second.home / "worker.log").read_text(), "the sleeper knows")
    wait_until(lambda: "the turn was stopped or taken over" in (second.home / "worker.log").read_text(), "it gave up")
    assert len(olga.sees()) == len(ben.sees()) == 1
    wait_until(lambda: first.rows("SELECT count(*) FROM workers") == [(2,)], "it beats again")
    assert first.rows("SELECT count(*) FROM outbox WHERE turn_id IS NOT NULL") == [(2,)]


def test_one_bot_speaks(hosts: list[Host], telegram: TelegramServer, claude: AnthropicServer) -> None:
    """A second bot on another host is told who speaks already; when that one dies, the next may."""
    del claude
    first, second, _ = hosts
    olga = telegram.person(OLGA, "Olga")
    speaker = first.runs("bot")
    olga.writes("/start")
    assert "Good day, Olga" in olga.reads()
    refused = second.runs("bot")
    assert refused.wait(60) == 78
    said = (second.home / "bot.log").read_text()
    assert f"This house is served already: bot on {os.uname().nodename}, process {speaker.pid}." in said
    speaker.kill()
    speaker.wait()
    second.runs("bot")
    olga.writes("/whoami")
    assert "Olga" in olga.reads()

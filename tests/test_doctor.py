"""`butler check`: each thing that can be wrong is found and comes with its cure."""

import shutil
import sqlite3
import subprocess
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from bot.settings import load
from tests import counting
from tests.anthropic_server import KEY, AnthropicServer
from tests.houses import ROOT
from tests.telegram_server import TelegramServer
from tests.test_configuration import run_valkey
from workers import doctor, modules

Check = Callable[..., str]


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """A Bot API server."""
    with TelegramServer() as made:
        yield made


@pytest.fixture
def claude() -> Iterator[AnthropicServer]:
    """A Messages API server."""
    with AnthropicServer() as made:
        yield made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose tables are made once for all."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def check(
    home: Path,
    telegram: TelegramServer,
    claude: AnthropicServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Check:
    """A check of a house in order but for what the test changes; returns what it printed."""
    settings = {
        "BUTLER_HOME": str(home),
        "BUTLER_HOUSEHOLD": str(ROOT / "household"),
        "TELEGRAM_BOT_TOKEN": telegram.token,
        "TELEGRAM_ALLOWED_USERS": "7",
        "TELEGRAM_API_URL": telegram.url,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": claude.url,
    }

    def run(problems: int, **changes: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in (settings | changes).items():
                patch.setenv(name, value)
            assert doctor.check(load()) == (1 if problems else 0)
        printed = capsys.readouterr().out
        assert printed.count("✗") == problems, printed
        return printed

    return run


def test_all_is_well(check: Check) -> None:
    """A house in order has no problem."""
    assert check(0).endswith("All is well.\n")


def test_no_account_is_no_problem(check: Check) -> None:
    """Without accounts there is the terminal and the rehearsal model."""
    printed = check(0, TELEGRAM_BOT_TOKEN="", ANTHROPIC_API_KEY="")
    assert "so that the rehearsal model answers" in printed
    assert "`butler up` opens the terminal chat" in printed


def test_a_home_that_cannot_be(check: Check, tmp_path: Path, mocker: MockerFixture) -> None:
    """A home that is a file, that may not be written to, or whose disk is full."""
    (tmp_path / "file").write_text("")
    assert "cannot be made" in check(1, BUTLER_HOME=str(tmp_path / "file" / "home"))
    mocker.patch("os.access", return_value=False)
    assert "cannot be written to" in check(1)
    mocker.stopall()
    usage = namedtuple("usage", ["total", "used", "free"])  # noqa: PYI024 - what shutil returns
    mocker.patch.object(shutil, "disk_usage", return_value=usage(1, 1, 5 * 2**20))
    assert "only 5 MB are free" in check(1)


def test_a_broken_database(check: Check, tmp_path: Path) -> None:
    """A file that is no database is named."""
    (tmp_path / "house.db").write_bytes(b"this is no database" * 1000)
    assert "✗ database: " in check(1, BUTLER_HOME=str(tmp_path))


def test_the_queue(check: Check, tmp_path: Path, mocker: MockerFixture) -> None:
    """A server of one's own is asked; an embedded one that does not run on this machine, or is not there, is said."""
    runner = run_valkey(tmp_path / "own.sock")
    server = next(runner)
    address = f"unix://{tmp_path / 'own.sock'}"
    assert f"✓ queue: {address}" in check(0, REDIS_URL=address)
    server.kill()
    server.wait()
    assert "does not answer" in check(1, REDIS_URL=address)
    runner.close()
    program = mocker.patch("workers.valkey.program", return_value="/bin/false")
    assert "does not run on this machine" in check(1, REDIS_URL="")
    mocker.stop(program)
    mocker.patch("workers.valkey.files", return_value=[])
    assert "does not run on this machine" in check(1, REDIS_URL="")


def test_the_household(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing butlers, broken ones, and modules with a wrong table are each named."""
    assert "there is no folder" in check(1, BUTLER_HOUSEHOLD=str(tmp_path / "none"))
    counting.install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    modules.installed.cache_clear()
    folder = tmp_path / "household"
    counting.write_household(folder, "http://127.0.0.1")
    assert "✓ butler assistant" in check(0, BUTLER_HOUSEHOLD=str(folder))
    text = (folder / "assistant" / "butler.toml").read_text()
    (folder / "assistant" / "butler.toml").write_text(text.replace("url =", "address ="))
    (folder / "other").mkdir()
    (folder / "other" / "butler.toml").write_text("[butler]\nname = 3\n")
    printed = check(2, BUTLER_HOUSEHOLD=str(folder))
    assert "✗ butler assistant: butler assistant, [modules.counting]: url: Field required" in printed
    assert "line 2, butler.name: is no text in quotes" in printed
    modules.installed.cache_clear()


def test_a_module_that_cannot_be_imported(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that is broken is named, and the butler goes without it."""
    counting.install(tmp_path / "site")
    points = tmp_path / "site" / "butlers_counting-1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text().replace("tests.counting:", "tests.nowhere:"))
    monkeypatch.syspath_prepend(tmp_path / "site")
    modules.installed.cache_clear()
    counting.write_household(tmp_path / "household", "http://127.0.0.1")
    assert "cannot be used: No module named 'tests.nowhere'" in check(1, BUTLER_HOUSEHOLD=str(tmp_path / "household"))
    modules.installed.cache_clear()


def test_telegram(check: Check, telegram: TelegramServer) -> None:
    """A refused token, a server that is away, and an empty list."""
    assert "✗ telegram: TELEGRAM_BOT_TOKEN: Telegram refuses this token." in check(1, TELEGRAM_BOT_TOKEN="1:x")
    telegram.unavailable = True
    assert "cannot be reached" in check(1)
    telegram.unavailable = False
    assert "nobody may speak to the house" in check(1, TELEGRAM_ALLOWED_USERS="")


def test_the_keys(check: Check, claude: AnthropicServer, tmp_path: Path) -> None:
    """An unknown price, a refused key, the same key twice, a file of keys, a provider that is away; no token is spent."""
    assert "no price is known for claude-x" in check(1, BUTLER_MODEL="claude-x")
    assert "key anthropic-1 does not work" in check(1, ANTHROPIC_API_KEY="sk-ant-wrong")
    assert "gpt-6-sol is set, and no key is of a provider that has it, so that claude" in check(1, BUTLER_MODEL="gpt-6-sol")
    assert "anthropic-1 and anthropic-2 are the same key" in check(1, ANTHROPIC_API_KEY=f"{KEY},{KEY}")
    assert "no connection to Anthropic" in check(1, ANTHROPIC_BASE_URL="http://127.0.0.1:1")
    assert "BUTLER_KEYS_PATH: " in check(1, BUTLER_KEYS_PATH=str(tmp_path / "nowhere.json"))
    file = tmp_path / "keys.json"
    file.write_text('{"ollama": "x"}')
    assert "names a provider that nobody knows: ollama" in check(1, BUTLER_KEYS_PATH=str(file))
    file.write_text("{}")
    file.chmod(0o644)
    assert f"others on this machine can read {file}" in check(1, BUTLER_KEYS_PATH=str(file))
    assert claude.message_requests == []


def test_the_ledger(check: Check, tmp_path: Path) -> None:
    """Books that do not add up are found, and the budget is named."""
    check(0, BUTLER_HOME=str(tmp_path / "home"))
    with closing(sqlite3.connect(tmp_path / "home" / "house.db")) as other, other:
        other.execute("INSERT INTO budgets (scope, period, held, spent) VALUES ('house', 'day:2026-11-21', 0, 1000000000)")
    printed = check(1, BUTLER_HOME=str(tmp_path / "home"))
    assert "✗ ledger: house, day:2026-11-21: $1.00 stand in the books as spent, and the ledger says $0.00" in printed


def test_the_clock(check: Check, mocker: MockerFixture) -> None:
    """A clock that is minutes off is found by the dates that vendors send."""
    mocker.patch.object(doctor, "utc_now", return_value=datetime.now(UTC) + timedelta(minutes=5))
    assert "this machine's clock is 0:0" in check(1)


def test_it_runs_nothing_else(check: Check, mocker: MockerFixture) -> None:
    """No house is started by looking at one."""
    popen = mocker.spy(subprocess, "Popen")
    check(0)
    assert all("valkey-server" not in str(call) or "--version" in str(call) for call in popen.call_args_list)

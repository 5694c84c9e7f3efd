"""What a person reads when the house cannot start as it is set up, and how it runs when set up otherwise."""

import os
import shlex
import signal
import subprocess
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.anthropic_server import AnthropicServer
from tests.houses import BUTLER, ROOT, House, wait_until
from tests.telegram_server import TelegramServer
from workers.valkey import program

DESIGN_TOML = """\
[butler]
name = "assistant"
description = "Personal assistant with email and calendar"
port = 8101                      # accepted; nothing listens

[[butler.schedule]]
name = "morning-briefing"
cron = "0 8 * * *"
prompt = "Check my calendar for today, summarize meetings, and email me a briefing."

[modules.email]                  # module "email", provider "gmail": the entry point `email.gmail` in group `butlers.modules`
provider = "gmail"
address = "me@example.com"

[modules.calendar]
provider = "google"
calendar_id = "primary"
"""


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    """A Bot API server for one test."""
    with TelegramServer() as made:
        yield made


@pytest.fixture
def model() -> Iterator[AnthropicServer]:
    """A Messages API server for one test."""
    with AnthropicServer() as made:
        yield made


def household(home: House, **butlers: str) -> Path:
    """Write a household of butler.toml files and let the house live with it."""
    folder = home.home / "household"
    for name, text in butlers.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "butler.toml").write_text(text)
    home.env["BUTLER_HOUSEHOLD"] = str(folder)
    return folder


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"TELEGRAM_ALLOWED_USERS": ""}, "TELEGRAM_ALLOWED_USERS: the list is empty, so nobody may speak to the house: "),
        ({"TELEGRAM_BOT_TOKEN": "42:WRONG"}, "TELEGRAM_BOT_TOKEN: Telegram refuses this token."),
        (
            {"BUTLER_MODEL": "claude-sonet-5-5"},
            "no price is known for claude-sonet-5-5, and nothing is spent at an unknown price.",
        ),
        (
            {"BUTLER_TIMEZONE": "Europe/Belin"},
            "BUTLER_TIMEZONE: Europe/Belin is no IANA zone such as Europe/Berlin. Did you mean",
        ),
        ({"BUTLER_DAILY_CAP_USD": "much"}, "BUTLER_DAILY_CAP_USD: is no number; write it like 5 or 0.50"),
        ({"BUTLER_HOUSEHOLD": "/nowhere"}, "there is no folder /nowhere. `butler init assistant` makes one."),
        ({"BUTLER_DEFAULT": "asistant"}, "holds no working butler named asistant. There are: assistant, general. Did you mean"),
        ({"TELEGRAM_API_URL": "telegram.org"}, "TELEGRAM_API_URL: an address begins with http:// or https://"),
    ],
)
def test_a_house_that_cannot_start_says_why(
    tmp_path: Path, server: TelegramServer, model: AnthropicServer, change: dict[str, str], complaint: str
) -> None:
    """One sentence names the variable and the cure, once, and the exit status says that it is the configuration."""
    home = House(tmp_path, server, model)
    home.env |= change
    done = home.run("up")
    assert complaint in done.stderr
    assert done.stderr.count(complaint) == 1
    assert "Traceback" not in done.stderr
    assert done.returncode == 78


def test_the_secret_of_a_refused_token_is_not_told(tmp_path: Path, server: TelegramServer) -> None:
    """Neither standard error nor a log file repeats a token that does not work."""
    home = House(tmp_path, server)
    home.env["TELEGRAM_BOT_TOKEN"] = "123456:THIS-IS-A-SECRET-TOKEN-OF-35-CHARS-X"
    done = home.run("up")
    assert "THIS-IS-A-SECRET" not in done.stderr + done.stdout + home.log


def test_telegram_may_come_later(tmp_path: Path, server: TelegramServer, model: AnthropicServer) -> None:
    """A house that starts while Telegram is away waits for it and then serves."""
    ada = server.person(7)
    server.unavailable = True
    with House(tmp_path, server, model) as home:
        wait_until(lambda: "Telegram cannot be reached" in home.log, "the trouble is logged")
        server.unavailable = False
        model.says("Here I am.")
        ada.writes("Anybody there?")
        assert ada.reads(20) == "Here I am."


def test_one_house_in_a_home(tmp_path: Path, server: TelegramServer, model: AnthropicServer) -> None:
    """A second house in the same home is refused with the number of the first."""
    with House(tmp_path, server, model) as home:
        home.wait_until_ready()
        second = home.run("up")
        assert (
            second.stderr == f"butler: A house runs already in this home, as process {home.pid}. `butler chat` talks with it.\n"
        )
        assert second.returncode == 78


def test_processes_alone_need_a_queue(tmp_path: Path, server: TelegramServer, model: AnthropicServer) -> None:
    """Without a house and without REDIS_URL, each process says what to do."""
    home = House(tmp_path, server, model)
    for name in ("bot", "worker", "clock", "chat"):
        done = home.run(name)
        assert "so there is no queue. Start it with `butler up`, or set REDIS_URL" in done.stderr
        assert done.returncode == 78


def test_a_bot_without_a_chat(tmp_path: Path) -> None:
    """`butler bot` without a token says where tokens come from."""
    done = House(tmp_path).run("bot")
    assert "No chat is set up" in done.stderr
    assert "get a token from @BotFather and put it into TELEGRAM_BOT_TOKEN" in done.stderr
    assert "make an app from what `butler slack-manifest` prints" in done.stderr
    assert done.returncode == 78


def test_the_butler_of_the_design_works_as_it_stands(tmp_path: Path) -> None:
    """What this version lacks of it is reported by /butlers and by `butler check`, and the butler answers."""
    home = House(tmp_path)
    household(home, assistant=DESIGN_TOML)
    said = home.run("up", lines=["hello", "/butlers", "/schedule"]).stdout
    assert "There is no model key yet" in said
    assert "morning-briefing (1, assistant): Every day at 08:00" in said
    for words in ("module email is not installed", "module calendar is not installed"):
        assert words in said
        assert words in home.run("check").stdout
    assert home.run("check").returncode == 1


def test_a_broken_folder_stops_nobody_else(tmp_path: Path) -> None:
    """The fault is named by file, key and line; the other butlers start."""
    home = House(tmp_path)
    folder = household(home, assistant='[butler]\nname = "assistant"\n', broken='[butler]\nname = "broken"\ncolour = "red"\n')
    done = home.run("list")
    assert f"{folder / 'broken' / 'butler.toml'}: line 3, butler.colour: unknown key." in done.stdout
    assert done.returncode == 1
    said = home.run("up", lines=["hello", "/butlers"]).stdout
    assert "There is no model key yet" in said
    assert "line 3, butler.colour" in said


def test_a_new_butler_starts_as_it_is(tmp_path: Path) -> None:
    """`butler init` writes a folder that serves at once, and overwrites nothing."""
    home = House(tmp_path)
    folder = household(home, assistant='[butler]\nname = "assistant"\n')
    assert home.run("init", "chef").returncode == 0
    assert sorted(path.name for path in (folder / "chef").iterdir()) == ["CLAUDE.md", "butler.toml", "skills"]
    assert home.run("check").returncode == 0
    assert "chef has this conversation" in home.run("up", lines=["/butler chef"]).stdout
    again = home.run("init", "chef")
    assert "is there already" in again.stderr
    assert again.returncode == 78
    assert "cannot be a butler's name" in home.run("init", "Le Chef").stderr


def test_only_some_butlers(tmp_path: Path) -> None:
    """`--only` serves those that are named, the first as default, and starts nothing for a name that nobody has."""
    home = House(tmp_path)
    assert "**general**" not in home.run("up", "--only", "general", lines=["/butler"]).stdout
    assert "general has this conversation" in home.run("up", "--only", "general", lines=["/butler"]).stdout
    done = home.run("up", "--only", "general,chef", lines=["hello"])
    assert "There is no butler chef" in done.stderr
    assert (done.stdout, done.returncode) == ("", 78)


def test_check_finds_everything_at_once(tmp_path: Path, server: TelegramServer, model: AnthropicServer) -> None:
    """A house in order passes; one in disorder lists each problem with its cure; no token is spent."""
    home = House(tmp_path, server, model)
    good = home.run("check")
    assert good.stdout.endswith("All is well.\n"), good.stdout
    assert good.returncode == 0
    home.env |= {
        "TELEGRAM_ALLOWED_USERS": "",
        "ANTHROPIC_API_KEY": "sk-ant-not-this-one",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    bad = home.run("check")
    for words in ("✗ chats: nobody may speak", "✗ key anthropic-1 does not work", "✗ queue: redis://127.0.0.1:1/0"):
        assert words in bad.stdout
    assert "3 problems." in bad.stdout
    assert bad.returncode == 1
    assert "sk-ant-not-this-one" not in bad.stdout + bad.stderr
    assert model.message_requests == []


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Valkey server of the test's own."""
    yield from run_valkey(tmp_path / "own.sock")


def run_valkey(socket: Path) -> Generator[subprocess.Popen[bytes]]:
    """Run a Valkey server on a socket."""
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(socket.parent)]
    with subprocess.Popen([program(), *options], stdout=subprocess.DEVNULL) as process:
        wait_until(socket.exists, "the socket is there")
        yield process
        process.kill()


def test_each_line_of_the_procfile_starts(
    tmp_path: Path, server: TelegramServer, model: AnthropicServer, valkey: subprocess.Popen[bytes]
) -> None:
    """Three processes started one by one against a Redis of one's own answer on Telegram and end when asked to."""
    home = House(tmp_path / "home", server, model)
    home.env["REDIS_URL"] = f"unix://{tmp_path / 'own.sock'}"
    home.home.mkdir()
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert lines.keys() == {"bot", "worker", "clock"}
    running = []
    with ExitStack() as whatever_happens:
        for command in lines.values():
            program, *arguments = shlex.split(command)
            assert program == "butler"
            process = subprocess.Popen([*BUTLER, *arguments], env=home.env, cwd=home.home, stderr=subprocess.DEVNULL)
            whatever_happens.callback(process.kill)
            running.append(process)
        ada = server.person(7)
        model.says("From the Procfile.")
        ada.writes("Who answers?")
        assert ada.reads(60) == "From the Procfile."
        valkey.kill()  # and with the queue gone for good, the sweep still finds what was written
        model.says("Even without a queue.")
        ada.writes("And now?")
        assert ada.reads(60) == "Even without a queue."
        ada.writes("/status")
        assert "Queue: cannot be reached" in ada.reads()
        for process in running:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(60) for process in running] == [0, 0, 0]
    assert os.listdir(home.home / "butlers" / "run")  # noqa: PTH208 - the locks are left, unheld

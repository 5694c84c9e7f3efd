"""Money from the shell: `butler budget`, `keys` and `allocate`, beside a house that runs and without one."""

import io
import os
import pty
import struct
import subprocess
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.anthropic_server import KEY, AnthropicServer
from tests.houses import BUTLER, House, wait_until
from tests.telegram_server import TelegramServer

REFUSED = 78
SECRETS = ("gsk-canary-1", "nvapi-canary-2")


@pytest.fixture
def home(tmp_path: Path) -> House:
    """A home in which no house runs, with a file of keys that its .env names."""
    house = House(tmp_path)
    file = tmp_path / "keys.json"
    file.write_text(f'{{"groq": "{SECRETS[0]}", "nvidia": ["{SECRETS[1]}"]}}')
    file.chmod(0o600)
    (tmp_path / ".env").write_text(f"BUTLER_KEYS_PATH={file}\n")
    return house


class Here(House):
    """A home whose commands run in this process, which is fifty times faster; it reads .env as they do."""

    def run(self, *arguments: str, lines: Sequence[str] = (), seconds: float = 90) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        assert not lines
        assert seconds
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name in [name for name in os.environ if name.startswith(("BUTLER_", "ANTHROPIC_"))]:
                patch.delenv(name)
            for name, value in self.env.items():
                patch.setenv(name, value)
            patch.chdir(self.home)
            status = main(list(arguments))
        return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


@pytest.fixture
def here(home: House) -> House:
    """The same home, with its commands in this process."""
    return Here(home.home)


def says(house: House, *arguments: str, status: int = 0) -> str:
    """Run a command and return what it says, on the side that belongs to its status."""
    done = house.run(*arguments)
    assert done.returncode == status, (done.stdout, done.stderr)
    told, silent = (done.stderr, done.stdout) if status == REFUSED else (done.stdout, done.stderr)
    assert silent == ""
    assert "Traceback" not in told
    assert all(secret not in told for secret in SECRETS)
    return told.strip()


def test_budget_where_no_house_runs(home: House, here: House) -> None:
    """What is spent, and caps that are set and taken away again, in plain letters."""
    assert says(home, "budget").splitlines() == [
        "The house has spent $0.00 today of $5.00.",
        *says(here, "budget").splitlines()[1:5],
        "When a cap is reached: block (nothing is spent beyond a cap).",
    ]
    assert "% are left; begins anew at 0" in says(here, "budget")
    said = "From here on, the house may spend $7.50 a day; $0.00 of it are spent."
    assert says(here, "budget", "set", "house", "day", "7.50") == said
    assert says(here, "budget", "set", "butler", "general", "month", "200k tokens").startswith(
        "From here on, butler general may"
    )
    assert says(here, "budget", "mode", "warn").startswith("From here on a cap that is passed is only told to the owners")
    assert says(here, "budget", "raise", "2") == "Today the house may spend $9.50."
    found = says(here, "budget")
    assert found.startswith("The house has spent $0.00 today of $9.50.")
    assert "When a cap is reached: warn (spending goes on)" in found
    then = "The daily cap of the house is taken away; that of the settings holds: $5.00."
    assert says(here, "budget", "set", "house", "day", "off") == then


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "budget set house day lots",
            "butler: “lots” is no amount. Write an amount like 5 or 0.50 (dollars), or like 200000 tokens.",
        ),
        ("budget set butler genral day 5", "butler: There is no butler genral. Did you mean general? /butlers lists all."),
        ("budget set person Ada day 5", "butler: There is no person Ada."),
        ("budget moode warn", "butler: /budget knows no moode. Did you mean mode? Write /budget, /budget set house|butler"),
        ("budget raise 5 tokens", "butler: Today's cap is raised by dollars."),
        ("budget raise", "butler: An amount is missing."),
        ("budget set house day 5 --chart x.png", "butler: --chart draws, and changes nothing; leave the other words out."),
        ("keys probe gorq-1", "butler: There is no key gorq-1. Did you mean groq-1? The keys are groq-1, nvidia-1."),
        ("keys rest", "butler: Which key? The keys are groq-1, nvidia-1."),
        ("keys dance", "butler: /keys knows no dance."),
    ],
)
def test_mistakes(here: House, words: str, said: str) -> None:
    """Each has its sentence and the status of wrong settings, and nothing is changed."""
    found = says(here, *words.split(), status=REFUSED)
    assert found.startswith(said)
    assert found.endswith("Nothing was changed.")
    assert here.rows("SELECT * FROM caps") == []
    assert not (here.home / "x.png").exists()


def test_settings_that_are_wrong(here: House) -> None:
    """A file of keys that is none, and a model that nobody priced, are told without a part of a key."""
    here.env["BUTLER_MODEL"] = "gpt-99"
    found = says(here, "budget", status=REFUSED)
    assert found.startswith("butler: BUTLER_MODEL: no price is known for gpt-99, and nothing is spent at an unknown price.")
    del here.env["BUTLER_MODEL"]
    (here.home / "keys.json").write_text(f'{{"groq": "{SECRETS[0]}"')
    for command in ("budget", "keys", "allocate x"):
        found = says(here, *command.split(), status=REFUSED)
        assert found.startswith(f"butler: BUTLER_KEYS_PATH: {here.home}/keys.json, line 1, column ")
        assert "canary" not in found


def test_the_chart(here: House) -> None:
    """A PNG that a phone can show, with its words on the terminal; a folder that is missing is told."""
    file = here.home / "spent.png"
    assert says(here, "budget", "--chart", str(file)).startswith("Spending of the last 30 days, ")
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert 600 <= width <= 3000
    assert 400 <= height <= 3000
    assert 5_000 < len(content) < 1_000_000
    found = says(here, "budget", "--chart", str(here.home / "nowhere" / "spent.png"), status=REFUSED)
    assert found == f"butler: {here.home}/nowhere/spent.png cannot be written: No such file or directory."


def test_keys_where_no_house_runs(here: House) -> None:
    """Keys of the file that .env names, let rest, rotated, and asked about once a house runs."""
    assert says(here, "keys").splitlines() == [
        "- groq-1 (openai/gpt-oss-120b): usable; 0 of 10,000,000 tokens today",
        "- nvidia-1 (nvidia/nemotron-3-super-120b-a12b): usable; 0 of 5,000,000 tokens today",
    ]
    assert says(here, "keys", "rest", "groq-1") == "groq-1 rests until you say /keys probe groq-1."
    assert "groq-1 (openai/gpt-oss-120b): rests, because an owner said so" in says(here, "keys")
    assert says(here, "keys", "rotate") == "Every conversation goes on by the next key, if there is one."
    assert says(here, "keys", "rotate", "NVIDIA-1") == "Every conversation goes on by nvidia-1, if it can be used."
    asked = "I am asking the provider of nvidia-1 whether it accepts the key; once the house runs, butler keys shows"
    assert says(here, "keys", "probe", "nvidia-1").startswith(asked)
    assert "; its provider is being asked; " in says(here, "keys")
    kept = [path for path in (here.home / "butlers").rglob("*") if path.is_file() and b"canary" in path.read_bytes()]
    assert kept == []


def test_allocate(here: House) -> None:
    """A task's tokens, cost and key; a preferred provider; and the seed's error where no key has enough."""
    task = here.home / "PRD.md"
    task.write_text(" ".join(["word"] * 750))
    assert says(here, "allocate", str(task)).splitlines() == [
        "Key: nvidia-1 (nvidia, nvidia/nemotron-3-super-120b-a12b)",
        "Tokens: 1,000, from 250 to 24,000 (by the formula alone: nothing like it was done here)",
        "Cost: $0.0000",
        "Rotate at: 750 tokens",
        "Available: 5,000,000 tokens",
    ]
    assert says(here, "allocate", "PRD.md", "--provider", "groq").startswith("Key: groq-1 (groq, openai/gpt-oss-120b)")
    assert says(here, "allocate", "none.md", status=1) == "Error: none.md cannot be read: No such file or directory"
    for key_id in ("groq-1", "nvidia-1"):
        says(here, "keys", "rest", key_id)
    assert says(here, "allocate", "PRD.md", status=1) == "Error: No keys available with sufficient capacity"


def test_a_reader_that_has_seen_enough(home: House) -> None:
    """`butler budget | head` ends without a complaint."""
    (home.home / "PRD.md").write_text("word")
    for words in (["budget"], ["keys"], ["allocate", "PRD.md"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [*BUTLER, *words], env=home.env, cwd=home.home, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
        )
        os.close(writing)
        assert done.stderr == b""
        assert done.returncode == -13  # SIGPIPE, as of any other command


@pytest.mark.parametrize(
    ("typed", "said", "most"),
    [
        (b"y\n", b"Today the house may spend $7.00.", 2_000_000_000),
        (b"\x04", b"The cap stays as it is.", None),
    ],
)
def test_a_raise_is_confirmed(home: House, typed: bytes, said: bytes, most: int | None) -> None:
    """At a terminal the raise is asked about first; no, and the end of what is typed, leave the cap."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*BUTLER, "budget", "raise", "2"], env=home.env, cwd=home.home, stdin=follower, stdout=subprocess.PIPE
    ) as running:
        os.close(follower)
        os.write(leader, typed)
        shown, _ = running.communicate(timeout=60)
    os.close(leader)
    assert said in shown
    assert (running.returncode, home.value("SELECT amount FROM caps")) == (0, most)


def test_beside_a_house_that_runs(tmp_path: Path) -> None:
    """The shell shows and changes the running house's books, from an environment without any key."""
    with TelegramServer() as telegram, AnthropicServer() as claude, House(tmp_path, telegram, claude) as house:
        ada = telegram.person(7, "Ada", "ada")
        ada.writes("/start")
        ada.reads()
        claude.says("Good day.")
        ada.writes("Hello")
        assert ada.reads() == "Good day."
        house.env.pop("ANTHROPIC_API_KEY")
        assert "- assistant: under $0.01 today, under $0.01 this month" in says(house, "budget")
        assert "- Ada: under $0.01 today" in says(house, "budget")
        assert says(house, "keys").startswith("- anthropic-1 (claude-sonnet-5-5): usable; ")
        says(house, "budget", "set", "house", "day", "0.01")
        ada.writes("And now?")
        assert ada.reads().startswith("The house may spend $0.01 a day, and this could cost up to $")
        says(house, "keys", "rest", "anthropic-1")
        says(house, "keys", "probe", "anthropic-1")
        wait_until(lambda: "anthropic-1, probed: accepted" in says(house, "keys"), "nobody asked about the key")
        assert says(house, "keys").startswith("- anthropic-1 (claude-sonnet-5-5): usable; ")
        assert KEY not in house.log

"""The two bots that are compared: the house, and the floor."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.vendors import Claude, Telegram
from tests.anthropic_server import KEY
from tests.houses import House
from tests.telegram_server import TOKEN

MOST_PEOPLE = 300


def settings(telegram: Telegram, claude: Claude) -> dict[str, str]:
    """Return the settings of a bot that is to meet these vendors."""
    return {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_ALLOWED_USERS": ",".join(map(str, range(1, MOST_PEOPLE + 1))),
        "TELEGRAM_API_URL": telegram.url,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": claude.url,
        "BUTLER_DAILY_CAP_USD": "1000000",
    }


def house(folder: Path, telegram: Telegram, claude: Claude) -> House:
    """Return a house, not started yet, as people run it."""
    made = House(folder)
    made.env |= settings(telegram, claude)
    del made.env["PYTHONWARNINGS"]
    return made


@contextmanager
def floor(folder: Path, telegram: Telegram, claude: Claude) -> Iterator[None]:
    """Run the floor bot."""
    env = House(folder).env | settings(telegram, claude)
    del env["PYTHONWARNINGS"]
    command = [sys.executable, "-m", "benchmarks.floor"]
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def memory(running: House) -> dict[str, float]:
    """Return the memory of each process of a house in MB, with what they share divided among them (PSS)."""
    pids = {"supervisor": running.pid, **running.processes()}
    return {name: _pss(pid) for name, pid in pids.items()}


def _pss(pid: int) -> float:
    found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1000 if found else 0.0

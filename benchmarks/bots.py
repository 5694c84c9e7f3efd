"""The two bots that are compared: the house, and the floor."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.vendors import ChatVendor, Vendor
from tests.houses import House

UNLIMITED = "[anthropic]\ntokens_per_day = 1_000_000_000\ntokens_per_month = 1_000_000_000\n"  # no figure is of a key's day


def house(folder: Path, *vendors: Vendor) -> House:
    """Return a house, not started yet, as people run it."""
    made = House(folder)
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / "providers.toml"
    own.write_text(UNLIMITED)
    made.env["BUTLER_PROVIDERS_PATH"] = str(own)
    for vendor in vendors:
        made.env |= vendor.settings
    del made.env["PYTHONWARNINGS"]
    return made


@contextmanager
def floor(folder: Path, chat: ChatVendor, claude: Vendor) -> Iterator[None]:
    """Run the floor bot of a chat."""
    command = [sys.executable, "-m", chat.floor]
    with subprocess.Popen(command, env=house(folder, chat, claude).env, stderr=subprocess.DEVNULL) as process:
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

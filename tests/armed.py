"""Houses of which each process can be told at which boundary to die."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import boundaries
from tests.anthropic_script import Answer
from tests.anthropic_server import AnthropicServer
from tests.houses import House
from tests.telegram_server import TelegramServer

Armed = tuple[House, TelegramServer, AnthropicServer, Path]


@contextmanager
def armed(folder: Path, script: Callable[[dict[str, Any]], Answer] | None = None) -> Iterator[Armed]:
    """Give a house of its own, with vendors that refuse it nothing, and the file in which its boundaries are chosen."""
    with TelegramServer() as telegram, AnthropicServer() as claude:
        if script is not None:
            claude.script = script
        house = House(folder, telegram, claude)
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(boundaries.SITECUSTOMIZE)
        house.env["PYTHONPATH"] += f":{folder / 'site'}"
        house.env |= {boundaries.ARMED: str(folder / "boundaries"), "BUTLER_DAILY_CAP_USD": "1000000"}
        with house:
            house.wait_until_ready()
            yield house, telegram, claude, folder / "boundaries"
        assert telegram.refusals == []


def dies_at(file: Path, number: int) -> None:
    """Let whoever passes this boundary next die."""
    file.unlink(missing_ok=True)
    file.with_suffix(".chosen").write_text(str(number))

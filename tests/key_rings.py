"""A room with several keys at two loopback providers, whose purse is made of settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.settings import load
from bot.treasury import rests
from bot.treasury.rests import blamed
from tests.anthropic_server import AnthropicServer
from tests.houses import ROOT
from tests.openai_server import OpenAIServer
from tests.room import ADA, BEN, Room
from workers.key_probes import KeyProbes
from workers.purse import Purse

CLAUDES = ("sk-ant-canary-one-0123-tail", "sk-ant-canary-two-4567-tail")
OPENAI = "sk-canary-three-8901-tail"
PARTS = ("canary", "-tail", "0123-", "4567-", "8901-")  # of the keys, both ends and the middle


class Ring:
    """A room with two keys of Anthropic and one of OpenAI, as a house's settings name them."""

    def __init__(self, folder: Path, claude: AnthropicServer, openai: OpenAIServer, purse: Purse) -> None:
        self.claude, self.openai, self.purse = claude, openai, purse
        self.room = Room(folder, claude, keys=purse.keys, providers=purse.providers)
        self.probes = KeyProbes(self.room.database, purse, self.room.redactor, self.room.clock)

    def says(self, words: str = "") -> str:
        """Give /keys and return its answer."""
        return self.room.writes(ADA, f"/keys {words}".strip())

    def line(self, key_id: str) -> str:
        """Return what /keys says of one key."""
        return next(line for line in self.says().splitlines() if f"**{key_id}**" in line)

    def probed(self) -> str:
        """Ask as a worker does about every key of which somebody wants to know, and return what Ada reads last."""
        for key_id in self.probes.asked():
            self.probes.probe(key_id)
        return self.room.reads(ADA)[-1]

    def blames(self, key_id: str, error: object) -> None:
        """Let a provider have answered with an error."""
        provider = key_id.partition("-")[0]
        with self.room.database.write() as tx:
            blame = blamed(error, provider, key_id, None, "claude-sonnet-5-5", self.room.now)  # type: ignore[arg-type]
            assert blame is not None
            rests.put_to_rest(tx, blame, str(error), self.room.now)


@contextmanager
def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ring]:
    """Open a room whose purse is made of settings."""
    with AnthropicServer(CLAUDES) as claude, OpenAIServer([OPENAI]) as openai:
        monkeypatch.chdir(folder)
        settings = {
            "BUTLER_HOUSEHOLD": str(ROOT / "household"),
            "ANTHROPIC_API_KEY": ",".join(CLAUDES),
            "ANTHROPIC_BASE_URL": claude.url,
            "OPENAI_API_KEY": OPENAI,
            "OPENAI_BASE_URL": openai.base_url,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        purse = Purse(load())
        ring = Ring(folder, claude, openai, purse)
        with ring.room:
            ring.room.writes(ADA, "/whoami")
            ring.room.writes(BEN, "/whoami")
            yield ring
        purse.close()

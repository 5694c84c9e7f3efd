"""A server that counts effects, and the module whose tools have them: what a crash must never double."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import httpx2
from aiohttp import web
from pydantic import BaseModel

from bot.store.database import Database
from bot.tools import Context, Effect, tool
from tests.loopback import Loopback

SECONDS = 60.0
LOOK = 0.02


class CountingServer(Loopback):
    """Counts what was done, by kind and word, and can find a thing again by its key."""

    def __init__(self) -> None:
        super().__init__()
        self.done: Counter[tuple[str, str]] = Counter()
        self.keys: Counter[str] = Counter()
        self.answers = True  # else whoever had something done does not hear of it

    def routes(self) -> list[web.RouteDef]:
        """Return the two routes."""
        return [web.post("/do/{kind}/{word}", self._do), web.get("/find/{key}", self._find)]

    async def _do(self, request: web.Request) -> web.Response:
        kind, key = request.match_info["kind"], request.query["key"]
        if kind != "keyed" or not self.keys[key]:
            self.done[kind, request.match_info["word"]] += 1
        self.keys[key] += 1
        self.changed()
        while not self.answers:
            await asyncio.sleep(LOOK)
        return web.Response(text="done")

    async def _find(self, request: web.Request) -> web.Response:
        found = self.keys[request.match_info["key"]] > 0
        return web.Response(text="done") if found else web.Response(status=404)


class Counting:
    """Tools of every effect class, and one that kills."""

    class Config(BaseModel):
        """Where the server is."""

        url: str

    def __init__(self, config: Config, store: Database) -> None:
        del store
        self._url = config.url

    @tool(Effect.BLIND)
    def blind(self, context: Context, word: str) -> str:
        """Do something that cannot be found again."""
        return self._do("blind", word, context.key)

    @tool(Effect.KEYED)
    def keyed(self, context: Context, word: str) -> str:
        """Do something that the receiver does once for each key."""
        return self._do("keyed", word, context.key)

    @tool(Effect.LOOK_UP, find="find_done")
    def look_up(self, context: Context, word: str) -> str:
        """Do something that can be found again."""
        return self._do("look_up", word, context.key)

    def find_done(self, context: Context, word: str) -> str | None:
        """Return the result of an earlier call with the same key."""
        found = httpx2.get(f"{self._url}/find/{context.key}", timeout=SECONDS)
        return f"found {word}" if found.status_code == httpx2.codes.OK else None

    @tool(Effect.READ)
    def kill(self) -> str:
        """Kill the worker that runs this."""
        os.kill(os.getpid(), signal.SIGKILL)
        return "never"

    def _do(self, kind: str, word: str, key: str) -> str:
        return httpx2.post(f"{self._url}/do/{kind}/{word}?key={key}", timeout=SECONDS).text


def install(folder: Path) -> None:
    """Make the module known to every process that has `folder` on its path, as an installed package would."""
    package = folder / "butlers_counting-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: butlers-counting\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[butlers.modules]\ncounting.test = tests.counting:Counting\n")


def write_household(folder: Path, url: str) -> None:
    """Write a household whose assistant has the module."""
    (folder / "assistant").mkdir(parents=True)
    (folder / "assistant" / "butler.toml").write_text(
        '[butler]\nname = "assistant"\ndescription = "does countable things"\n'
        f'[modules.counting]\nprovider = "test"\nurl = "{url}"\n'
    )

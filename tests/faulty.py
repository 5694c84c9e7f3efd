"""What can happen to any request on its way, switched on by the tests: answers that come late, get lost or never come."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, NoReturn

from tests.loopback import Loopback

if TYPE_CHECKING:
    from aiohttp import web

ANY = "*"


class Faulty(Loopback):
    """A server whose answers can come late or get lost; each switch takes effect at once."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: Counter[str] = Counter()
        self._losses: dict[str, tuple[float, Random]] = {}
        self._delays: dict[str, float] = {}
        self._hangs: Counter[str] = Counter()

    @staticmethod
    def key(method: str) -> str:
        """Return the name under which a method's faults are kept."""
        return method

    def lose_answers(self, method: str, share: float, seed: int) -> None:
        """Carry out the calls of a method, but close the connection instead of a share of the answers."""
        self.call(self._losses.__setitem__, self.key(method), (share, Random(seed)))  # noqa: S311  # no secret

    def delay(self, method: str, seconds: float) -> None:
        """Let every call of a method wait before it is carried out; 0 ends it."""
        self.call(self._delays.__setitem__, self.key(method), seconds)

    def hang(self, method: str, times: int = 1) -> None:
        """Accept the next calls of a method, but neither carry them out nor answer them."""
        self.call(self._hangs.update, {self.key(method): times})

    async def linger(self, method: str) -> None:
        """Be late with a call, or never come to it, as was switched on."""
        method = self.key(method)
        if self._hangs:
            await self._maybe_hang(method)
        if self._delays:
            await self._maybe_delay(method)

    async def maybe_lose_answer(self, method: str, request: web.Request) -> None:
        """Close the connection instead of the answer, if this answer is one to be lost."""
        share, random = self._losses.get(self.key(method)) or self._losses.get(ANY) or (0.0, None)
        if random is None or random.random() >= share:
            return
        self.faults["lose_answers"] += 1
        self.changed()
        if request.transport is not None:
            request.transport.abort()
        await _never()

    async def _maybe_hang(self, method: str) -> None:
        for name in (method, ANY):
            if self._hangs[name] > 0:
                self._hangs[name] -= 1
                self._hangs += Counter()  # drops what is used up
                self.faults["hang"] += 1
                self.changed()
                await _never()

    async def _maybe_delay(self, method: str) -> None:
        seconds = self._delays.get(method, 0) or self._delays.get(ANY, 0)
        if seconds > 0:
            self.faults["delay"] += 1
            self.changed()
            await asyncio.sleep(seconds)


async def _never() -> NoReturn:
    """Wait until the client goes or the server stops, either of which cancels the answer."""
    await asyncio.Event().wait()
    raise AssertionError

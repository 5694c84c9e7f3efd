"""Tests of the foundation of the vendors' doubles."""

from __future__ import annotations

import asyncio
import threading
from time import monotonic
from urllib.request import urlopen

import pytest
from aiohttp import web

from tests.loopback import Loopback


class Counter(Loopback):
    """A server that counts its requests and can let one hang."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.cancelled = 0

    def routes(self) -> list[web.RouteDef]:
        """Return the two routes."""
        return [web.get("/", self._count), web.get("/hang", self._hang)]

    async def _count(self, _: web.Request) -> web.Response:
        self.count += 1
        self.changed()
        return web.Response(text=threading.current_thread().name)

    async def _hang(self, _: web.Request) -> web.Response:
        self.count += 1
        self.changed()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1
        return web.Response()


def _get(url: str) -> str:
    with urlopen(url, timeout=10) as answer:  # noqa: S310  # a loopback address
        return str(answer.read().decode())


def test_serves_on_the_loopback_interface_in_its_own_thread() -> None:
    """The address is a loopback one with a free port, and another thread answers."""
    with Counter() as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert _get(server.url) == "Counter" != threading.current_thread().name
        assert server.call(lambda: threading.current_thread().name) == "Counter"


def test_stops_quickly_and_cancels_what_hangs() -> None:
    """An open request delays the stop by no more than 0.3 s and is cancelled."""
    server = Counter().start()
    waiting = [threading.Thread(target=_lost, args=(f"{server.url}/hang",)) for _ in range(4)]
    for thread in waiting:
        thread.start()
    server.wait_until(lambda: server.call(lambda: server.count) == 4, 5, "four open requests")
    began = monotonic()
    server.stop()
    assert monotonic() - began < 0.3
    for thread in waiting:
        thread.join(5)
    assert server.cancelled == 4


def _lost(url: str) -> None:
    with pytest.raises(ConnectionError):
        _get(url)


def test_starts_again_at_the_same_address() -> None:
    """An outage can be played: the address stays the same, and the state stays too."""
    server = Counter().start()
    url = server.url
    _get(url)
    server.stop()
    with pytest.raises(OSError, match="refused"):
        _get(url)
    assert server.call(lambda: server.count) == 1
    with server:
        assert server.url == url
        _get(url)
    assert server.count == 2


def test_wait_until_names_what_was_waited_for_in_vain() -> None:
    """A predicate that never holds becomes an AssertionError with the words given."""
    with Counter() as server, pytest.raises(AssertionError, match="a miracle"):
        server.wait_until(lambda: False, 0.01, "a miracle")


def test_call_hands_back_errors() -> None:
    """What a function raises in the server's thread is raised in the caller's."""
    with Counter() as server, pytest.raises(ZeroDivisionError):
        server.call(lambda: 1 // 0)


def test_a_second_start_is_an_error() -> None:
    """A server that runs already is not started once more."""
    with Counter() as server, pytest.raises(RuntimeError):
        server.start()

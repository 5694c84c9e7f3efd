"""A web server on the loopback interface that runs in a thread of its own, the foundation of the vendors' doubles."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
P = ParamSpec("P")

HOST = "127.0.0.1"
BACKLOG = 1024
LONGEST_BODY = 64 * 2**20
STARTS_WITHIN = 30.0
CALL_TAKES_AT_MOST = 60.0
# A predicate may hang on the time or on another process, of which no change is told.
LOOKS_AGAIN_AFTER = 0.05
# aiohttp takes 0 for "wait without end", so the least wait for open requests is a small number.
SHUTDOWN_TIMEOUT = 0.01


class Loopback:
    """An aiohttp application in its own thread and event loop, whose state is touched in that thread only."""

    def __init__(self) -> None:
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._wakeup = threading.Condition()
        self._version = 0

    def routes(self) -> list[web.RouteDef]:
        """Return the routes that the server answers."""
        return []

    @property
    def url(self) -> str:
        """The address of the server, without a slash at its end."""
        return f"http://{HOST}:{self._port}"

    def start(self) -> Self:
        """Start to serve, after a stop at the same address as before."""
        if self._thread is not None:
            raise RuntimeError("The server runs already")
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name=type(self).__name__, daemon=True)
        self._thread.start()
        try:
            ready.result(STARTS_WITHIN)
        except BaseException:
            self._thread = None
            raise
        return self

    def stop(self) -> None:
        """Cancel what is being answered, close every connection and end the thread."""
        loop, stopping, thread = self._loop, self._stopping, self._thread
        if thread is None or loop is None or stopping is None:
            return
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        self._thread = self._loop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def call(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in the server's thread and return its result."""
        loop = self._loop
        if loop is None or self._thread is threading.current_thread():
            return fn(*args, **kwargs)  # without a thread of its own nobody else can touch the state
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001  # the caller's thread gets it
                answer.set_exception(error)

        try:
            loop.call_soon_threadsafe(run)
        except RuntimeError:  # the loop has just been closed
            return fn(*args, **kwargs)
        return answer.result(CALL_TAKES_AT_MOST)

    def changed(self) -> None:
        """Wake those who wait for a change of the server's state."""
        with self._wakeup:
            self._version += 1
            self._wakeup.notify_all()

    def wait_until(self, predicate: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait until the predicate holds, or fail with what was waited for."""
        deadline = monotonic() + timeout
        while True:
            seen = self._version
            # Asked without the lock: the predicate may need the server's thread, and that thread may need the lock.
            if predicate():
                return
            left = deadline - monotonic()
            if left <= 0:
                raise AssertionError(f"Waited {timeout} s in vain: {what}")
            with self._wakeup:
                if self._version == seen:
                    self._wakeup.wait(min(left, LOOKS_AGAIN_AFTER))

    def wait_for(self, look: Callable[[], T | None], timeout: float, what: str) -> T:
        """Wait until a look at the server's state finds something, and return that."""
        found: list[T] = []

        def is_there() -> bool:
            seen = self.call(look)
            if seen is not None:
                found.append(seen)
            return bool(found)

        self.wait_until(is_there, timeout, what)
        return found[0]

    def _run(self, ready: Future[None]) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: Future[None]) -> None:
        app = web.Application(client_max_size=LONGEST_BODY)
        app.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_TIMEOUT)
        try:
            await runner.setup()
            listener = self._listen()
            await web.SockSite(runner, listener, backlog=BACKLOG).start()
        except BaseException as error:  # noqa: BLE001  # start() raises it in the caller's thread
            await runner.cleanup()
            ready.set_exception(error)
            return
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        ready.set_result(None)
        try:
            await self._stopping.wait()
        finally:
            await runner.cleanup()

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit it
            listener.bind((HOST, self._port))
        except OSError:
            listener.close()
            raise
        listener.settimeout(0)
        self._port = listener.getsockname()[1]
        return listener

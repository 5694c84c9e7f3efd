"""Interrupts: requests that are under way, each to be cut from another thread when its turn was stopped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock


class TurnInterrupt:
    """The way to end one turn's request."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cut: Callable[[], None] | None = None
        self._fired = False

    @contextmanager
    def guard(self, cut: Callable[[], None]) -> Iterator[None]:
        """Let `cut` be called when the request must end; calls it at once when that has already come."""
        with self._lock:
            self._cut = cut
            fired = self._fired
        if fired:
            cut()
        try:
            yield
        finally:
            with self._lock:
                self._cut = None

    def fire(self) -> None:
        """End the request that is under way, and every later one."""
        with self._lock:
            self._fired = True
            if self._cut is not None:
                self._cut()


class Interrupts:
    """The turns that this process runs, by their claims."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: dict[str, TurnInterrupt] = {}

    @contextmanager
    def running(self, token: str) -> Iterator[TurnInterrupt]:
        """Keep a turn among those that run."""
        interrupt = TurnInterrupt()
        with self._lock:
            self._running[token] = interrupt
        try:
            yield interrupt
        finally:
            with self._lock:
                del self._running[token]

    def tokens(self) -> set[str]:
        """Return the claims of the turns that run."""
        with self._lock:
            return set(self._running)

    def fire(self, token: str) -> None:
        """End a turn's request."""
        with self._lock:
            interrupt = self._running.get(token)
        if interrupt is not None:
            interrupt.fire()

"""`butler up`: the whole house in one terminal, forked from one preloaded process that restarts what dies."""

import gc
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from subprocess import Popen
from time import monotonic, sleep
from typing import NoReturn

from bot.errors import ConfigurationError
from bot.settings import Settings
from workers import processes, valkey
from workers.house import House
from workers.liveness import held

QUICK_DEATH = 2.0  # seconds: who dies sooner is started again later each time
LONGEST_PAUSE = 10.0
STOPS_WITHIN = 12.0
log = logging.getLogger(__name__)


@dataclass
class Child:
    """A forked process of the house."""

    name: str
    target: Callable[[], int]
    leads: bool = False  # the house ends with it
    pid: int = 0
    started_at: float = 0.0
    deaths: int = 0
    start_at: float = 0.0


class Supervisor:
    """Starts the processes, starts them again when they die, and ends them together."""

    def __init__(self, house: House, children: list[Child]) -> None:
        self._house = house
        self._children = children
        self._valkey: Popen[bytes] | None = None
        self._stopping = False
        self._status = 0
        self._alive_read, self._alive_write = os.pipe()  # children see its end when this process dies

    def run(self) -> int:
        """Run the house until it is told to stop; return its exit status."""
        wakeup_read, wakeup_write = os.pipe()
        os.set_blocking(wakeup_write, False)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop(0))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        gc.collect()
        gc.freeze()  # so that the children's collectors leave the shared pages alone
        while not self._stopping:
            self._start_what_is_due()
            ready, _, _ = select.select([wakeup_read], [], [], self._next_start())
            if ready:
                os.read(wakeup_read, 512)
            self._reap()
        self._end_all()
        return self._status

    def start_valkey(self) -> None:
        """Start the embedded server unless another one is set, without waiting for it."""
        if self._house.settings.redis_url is None:
            self._valkey = valkey.start(self._house.home)

    def wait_for_valkey(self) -> None:
        """Wait until the embedded server answers. Raises ConfigurationError."""
        if self._valkey is not None:
            valkey.wait_until_ready(self._house.home, self._valkey)

    def _start_what_is_due(self) -> None:
        if self._valkey is not None and self._valkey.poll() is not None:
            log.warning("valkey died with status %s and is started again", self._valkey.returncode)
            self.start_valkey()
        for child in self._children:
            if child.pid == 0 and monotonic() >= child.start_at:
                self._fork(child)

    def _next_start(self) -> float:
        due = [child.start_at - monotonic() for child in self._children if child.pid == 0]
        return max(0.0, min((*due, 1.0)))

    def _fork(self, child: Child) -> None:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            self._be(child)
        child.pid, child.started_at = pid, monotonic()

    def _be(self, child: Child) -> NoReturn:
        """Become a child: the parent's signals are none of its business, and it ends with the parent."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.close(self._alive_write)
        threading.Thread(target=_end_with, args=(self._alive_read,), name="parent", daemon=True).start()
        if not child.leads:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        status = 1
        try:
            status = child.target()
        except ConfigurationError as error:
            status = processes.explain(error)
        finally:
            if sys.exc_info()[0] is not None:
                log.critical("the process ends by an error", exc_info=True)
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        for child in self._children:
            if child.pid:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
                if pid:
                    self._note_death(child, os.waitstatus_to_exitcode(status))

    def _note_death(self, child: Child, status: int) -> None:
        child.pid = 0
        if child.leads or status == processes.EXIT_CONFIGURATION:
            self._stop(max(status, 0))
            return
        log.warning("%s died with status %s and is started again", child.name, status)
        child.deaths = child.deaths + 1 if monotonic() - child.started_at < QUICK_DEATH else 0
        child.start_at = monotonic() + (min(0.1 * 2**child.deaths, LONGEST_PAUSE) if child.deaths else 0.0)

    def _stop(self, status: int) -> None:
        self._stopping = True
        self._status = status

    def _end_all(self) -> None:
        """Ask the children to end, end those that do not, and the embedded server last of all."""
        for child in self._children:
            _signal(child, signal.SIGTERM)
        deadline = monotonic() + STOPS_WITHIN
        while any(child.pid for child in self._children):
            for child in self._children:
                if child.pid and os.waitpid(child.pid, os.WNOHANG)[0]:
                    child.pid = 0
                elif monotonic() > deadline:
                    _signal(child, signal.SIGKILL)
            sleep(0.01)
        if self._valkey is not None:
            self._valkey.terminate()
            self._valkey.wait()


def up(settings: Settings) -> int:
    """Run the whole house; return its exit status. Raises ConfigurationError."""
    house = House(settings)
    house.home.make()
    with held(house.home.lock("house"), "A house"):
        chats_here = settings.telegram_bot_token is None
        supervisor = Supervisor(house, _children(settings, chats_here=chats_here))
        supervisor.start_valkey()
        house.open("house", log_to_file=chats_here)
        supervisor.wait_for_valkey()
        house.stores.close()  # a connection must not be used on both sides of a fork
        return supervisor.run()


def _children(settings: Settings, *, chats_here: bool) -> list[Child]:
    """Return the processes of the house; with no chat set up, the terminal is the chat."""
    if chats_here:
        first = Child("terminal", partial(processes.terminal, settings), leads=True)
    else:
        first = Child("bot", partial(processes.bot, settings))
    return [
        first,
        Child("worker", partial(processes.worker, settings, log_to_file=chats_here)),
        Child("clock", partial(processes.clock, settings, log_to_file=chats_here)),
    ]


def _signal(child: Child, number: signal.Signals) -> None:
    if child.pid:
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)


def _end_with(alive: int) -> None:
    """Wait for the end of the parent, and end with it."""
    os.read(alive, 1)
    os._exit(1)

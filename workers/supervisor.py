"""`butler up`: the whole house in one terminal, forked from one preloaded process that restarts what dies."""

import gc
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import Popen
from time import monotonic, sleep
from typing import NoReturn

from bot import logs
from bot.errors import ConfigurationError
from bot.pauses import growing_pause
from bot.settings import Settings
from workers import processes, valkey
from workers.house import House
from workers.liveness import held
from workers.memory import keep_what_is_loaded

QUICK_DEATH = 2.0  # seconds: who dies sooner is started again later each time
LONGEST_PAUSE = 10.0
DAMAGED_AFTER = 3  # quick deaths of the embedded server
STOPS_WITHIN = 12.0
log = logging.getLogger(__name__)


@dataclass
class Restart:
    """When a process may be started: at once, or later each time if it keeps dying quickly."""

    begun_at: float = 0.0
    due_at: float = 0.0
    deaths: int = 0  # quick ones in a row

    def is_due(self) -> bool:
        """Tell whether the process may be started now."""
        return monotonic() >= self.due_at

    def note_death(self) -> None:
        """Decide when the next start is."""
        self.deaths = self.deaths + 1 if monotonic() - self.begun_at < QUICK_DEATH else 0
        self.due_at = monotonic() + (growing_pause(self.deaths, LONGEST_PAUSE, first=0.1) if self.deaths else 0.0)


@dataclass
class Child:
    """A forked process of the house."""

    name: str
    target: Callable[[], int]
    leads: bool = False  # the house ends with it
    once: bool = False  # it has one thing to do, and the others wait for that by themselves
    pid: int = 0
    restart: Restart = field(default_factory=Restart)


class Supervisor:
    """Starts the processes, starts them again when they die, and ends them together."""

    def __init__(self, house: House, children: list[Child]) -> None:
        self._house = house
        self._children = children
        self._valkey: Popen[bytes] | None = None
        self._valkey_restart = Restart()
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
        keep_what_is_loaded()
        while not self._stopping:
            self._start_what_is_due()
            ready, _, _ = select.select([wakeup_read], [], [], self._next_start())
            if ready:
                os.read(wakeup_read, 512)
            self._reap()
        self._end_all()
        return self._status

    def _start_what_is_due(self) -> None:
        # Whoever needs the embedded server waits for it.
        if self._valkey is None and self._house.settings.redis_url is None and self._valkey_restart.is_due():
            self._valkey_restart.begun_at = monotonic()
            self._valkey = valkey.start(self._house.home)
        for child in self._children:
            if child.pid == 0 and child.restart.is_due():
                self._fork(child)

    def _next_start(self) -> float:
        due = [child.restart.due_at - monotonic() for child in self._children if child.pid == 0]
        return max(0.0, min((*due, 1.0)))

    def _fork(self, child: Child) -> None:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            self._be(child)
        child.pid, child.restart.begun_at = pid, monotonic()

    def _be(self, child: Child) -> NoReturn:
        """Become a child: the parent's signals are none of its business, and it ends with the parent."""
        _name_process(f"butler {child.name}")
        gc.disable()  # until it is ready
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
                log.critical("the process ends by an error", exc_info=True)  # noqa: LOG014 - in flight, not caught
                if child.leads:
                    print(f"butler: {child.name} ended by an error; {self._house.home.logs} says more", file=sys.stderr)  # noqa: T201
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        for child in [*self._children]:
            if child.pid:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
                if pid:
                    self._note_death(child, os.waitstatus_to_exitcode(status))

        if self._valkey is not None and self._valkey.poll() is not None:
            log.warning("valkey died with status %s and is started again", self._valkey.returncode)
            self._valkey = None
            self._valkey_restart.note_death()
            if self._valkey_restart.deaths >= DAMAGED_AFTER:
                valkey.set_aside(self._house.home)  # nothing stands in it that the tables do not know

    def _note_death(self, child: Child, status: int) -> None:
        child.pid = 0
        if child.once and status == 0:
            self._children.remove(child)
            return
        if child.leads or status == processes.EXIT_CONFIGURATION:
            self._stop(max(status, 0))
            return
        log.warning("%s died with status %s and is started again", child.name, status)
        child.restart.note_death()

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


def up(settings: Settings, only: Sequence[str] = ()) -> int:
    """Run the whole house, or `only` some of its butlers; return its exit status. Raises ConfigurationError."""
    house = House(settings, only)
    house.home.make()
    with held(house.home.lock("house"), "A house", " `butler chat` talks with it."):
        # What is wrong with the settings is said once, and before anything runs.
        house.household()
        log.debug("%s keys", len(house.treasury.keys))
        logs.start_logging("house", house.redactor, house.home.logs if _chats_here(settings) else None)
        return Supervisor(house, _children(settings, only)).run()


def _chats_here(settings: Settings) -> bool:
    """With no chat set up, the terminal is the chat, and the log must not be written into it."""
    return not settings.chats_set_up


def _children(settings: Settings, only: Sequence[str]) -> list[Child]:
    """Return the processes of the house."""
    here = _chats_here(settings)
    chat = Child("terminal", partial(processes.terminal, settings, only), leads=True)
    bot = Child("bot", partial(processes.bot, settings, only))
    return [
        Child("tables", partial(processes.tables, settings, only), once=True),
        chat if here else bot,
        Child("worker", partial(processes.worker, settings, only, log_to_file=here)),
        Child("clock", partial(processes.clock, settings, only, log_to_file=here)),
    ]


def _signal(child: Child, number: signal.Signals) -> None:
    if child.pid:
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)


def _name_process(name: str) -> None:
    """Let `ps -o comm` tell the processes of the house apart, where the kernel can."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name, encoding="ascii")


def _end_with(alive: int) -> None:
    """Wait for the end of the parent, and end with it."""
    os.read(alive, 1)
    os._exit(1)

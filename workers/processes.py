"""The processes by name: what `butler bot`, `worker`, `clock` and `chat` do, alone or in a whole house."""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from uuid import uuid4

from bot.errors import ConfigurationError
from bot.settings import Settings
from workers.foundation import utc_now
from workers.house import House
from workers.interrupts import Interrupts
from workers.key_probes import KeyProbes
from workers.liveness import held, lock_path, note_birth, note_death

EXIT_CONFIGURATION = 78  # as sysexits.h has it: no use starting again before somebody mends the settings

log = logging.getLogger(__name__)


def tables(settings: Settings, only: Sequence[str] = ()) -> int:
    """Bring the tables into order."""
    House(settings, only).make_tables()
    return 0


def bot(settings: Settings, only: Sequence[str] = (), *, log_to_file: bool = False) -> int:
    """Serve the chat vendors."""
    from workers.chats import check, serve  # noqa: PLC0415 - only this process needs the vendors' packages

    house = House(settings, only)
    check(house)
    house.open("bot", log_to_file=log_to_file)
    return _run(serve(house))


def worker(settings: Settings, only: Sequence[str] = (), *, log_to_file: bool = False) -> int:
    """Let butlers think and act."""
    from workers.worker import Worker, leave  # noqa: PLC0415 - only this process needs the threads

    house = House(settings, only)
    house.purse.open_models()  # imported while others start the queue and make the tables
    house.open("worker", log_to_file=log_to_file)
    name = uuid4().hex
    interrupts = Interrupts()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with held(lock_path(house.home.folder, name)):
        with house.stores.house.write() as tx:
            note_birth(tx, name, utc_now(), house.home.folder)
        house.doorbell.forget_cut_off()
        Worker(
            name=name,
            home=house.home.folder,
            database=house.stores.house,
            doorbell=house.doorbell,
            runner=house.turn_runner(name, interrupts),
            sweep=house.sweep(),
            probes=KeyProbes(house.stores.house, house.purse, house.redactor, utc_now),
            checking=house.checking(),
            interrupts=interrupts,
            clock=utc_now,
            stopping=stopping,
        ).run()
        with house.stores.house.write() as tx:
            note_death(tx, house.home.folder, name)
        leave()
    return 0


def clock(settings: Settings, only: Sequence[str] = (), *, log_to_file: bool = False) -> int:
    """Ring when a wait is over, and look after the house."""
    house = House(settings, only)
    house.open("clock", log_to_file=log_to_file)
    house.clock().run()
    return 0


def terminal(settings: Settings, only: Sequence[str] = ()) -> int:
    """Talk in the terminal."""
    from workers.terminal import serve  # noqa: PLC0415 - only this process needs the terminal

    house = House(settings, only)
    house.open("terminal", log_to_file=True)
    return _run(serve(house))


def _run(service: "Coroutine[None, None, int | None]") -> int:
    """Run a service until it ends, or until the process is told to."""

    async def until_told() -> int:
        task = asyncio.ensure_future(service)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with suppress(asyncio.CancelledError):
            return await task or 0
        return 0

    return asyncio.run(until_told())


def explain(error: ConfigurationError) -> int:
    """Print what is wrong with the settings and return the exit status for it."""
    print(f"butler: {error}", file=sys.stderr)  # noqa: T201 - a person or a log reads it
    return EXIT_CONFIGURATION

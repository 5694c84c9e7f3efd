"""Clocks of a house for which time runs faster; `python -m tests.fast_clock URL WALL` keeps two of them, until it is ended.

Each is a process of its own that does what `butler clock` does, without a Redis. What dies is begun again at once.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import time
from typing import Self

from redis import Redis

from bot.people import Gate
from bot.schedules.firing import Firing
from bot.store.database import Database
from skills.belongings import Belongings
from tests.spenders import treasury
from workers import clock
from workers.alarms import AlarmClock
from workers.clock import Clock
from workers.liveness import Watch
from workers.queue import Doorbell
from workers.sweep import Sweep

CLOCKS = 2
NOBODY = Gate({}, frozenset())
NOWHERE = "unix:///nowhere/valkey.sock"


@dataclass(frozen=True)
class Wall:
    """A clock on the wall that all processes see; its hands are moved by writing its file."""

    path: Path

    @classmethod
    def starting_at(cls, path: Path, moment: datetime, rate: float) -> Self:
        """Hang up a clock that begins at a moment now and runs so many times as fast."""
        made = cls(path)
        made._write({"began": time(), "start": moment.isoformat(), "rate": rate, "offset": 0})
        return made

    def __call__(self) -> datetime:
        """Return the time that it shows."""
        told = json.loads(self.path.read_text())
        return datetime.fromisoformat(told["start"]) + timedelta(
            seconds=(time() - told["began"]) * told["rate"] + told["offset"]
        )

    def jump(self, span: timedelta) -> None:
        """Set it forwards or backwards."""
        told = json.loads(self.path.read_text())
        self._write(told | {"offset": told["offset"] + span.total_seconds()})

    def run_at(self, rate: float) -> None:
        """Go on from the time that it shows now, so many times as fast as time itself."""
        self._write({"start": self().isoformat(), "began": time(), "rate": rate, "offset": 0})

    def _write(self, told: dict[str, object]) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(told))
        fresh.rename(self.path)


def run(url: str, wall: Wall) -> None:
    """Be one clock."""
    clock.TICK = 0.02  # seconds, in which minutes pass here
    database, redis = Database(url), Redis.from_url(NOWHERE)
    doorbell = Doorbell(redis)
    folder = wall.path.parent
    Clock(
        alarms=AlarmClock(redis, doorbell),
        sweep=Sweep(database, treasury(), Watch(folder), folder, wall, Belongings(list, lambda _: database)),
        firing=Firing(database, NOBODY, lambda _, __: "", wall),
        beat=lambda: (),
        synchronise=lambda: (),
        announce=lambda _: False,
        now=wall,
    ).run()


def _begin(url: str, wall: Wall) -> int:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            run(url, wall)
        finally:
            os._exit(0)
    return child


def main(arguments: Sequence[str]) -> None:
    """Keep the clocks going."""
    url, wall = arguments[0], Wall(Path(arguments[1]))
    children: set[int] = set()

    def end(*_: object) -> None:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    while True:
        while len(children) < CLOCKS:
            children.add(_begin(url, wall))
        gone, _ = os.wait()
        children.discard(gone)


if __name__ == "__main__":
    main(sys.argv[1:])

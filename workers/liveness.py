"""Who is alive: each worker holds a file lock that the kernel releases with the process."""

import fcntl
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import TextIO

from sqlalchemy import Connection, delete, insert, select, update

from bot.errors import ConfigurationError
from bot.store.tables import workers

STALE_AFTER = 30.0  # seconds in which a worker did not beat while this process was watching
LEASE = 15.0  # the same of a worker of another home, of which nothing else is known; it beats every five
ENDS_WITHIN = 3.0  # seconds: the processes of a house that was killed end a moment after it, and the next may start sooner
LOOK = 0.05
NAP = 10.0  # who looked so long ago was away, and counts anew
log = logging.getLogger(__name__)


@contextmanager
def held(path: Path, wanted_by: str = "", advice: str = "") -> Iterator[None]:
    """Hold a file lock as long as this process lives.

    Raises ConfigurationError that says what `wanted_by` cannot do when another process holds it and does not end in a moment.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+") as file:
        deadline = monotonic() + ENDS_WITHIN
        while not _try_lock(file):
            if monotonic() > deadline:
                file.seek(0)
                raise ConfigurationError(f"{wanted_by} runs already in this home, as process {file.read()}.{advice}")
            sleep(LOOK)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _try_lock(file: TextIO) -> bool:
    """Lock a file unless another process holds it; tell whether it is locked now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def waited_for(path: Path) -> Iterator[None]:
    """Hold a file lock while inside, waiting for whoever holds it now."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_held(path: Path) -> bool:
    """Tell whether a living process holds a lock."""
    try:
        with path.open("a+") as file:
            return not _try_lock(file)
    except FileNotFoundError:
        return False


def lock_path(home: Path, worker: str) -> Path:
    """Return the file that a worker locks."""
    return home / "run" / f"worker-{worker}.lock"


def place_of(home: Path) -> str:
    """Return what tells a home from every other one, also on other machines and in other containers."""
    machine = Path("/etc/machine-id")
    folder = home.stat()
    parts = (machine.read_text() if machine.exists() else "", socket.gethostname(), folder.st_dev, folder.st_ino)
    return sha256(repr(parts).encode()).hexdigest()[:16]


def note_birth(tx: Connection, worker: str, now: datetime, home: Path | None = None) -> None:
    """Note a worker that begins; without a home it is one of whoever asks."""
    place = None if home is None else place_of(home)
    tx.execute(insert(workers).values(id=worker, pid=os.getpid(), home=place, started_at=now, beat_at=now))


def note_beat(tx: Connection, worker: str, now: datetime, home: Path) -> None:
    """Note that a worker lives; one that was taken for dead meanwhile begins anew."""
    if not tx.execute(update(workers).where(workers.c.id == worker).values(beat_at=now)).rowcount:
        log.warning("this worker was silent for so long that another host took its turns over")
        note_birth(tx, worker, now, home)


def note_death(tx: Connection, home: Path, worker: str) -> None:
    """Forget a worker that is gone."""
    tx.execute(delete(workers).where(workers.c.id == worker))
    lock_path(home, worker).unlink(missing_ok=True)


class Watch:
    """Tells the dead workers from the living, and ends those that live but do nothing any more.

    Of a worker of the same home the kernel knows whether it lives. Of one of another home there is only its beat: when that
    has not come for long, its lease is over, whether it is dead, stopped or cut off.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._seen: dict[str, tuple[datetime, float]] = {}
        self._looked = monotonic()
        self.lapsed: tuple[str, ...] = ()  # workers of other homes whose lease was over at the last look

    @property
    def known(self) -> set[str]:
        """The workers that were noted at the last look."""
        return set(self._seen)

    def dead(self, tx: Connection) -> list[str]:
        """Return the workers of this home whose process is gone."""
        here = place_of(self._home)
        known = tx.execute(select(workers)).all()
        seen = self._seen if monotonic() - self._looked < NAP else {}  # others may have been cut off as this process was
        self._looked = monotonic()
        self._seen = {row.id: seen.get(row.id, (row.beat_at, monotonic())) for row in known}
        mine = [row for row in known if row.home in (None, here)]
        self.lapsed = tuple(row.id for row in known if row not in mine and self._is_silent(row.id, row.beat_at, LEASE))
        dead = []
        for row in mine:
            if not is_held(lock_path(self._home, row.id)):
                dead.append(row.id)
            elif self._is_silent(row.id, row.beat_at, STALE_AFTER):
                # Taken over only from the dead: what hangs might wake up in the middle of an effect.
                log.error("worker %s lives but does not beat; it is ended", row.id)
                os.kill(row.pid, signal.SIGKILL)
        return dead

    def is_still_silent(self, tx: Connection, worker: str) -> bool:
        """Tell whether a worker has not beaten since the last look; within a writing transaction it cannot until the end."""
        return tx.scalar(select(workers.c.beat_at).where(workers.c.id == worker)) == self._seen[worker][0]

    def _is_silent(self, worker: str, beat_at: datetime, seconds: float) -> bool:
        # Measured by this process's own running time: a laptop that slept makes nobody stale, and clocks may differ.
        seen, since = self._seen[worker]
        if beat_at != seen:
            self._seen[worker] = (beat_at, monotonic())
            return False
        return monotonic() - since > seconds

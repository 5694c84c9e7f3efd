"""Who is alive: each worker holds a file lock that the kernel releases with the process."""

import fcntl
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic

from sqlalchemy import Connection, delete, insert, select, update

from bot.errors import ConfigurationError
from bot.store.tables import workers

STALE_AFTER = 30.0  # seconds in which a worker did not beat while this process was watching
log = logging.getLogger(__name__)


@contextmanager
def held(path: Path, wanted_by: str = "", advice: str = "") -> Iterator[None]:
    """Hold a file lock as long as this process lives.

    Raises ConfigurationError that says what `wanted_by` cannot do when another process holds it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ConfigurationError(f"{wanted_by} runs already in this home, as process {file.read()}.{advice}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


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
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def lock_path(home: Path, worker: str) -> Path:
    """Return the file that a worker locks."""
    return home / "run" / f"worker-{worker}.lock"


def note_birth(tx: Connection, worker: str, now: datetime) -> None:
    """Note a worker that begins."""
    tx.execute(insert(workers).values(id=worker, pid=os.getpid(), started_at=now, beat_at=now))


def note_beat(tx: Connection, worker: str, now: datetime) -> None:
    """Note that a worker lives."""
    tx.execute(update(workers).where(workers.c.id == worker).values(beat_at=now))


def note_death(tx: Connection, home: Path, worker: str) -> None:
    """Forget a worker that is gone."""
    tx.execute(delete(workers).where(workers.c.id == worker))
    lock_path(home, worker).unlink(missing_ok=True)


class Watch:
    """Tells the dead workers from the living, and ends those that live but do nothing any more."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._seen: dict[str, tuple[datetime, float]] = {}

    @property
    def known(self) -> set[str]:
        """The workers that were noted at the last look."""
        return set(self._seen)

    def dead(self, tx: Connection) -> list[str]:
        """Return the workers whose process is gone."""
        known = tx.execute(select(workers)).all()
        self._seen = {row.id: self._seen.get(row.id, (row.beat_at, monotonic())) for row in known}
        dead = []
        for row in known:
            if not is_held(lock_path(self._home, row.id)):
                dead.append(row.id)
            elif self._is_stale(row.id, row.beat_at):
                # Taken over only from the dead: what hangs might wake up in the middle of an effect.
                log.error("worker %s lives but does not beat; it is ended", row.id)
                os.kill(row.pid, signal.SIGKILL)
        return dead

    def _is_stale(self, worker: str, beat_at: datetime) -> bool:
        # Measured by this process's own running time: a laptop that slept makes nobody stale.
        seen, since = self._seen[worker]
        if beat_at != seen:
            self._seen[worker] = (beat_at, monotonic())
            return False
        return monotonic() - since > STALE_AFTER

"""Who is in a home: all that use its databases together, or one alone that puts others in their place."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import ConfigurationError
from workers.home import Home
from workers.liveness import is_held, waited_for

MARK = "arriving"  # a table: on a server, what is there is not whole
READY = "ready"  # in the folder of what is restored: all of it is whole, and only has to be put in its place


def enter(home: Home) -> int:
    """Use a home together with others, until the descriptor that is returned is closed. Raises ConfigurationError.

    Whatever a restore left to be put in its place is put there first.
    """
    lock = home.lock("use")
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigurationError(f"{home.folder} is just being restored or moved. Wait until that is done.") from None
    if home.arriving.exists():
        with waited_for(home.lock("migrate")):
            move_in(home)
    return descriptor


def refuse_what_moved(home: Home) -> None:
    """Raise ConfigurationError where the house in these files was moved, and goes on elsewhere."""
    if home.moved.exists():
        where = home.moved.read_text(encoding="utf-8").strip()
        raise ConfigurationError(
            f"The house in {home.folder} was moved to {where}. Set DATABASE_URL to it; or, to go on with the files as they "
            f"were then, delete {home.moved}."
        )


@contextmanager
def alone(home: Home, purpose: str) -> Iterator[None]:
    """Use a home alone. Raises ConfigurationError when anybody else uses it."""
    lock = home.lock("use")
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _runs(home, purpose) from None
        if is_held(home.lock("house")):
            raise _runs(home, purpose)
        move_in(home)
        yield


def move_in(home: Home) -> None:
    """Put the databases of a restore in their place, if all of them are whole; a crash in the middle is made good here."""
    arriving = home.arriving
    if (arriving / READY).exists():
        for path in sorted(arriving.rglob("*.db")):
            place = home.folder / path.relative_to(arriving)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for leftover in ("-wal", "-shm"):
                Path(f"{place}{leftover}").unlink(missing_ok=True)  # they belong to what stood there before
            path.replace(place)
            keep_names(place.parent)
        (arriving / READY).unlink()
        keep_names(arriving)
    shutil.rmtree(arriving, ignore_errors=True)


def keep_names(folder: Path) -> None:
    """See to it that the names of a folder's files survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _runs(home: Home, purpose: str) -> ConfigurationError:
    return ConfigurationError(f"A house runs in {home.folder}. Stop it first: {purpose}. Nothing was changed.")

"""`butler backup`: the whole house in one file, while it runs."""

import errno
import os
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from time import monotonic

from sqlalchemy.exc import SQLAlchemyError

from bot.archive import manifest, writing
from bot.archive.manifest import Manifest
from bot.archive.reading import Archive
from bot.errors import ConfigurationError
from bot.settings import Settings
from workers.house import House
from workers.occupancy import keep_names
from workers.stores import Stores

LEFT_OUT = "Not in it: settings and keys (.env), the household folder, logs. Keep those yourself, the household best in git."

_COUNTED = {
    "people": ("person", "people"),
    "conversations": ("conversation", "conversations"),
    "inbox": ("message", "messages"),
}


def backup(settings: Settings, file: str | None) -> int:
    """Write the house into a file and print what it holds. Raises ConfigurationError."""
    began = monotonic()
    path = _place(file, settings)
    with closing(House(settings)) as house:
        said = keep(house, path)
    size = path.stat().st_size
    print(  # noqa: T201 - its purpose
        f"{path} holds the house as it was on {in_words(said.made_at, settings)}: {contents(said)}.\n"
        f"{megabytes(size)}, read back and found whole, in {monotonic() - began:.1f} s. {LEFT_OUT}"
    )
    return 0


def keep(house: House, path: Path) -> Manifest:
    """Write a house into a file that is there only when it is whole. Raises ConfigurationError."""
    house.stores.enter()
    return write(house.stores, path)


def write(stores: Stores, path: Path) -> Manifest:
    """Write the databases of a house into a file that is there only when it is whole. Raises ConfigurationError."""
    if not stores.is_made():
        raise ConfigurationError(f"There is no house in {stores.places}, so there is nothing to keep.")
    databases = {manifest.name_of(butler): database for butler, database in stores.found().items()}
    draft = path.with_name(f"{path.name}.part")
    try:
        with writing.private(draft) as out:
            writing.write(out, databases)
            out.flush()
            os.fsync(out.fileno())
        with Archive(draft) as archive:
            archive.check()
        if path.exists():
            raise _is_there(path)
        draft.replace(path)
        keep_names(path.parent)
    except OSError as error:
        raise ConfigurationError(f"{path} could not be written: {_why(error)}. No back-up was made.") from None
    except (SQLAlchemyError, ValueError, TypeError) as error:  # the latter two: a value that is none of its column's
        raise ConfigurationError(f"The house could not be read: {error}. No back-up was made.") from None
    finally:
        for database in databases.values():
            database.close()
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return archive.manifest


def contents(said: Manifest) -> str:
    """Return in a line what an archive holds."""
    kinds = {
        "people": ("person", "people"),
        "conversations": ("conversation", "conversations"),
        "inbox": ("message", "messages"),
    }
    counts = [_counted(said.count(table), *words) for table, words in kinds.items()]
    return ", ".join([*counts, _counted(len(said.databases) - 1, "butler's own store", "butlers' own stores")])


def in_words(moment: datetime, settings: Settings) -> str:
    """Return a moment as people read it."""
    return f"{moment.astimezone(settings.zone):%a %d %b %Y %H:%M:%S} ({settings.timezone})"


def megabytes(size: int) -> str:
    """Return a size as people read it."""
    return f"{size / 1e6:,.1f} MB"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _place(file: str | None, settings: Settings) -> Path:
    """Return where the back-up goes: where it was said, by its date in a folder. Raises ConfigurationError."""
    path = Path(file or ".").expanduser().absolute()
    if path.is_dir():
        path /= f"butlers-{datetime.now(settings.zone):%Y-%m-%d-%H%M}.zip"
    if path.exists():
        raise _is_there(path)
    return path


def _is_there(path: Path) -> ConfigurationError:
    return ConfigurationError(f"{path} is there already, and nothing in it was changed. Name another file.")


def _why(error: OSError) -> str:
    return "there is no room left on that disk" if error.errno == errno.ENOSPC else str(error.strerror or error)

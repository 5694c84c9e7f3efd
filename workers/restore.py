"""`butler restore`: a house from its back-up, in a home that is empty."""

import logging
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.archive import loading, manifest, tables
from bot.archive.reading import Archive
from bot.awakening import Awakening
from bot.errors import ConfigurationError
from bot.settings import Settings
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from workers.backup import contents, in_words, megabytes
from workers.foundation import utc_now
from workers.house import House
from workers.occupancy import READY, alone, keep_names, move_in
from workers.stores import BUTLER_HISTORIES

LIVED_IN = ("people", "conversations", "inbox", "turns")  # tables in which nothing stands before somebody writes
log = logging.getLogger(__name__)
ROOM = 1.6  # bytes of a database for each byte of its rows, with its indexes, about


def restore(settings: Settings, file: str) -> int:
    """Fill an empty home from an archive. Raises ConfigurationError."""
    house = House(settings)
    log.debug("%s keys", len(house.treasury.keys))  # what is wrong with the settings is said before anything is done
    with Archive(Path(file).expanduser()) as archive:
        archive.check()
        for one in archive.manifest.databases:
            if why_not := loading.why_not(one, histories(one)):
                raise ConfigurationError(f"{file} cannot be restored here: {why_not}. Nothing was changed.")
        house.home.make()
        with alone(house.home, "a restore fills an empty home only"):
            _refuse_what_is_lived_in(house)
            _refuse_without_room(house, archive)
            _fill(house, archive)
            move_in(house.home)
    said = archive.manifest
    print(  # noqa: T201 - its purpose
        f"{house.home.folder} holds the house as it was on {in_words(said.made_at, settings)}: {contents(said)}.\n"
        "What was under way then may have been done since, so it is set aside and nothing is done twice; owners are told when "
        "the house starts. `butler check` looks whether settings, keys and household are in place; then start it."
    )
    return 0


def histories(database: manifest.Database) -> Sequence[Path]:
    """Return the histories that a database of an archive follows."""
    return migrate.HOUSE if database.butler is None else BUTLER_HISTORIES


def _fill(house: House, archive: Archive) -> None:
    """Make all databases beside their places, and mark them as ready when all are whole. Raises ConfigurationError."""
    arriving = house.home.arriving
    (arriving / "butlers").mkdir(mode=0o700, parents=True)
    try:
        for one in archive.manifest.databases:
            path = arriving / (house.home.database.name if one.butler is None else f"butlers/{one.butler}.db")
            with closing(Database(sqlite_url(path))) as database, database.write() as tx:
                loading.load(tx, archive, one, histories(one))
                if one.butler is None:
                    Awakening(house.gate, house.treasury).wake(tx, archive.manifest.made_at, utc_now())
                    loading.continue_numbers(tx)
            Path(f"{path}-lock").unlink(missing_ok=True)
            keep_names(path.parent)
        (arriving / READY).touch()
        keep_names(arriving)
    except (SQLAlchemyError, OSError) as error:
        raise ConfigurationError(f"The house could not be written: {error}. Nothing was changed.") from None
    finally:
        if not (arriving / READY).exists():
            shutil.rmtree(arriving, ignore_errors=True)


def _refuse_what_is_lived_in(house: House) -> None:
    for path in (house.home.database, *sorted(house.home.database.parent.glob("butlers/*.db"))):
        if path.exists():
            held = _lived_in(path, everything=path != house.home.database)
            if held:
                raise ConfigurationError(
                    f"{path} holds {held} already, and a restore fills an empty home only. Name another folder in BUTLER_HOME, "
                    "or move that one away. Nothing was changed."
                )


def _lived_in(path: Path, *, everything: bool) -> str | None:
    """Return the first table in which something stands that somebody would miss. Raises ConfigurationError."""
    try:
        with closing(Database(sqlite_url(path))) as database, database.read() as tx:
            for table in tables.tables(tx):
                if (everything or table.name in LIVED_IN) and tx.execute(select(table).limit(1)).first() is not None:
                    return str(table.name)
    except SQLAlchemyError as error:
        raise ConfigurationError(f"{path} cannot be read: {error}. Move it away. Nothing was changed.") from None
    return None


def _refuse_without_room(house: House, archive: Archive) -> None:
    wanted = int(archive.manifest.size * ROOM)
    free = shutil.disk_usage(house.home.folder).free
    if free < wanted:
        raise ConfigurationError(
            f"About {megabytes(wanted)} are needed in {house.home.folder}, and {megabytes(free)} are free. Nothing was changed."
        )

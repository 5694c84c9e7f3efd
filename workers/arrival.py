"""Arrival: the databases of an archive come to where a house is to be, all of them or none, and only where nobody lives."""

import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from bot.archive import loading, manifest, tables
from bot.archive.reading import Archive
from bot.errors import ConfigurationError
from bot.search import history
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from skills.memory import facts
from workers.home import Home
from workers.occupancy import READY, keep_names, move_in
from workers.stores import BUTLER_HISTORIES

INDEXES = {"said_words": history.index_all, "fact_words": facts.index_all}  # what makes them anew
LIVED_IN = ("people", "conversations", "inbox", "turns")  # tables in which nothing stands before somebody writes
ROOM = 1.6  # bytes of a database for each byte of its rows, with its indexes, about
Wake = Callable[[Connection], None]  # what is still done to the house's database before it can be used


class Arrival(Protocol):
    """A place where a house can arrive."""

    def refuse(self, archive: Archive) -> None:
        """Raise ConfigurationError where somebody lives, or where there is no room."""

    def fill(self, archive: Archive, wake: Wake) -> None:
        """Make the house of an archive. Raises ConfigurationError, and then nothing of it is there."""


class InFiles:
    """Files of BUTLER_HOME: they are made beside their places, and moved in when all are whole."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def refuse(self, archive: Archive) -> None:
        """Raise ConfigurationError where somebody lives, or where there is no room."""
        folder = self._home.folder
        for path in (self._home.database, *sorted(folder.glob("butlers/*.db"))):
            held = held_in(sqlite_url(path), only_house=path == self._home.database) if path.exists() else None
            if held is not None:
                raise ConfigurationError(
                    f"{path} holds {held} already, and a restore fills an empty home only. Name another folder in BUTLER_HOME, "
                    "or move that one away. Nothing was changed."
                )
        wanted, free = archive.manifest.size * ROOM / 1e6, shutil.disk_usage(folder).free / 1e6
        if free < wanted:
            raise ConfigurationError(
                f"About {wanted:,.1f} MB are needed in {folder}, and {free:,.1f} MB are free. Nothing was changed."
            )

    def fill(self, archive: Archive, wake: Wake) -> None:
        """Make the house of an archive. Raises ConfigurationError, and then nothing of it is there."""
        arriving = self._home.arriving
        (arriving / "butlers").mkdir(mode=0o700, parents=True)
        try:
            for one in archive.manifest.databases:
                path = arriving / (self._home.database.name if one.butler is None else f"butlers/{one.butler}.db")
                with closing(Database(sqlite_url(path))) as database, database.write() as tx:
                    take_in(tx, archive, one, wake)
                Path(f"{path}-lock").unlink(missing_ok=True)
                keep_names(path.parent)
            (arriving / READY).touch()
            keep_names(arriving)
        except (SQLAlchemyError, OSError) as error:
            raise not_written(error) from None
        finally:
            if not (arriving / READY).exists():
                shutil.rmtree(arriving, ignore_errors=True)
        move_in(self._home)
        self._home.moved.unlink(missing_ok=True)


def take_in(tx: Connection, archive: Archive, one: manifest.Database, wake: Wake) -> None:
    """Fill one empty database."""
    loading.load(tx, archive, one, histories(one), INDEXES)
    if one.butler is None:
        wake(tx)
        loading.continue_numbers(tx)


def histories(database: manifest.Database) -> Sequence[Path]:
    """Return the histories that a database of an archive follows."""
    return migrate.HOUSE if database.butler is None else BUTLER_HISTORIES


def held_in(url: str, *, only_house: bool) -> str | None:
    """Return a table of a database in which something stands that somebody would miss. Raises ConfigurationError."""
    try:
        with closing(Database(url)) as database, database.read() as tx:
            return first_filled(tx, LIVED_IN if only_house else None)
    except SQLAlchemyError as error:
        raise ConfigurationError(f"What stands there already cannot be read: {error}. Nothing was changed.") from None


def first_filled(tx: Connection, among: Collection[str] | None) -> str | None:
    """Return the first table, or the first of some, in which there is a row."""
    for table in tables.tables(tx):
        if (among is None or table.name in among) and tx.execute(select(table).limit(1)).first() is not None:
            return str(table.name)
    return None


def not_written(error: Exception) -> ConfigurationError:
    """Return that a house could not be made."""
    return ConfigurationError(f"The house could not be written: {error}. Nothing was changed.")

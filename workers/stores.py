"""The house's databases, opened and brought to the newest state of their tables."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from weakref import finalize

from sqlalchemy import make_url
from sqlalchemy.exc import DatabaseError

import skills
from bot.errors import ConfigurationError
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from workers.home import Home
from workers.liveness import waited_for
from workers.occupancy import enter

SKILLS = Path(skills.__file__).parent
Upgrade = Callable[[migrate.Wanted], None]
BUTLER_HISTORIES = (*migrate.BUTLER, *sorted(SKILLS.glob("*/migrations")))


class Stores:
    """The house's database, and one for each butler that no other butler's tools are given."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._opening = Lock()
        self._leave: finalize[..., Stores] | None = None
        self._of_butlers: dict[str, Database] = {}
        self.house = Database(sqlite_url(home.database))

    def enter(self) -> None:
        """Use the databases, so that nobody puts others in their place meanwhile. Raises ConfigurationError."""
        if self._leave is None:
            self._leave = finalize(self, os.close, enter(self._home))  # at the latest when nobody has it any more

    def is_made(self) -> bool:
        """Tell whether there is a house."""
        return self._home.database.exists()

    def found(self) -> dict[str | None, Database]:
        """Return the databases that there are, as they stand: each butler's by their name, and the house's by none."""
        return {None: self.house, **{name: self._of_butlers.get(name) or self._open(name) for name in self.butlers()}}

    def butlers(self) -> list[str]:
        """Return who has a database of its own, also those that have left the household."""
        return [path.stem for path in sorted(self._home.butler_database("any").parent.glob("*.db"))]

    def prepare(self, butlers: Iterable[str], upgrade: Upgrade = migrate.upgrade) -> None:
        """Bring the databases into order before anything uses them. Raises ConfigurationError."""
        self.enter()
        opened = {name: self._open(name) for name in butlers}
        wanted = dict.fromkeys(opened.values(), BUTLER_HISTORIES)
        self._bring_up_to_date({self.house: migrate.HOUSE, **wanted}, upgrade)
        self._of_butlers |= opened

    def of(self, butler: str) -> Database:
        """Return a butler's own database, made at its first use when the butler came after the start."""
        with self._opening:
            if butler not in self._of_butlers:
                database = self._open(butler)
                self._bring_up_to_date({database: BUTLER_HISTORIES}, migrate.upgrade)
                self._of_butlers[butler] = database
            return self._of_butlers[butler]

    def close(self) -> None:
        """Close every connection."""
        for database in (self.house, *self._of_butlers.values()):
            database.close()
        if self._leave is not None:
            self._leave()

    def _open(self, butler: str) -> Database:
        path = self._home.butler_database(butler)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Database(sqlite_url(path))

    def _bring_up_to_date(self, wanted: Mapping[Database, Sequence[Path]], upgrade: Upgrade) -> None:
        with waited_for(self._home.lock("migrate")):
            behind = {one.url: steps for one, steps in wanted.items() if not _is_current(one, steps)}
            if behind:
                upgrade(behind)


def _is_current(database: Database, histories: Sequence[Path]) -> bool:
    try:
        return migrate.is_current(database, histories)
    except DatabaseError as error:
        raise ConfigurationError(
            f"The database {make_url(database.url).database} cannot be read: {error.orig}. If it is damaged, put a back-up "
            "in its place."
        ) from None

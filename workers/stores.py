"""The house's databases, opened and brought to the newest state of their tables."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from weakref import finalize

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

import skills
from bot.errors import ConfigurationError
from bot.store import migrate
from bot.store.database import Database
from bot.store.faults import fault
from workers.home import Home
from workers.liveness import waited_for
from workers.occupancy import MARK, enter, refuse_what_moved
from workers.places import Files, Places, Server

SKILLS = Path(skills.__file__).parent
Upgrade = Callable[[migrate.Wanted], None]
BUTLER_HISTORIES = (*migrate.BUTLER, *sorted(SKILLS.glob("*/migrations")))


class Stores:
    """The house's database, and one for each butler that no other butler's tools are given."""

    def __init__(self, home: Home, url: str | None = None) -> None:
        self._home = home
        self._opening = Lock()
        self._leave: finalize[..., Stores] | None = None
        self._of_butlers: dict[str, Database] = {}
        self.places: Places = Files(home) if url is None else Server(url)
        self.house = Database(self.places.house)

    def enter(self) -> None:
        """Use the databases, so that nobody puts others in their place meanwhile. Raises ConfigurationError."""
        if isinstance(self.places, Files):
            refuse_what_moved(self._home)
        if self._leave is None:
            self._leave = finalize(self, os.close, enter(self._home))  # at the latest when nobody has it any more

    def is_made(self) -> bool:
        """Tell whether there is a house."""
        return self.places.is_made()

    def found(self) -> dict[str | None, Database]:
        """Return the databases that there are, as they stand: each butler's by their name, and the house's by none."""
        return {None: self.house, **{name: self._of_butlers.get(name) or self._at(name) for name in self.places.butlers()}}

    def prepare(self, butlers: Iterable[str], upgrade: Upgrade = migrate.upgrade) -> None:
        """Bring the databases into order before anything uses them. Raises ConfigurationError."""
        self.enter()
        opened = self._open(butlers)
        wanted = dict.fromkeys(opened.values(), BUTLER_HISTORIES)
        self._bring_up_to_date({self.house: migrate.HOUSE, **wanted}, upgrade)
        self._of_butlers |= opened

    def of(self, butler: str) -> Database:
        """Return a butler's own database, made at its first use when the butler came after the start."""
        with self._opening:
            if butler not in self._of_butlers:
                opened = self._open([butler])
                self._bring_up_to_date(dict.fromkeys(opened.values(), BUTLER_HISTORIES), migrate.upgrade)
                self._of_butlers |= opened
            return self._of_butlers[butler]

    def close(self) -> None:
        """Close every connection."""
        for database in (self.house, *self._of_butlers.values()):
            database.close()
        if self._leave is not None:
            self._leave()

    def _open(self, butlers: Iterable[str]) -> dict[str, Database]:
        names = tuple(butlers)
        self.places.make(names)
        return {name: self._at(name) for name in names}

    def _at(self, butler: str) -> Database:
        return Database(self.places.of(butler), kept=1)

    def _bring_up_to_date(self, wanted: Mapping[Database, Sequence[Path]], upgrade: Upgrade) -> None:
        with waited_for(self._home.lock("migrate")):
            behind = {one.url: steps for one, steps in wanted.items() if not _is_current(one, steps)}
            if self.house.url in behind:
                self._refuse_half()
            if behind:
                upgrade(behind)

    def _refuse_half(self) -> None:
        """Raise ConfigurationError where a house was to arrive and did not."""
        with closing(self.house), self.house.read() as tx:
            is_half = inspect(tx).has_table(MARK)
        if is_half:
            raise ConfigurationError(
                f"{self.places} is being filled, or a restore or a move to it was cut off. If so, give `butler restore` or "
                "`butler move-store` again: it begins anew there."
            )


def _is_current(database: Database, histories: Sequence[Path]) -> bool:
    try:
        return migrate.is_current(database, histories)
    except DBAPIError as error:
        raise fault(error, database.url) from None
    finally:
        database.close()  # on a server, what nobody uses is there for others

"""Arrival on a PostgreSQL server: a mark says that the house is not whole, and goes in the transaction that makes it so."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from time import monotonic, sleep

from sqlalchemy import Connection, MetaData, bindparam, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from bot.archive.reading import Archive
from bot.archive.writing import be_patient
from bot.errors import ConfigurationError
from bot.store.database import Database
from workers.arrival import Wake, held_in, not_written, take_in
from workers.occupancy import MARK
from workers.places import Server

LEAVES_WITHIN = 3.0  # seconds: a server takes a moment to notice that somebody has left
_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname IN :names AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
).bindparams(bindparam("names", expanding=True))


class OnServer:
    """Databases of a server; those of butlers are made where there are none."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def refuse(self, _: Archive) -> None:
        """Raise ConfigurationError where somebody lives, or works."""
        butlers = self._server.butlers()
        with self._house() as house:
            deadline = monotonic() + LEAVES_WITHIN
            while (count := self._others(house, butlers)) and monotonic() < deadline:
                sleep(0.05)
            if count:
                raise ConfigurationError(
                    f"A house, or another program, uses {self._server}. Stop it first, on every machine. Nothing was changed."
                )
            with house.read() as tx:
                if inspect(tx).has_table(MARK):
                    return  # a restore was cut off here: nothing of it was ever used
        for butler in (None, *butlers):
            url = self._server.house if butler is None else self._server.of(butler)
            held = held_in(url, only_house=butler is None)
            if held is not None:
                raise ConfigurationError(
                    f"{self._server} holds {held} already, and only an empty database is filled. Name another one in "
                    "DATABASE_URL. Nothing was changed."
                )

    def fill(self, archive: Archive, wake: Wake) -> None:
        """Make the house of an archive. Raises ConfigurationError, and then nothing of it is there."""
        wanted = archive.manifest.databases
        self._server.make([one.butler for one in wanted if one.butler is not None])
        try:
            with self._house() as house, house.write() as tx:
                _clear(tx)
                tx.execute(text(f"CREATE TABLE {MARK} (at TIMESTAMPTZ DEFAULT now())"))
            self._clear_butlers()
            # The house comes last: with it the mark goes.
            for one in sorted(wanted, key=lambda one: one.butler is None):
                url = self._server.house if one.butler is None else self._server.of(one.butler)
                with closing(Database(url)) as database, database.write() as tx:
                    _clear(tx)
                    take_in(tx, archive, one, wake)
        except SQLAlchemyError as error:
            self._take_back()
            raise not_written(error) from None
        except ConfigurationError:
            self._take_back()
            raise

    @contextmanager
    def _house(self) -> Iterator[Database]:
        with closing(Database(self._server.house)) as database:
            yield database

    def _others(self, house: Database, butlers: Sequence[str]) -> int:
        names = [make_url(url).database for url in (self._server.house, *map(self._server.of, butlers))]
        with house.read() as tx:
            return int(tx.scalar(_OTHERS, {"names": names}) or 0)

    def _clear_butlers(self) -> None:
        for butler in self._server.butlers():
            with closing(Database(self._server.of(butler))) as database, database.write() as tx:
                _clear(tx)

    def _take_back(self) -> None:
        """Leave an empty database; where even that fails, the mark says that it is none to be used."""
        try:
            self._clear_butlers()
            with self._house() as house, house.write() as tx:
                _clear(tx)
        except SQLAlchemyError:
            return


def _clear(tx: Connection) -> None:
    be_patient(tx)
    found = MetaData()
    found.reflect(tx)
    found.drop_all(tx)

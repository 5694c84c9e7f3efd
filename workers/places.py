"""Where the databases lie: in files of BUTLER_HOME, or on a PostgreSQL server; each butler has one of its own."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any, Protocol

from sqlalchemy import Row, TextClause, make_url, text
from sqlalchemy.exc import DBAPIError

from bot.errors import ConfigurationError
from bot.store.database import Database, sqlite_url
from bot.store.faults import NO_RIGHT, fault, place
from workers.home import Home

OLDEST = 15  # of PostgreSQL's versions
LONGEST_NAME = 63  # bytes of a name in PostgreSQL; it would cut off the rest
_THERE_ALREADY = ("42P04", "23505")  # another host was quicker
_ABOUT = text(
    "SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_encoding') AS encoding, "
    "current_user AS role"
)
_IS_MADE = text("SELECT to_regclass('alembic_version') IS NOT NULL AS is_made")
_NAMES = text("SELECT datname FROM pg_database")


class Places(Protocol):
    """Addresses of databases."""

    house: str

    def is_made(self) -> bool:
        """Tell whether there is a house's database, with tables in it."""

    def of(self, butler: str) -> str:
        """Return the address of a butler's database."""

    def butlers(self) -> list[str]:
        """Return the butlers that have a database, also those that have left the household."""

    def make(self, butlers: Iterable[str]) -> None:
        """Make what these butlers' databases need to be there. Raises ConfigurationError."""


class Files:
    """Databases in files of BUTLER_HOME."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.house = sqlite_url(home.database)

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return str(self._home.database)

    def is_made(self) -> bool:
        """Tell whether there is a house's database."""
        return self._home.database.exists()

    def of(self, butler: str) -> str:
        """Return the address of a butler's database."""
        return sqlite_url(self._home.butler_database(butler))

    def butlers(self) -> list[str]:
        """Return the butlers that have a database, also those that have left the household."""
        return [path.stem for path in sorted(self._home.butler_database("any").parent.glob("*.db"))]

    def make(self, _: Iterable[str]) -> None:
        """Make the folder of the butlers' databases."""
        self._home.butler_database("any").parent.mkdir(mode=0o700, parents=True, exist_ok=True)


class Server:
    """Databases on a PostgreSQL server: the house's, and beside it those of its butlers."""

    def __init__(self, url: str) -> None:
        self.house = url
        self._url = make_url(url)
        self._prefix = f"{self._url.database}_butler_"

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self._url.database} on PostgreSQL at {place(self._url)}"

    def is_made(self) -> bool:
        """Tell whether the house's database has its tables."""
        return bool(self._ask(_IS_MADE)[0].is_made)

    def of(self, butler: str) -> str:
        """Return the address of a butler's database."""
        return self._url.set(database=self._name(butler)).render_as_string(hide_password=False)

    def butlers(self) -> list[str]:
        """Return the butlers that have a database, also those that have left the household."""
        return sorted(name.removeprefix(self._prefix) for name in self._names() if name.startswith(self._prefix))

    def make(self, butlers: Iterable[str]) -> None:
        """Make the databases of butlers that have none. Raises ConfigurationError."""
        role, host = self._look(), place(self._url)
        known = self._names()
        missing = [name for name in map(self._name, butlers) if name not in known]
        refused = [name for name in missing if not self._made(name)]
        if refused:
            statements = [f'CREATE DATABASE "{name}" OWNER "{role}" ENCODING \'UTF8\' TEMPLATE template0;' for name in refused]
            raise ConfigurationError(
                f"Each butler has a database of its own, and {role} may make none at {host}. Let an administrator run there "
                f'ALTER ROLE "{role}" CREATEDB, or:\n{chr(10).join(statements)}'
            )

    def _name(self, butler: str) -> str:
        name = self._prefix + butler
        if len(name.encode()) > LONGEST_NAME:
            raise ConfigurationError(
                f"DATABASE_URL: {name} is too long a name for a database. Give the house's a shorter one than "
                f"{self._url.database}."
            )
        return name

    def _made(self, name: str) -> bool:
        """Make a database; tell whether that was allowed."""
        try:
            self._ask(text(f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0"))
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state == NO_RIGHT:
                return False
            if state not in _THERE_ALREADY:
                raise fault(error, self.house) from None
        return True

    def _names(self) -> set[str]:
        return {row.datname for row in self._ask(_NAMES)}

    def _look(self) -> str:
        """Make sure that the server is one on which the house can be; return as whom. Raises ConfigurationError."""
        found = self._ask(_ABOUT)[0]
        if found.version < OLDEST:
            raise ConfigurationError(
                f"DATABASE_URL: PostgreSQL at {place(self._url)} is of version {found.version}; {OLDEST} or newer is needed."
            )
        if found.encoding != "UTF8":
            raise ConfigurationError(
                f"DATABASE_URL: {self._url.database} keeps its texts as {found.encoding}. Make it with ENCODING 'UTF8'."
            )
        return str(found.role)

    def _ask(self, statement: TextClause) -> Sequence[Row[Any]]:
        """Run a statement outside any transaction. Raises ConfigurationError where the server cannot be reached."""
        with closing(Database(self.house)) as database:
            try:
                with database.alone() as connection:
                    found = connection.execute(statement)
                    return found.all() if found.returns_rows else ()
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) is None:
                    raise fault(error, self.house) from None
                raise

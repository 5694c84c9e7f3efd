"""Where tests keep what is remembered: in files, or on a PostgreSQL server; the same tests run on both.

What is marked `both_stores` runs on each. With BUTLERS_STORE=postgresql all others run on PostgreSQL, too.
"""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, text

from bot.store import migrate
from bot.store.database import Database, sqlite_url
from tests.postgres import PostgresServer

KINDS = {"sqlite": "in_files", "postgresql": "on_postgres"}  # and the fixtures that serve them
USUAL = os.environ.get("BUTLERS_STORE", "sqlite")


class Stores(ABC):
    """Gives databases, each known by the path that it has, or would have as a file."""

    def __init__(self) -> None:
        self._templates: dict[Sequence[Path], Path] = {}

    @abstractmethod
    def address(self, path: Path, template: Path | None = None) -> str:
        """Return the address of a database, which is at first empty, or like a template."""

    def tidied(self) -> AbstractContextManager[None]:
        """Remove at the end what is made inside and would be in the way."""
        return nullcontext()

    def migrated(self, path: Path, histories: Sequence[Path]) -> Database:
        """Return a new database with all steps of these histories, which are taken once for all tests."""
        if histories not in self._templates:
            template = path.with_name(f"template {path.name}")
            migrate.upgrade_here({self.address(template): histories})
            self._templates[histories] = template
        return Database(self.address(path, self._templates[histories]))

    @abstractmethod
    def environment(self, path: Path) -> dict[str, str]:
        """Return the settings with which a whole house keeps its databases here."""


class Files(Stores):
    """Databases of SQLite."""

    def address(self, path: Path, template: Path | None = None) -> str:
        """Return the address of a file."""
        if template is not None:
            shutil.copyfile(template, path)
        return sqlite_url(path)

    def environment(self, _: Path) -> dict[str, str]:
        """Return nothing: files lie in the house's home."""
        return {}


class Server(Stores):
    """Databases of a PostgreSQL server."""

    def __init__(self, server: PostgresServer) -> None:
        super().__init__()
        self._server = server
        self._names: dict[Path, str] = {}
        self._numbers = count(1)

    def address(self, path: Path, template: Path | None = None) -> str:
        """Return the address of a database, made when it is asked for first."""
        if path not in self._names:
            self._names[path] = f"house_{next(self._numbers)}"
            self._server.create(self._names[path], "template1" if template is None else self._names[template])
        return self._server.url(self._names[path])

    def environment(self, path: Path) -> dict[str, str]:
        """Return the address of the house's database."""
        return {"DATABASE_URL": self.address(path)}

    @contextmanager
    def tidied(self) -> Iterator[None]:
        """Drop at the end what is made inside; what others are made of stays."""
        before = set(self._names)
        yield
        for path in set(self._names) - before - set(self._templates.values()):
            self._server.drop(self._names.pop(path))


_in_use: Stores = Files()


@contextmanager
def used(stores: Stores) -> Iterator[None]:
    """Let what follows be kept there."""
    global _in_use  # noqa: PLW0603 - the tests of a process run one after the other
    before, _in_use = _in_use, stores
    try:
        yield
    finally:
        _in_use = before


def address(path: Path) -> str:
    """Return the address of a database, empty at first, where this test keeps its own."""
    return _in_use.address(path)


def migrated(path: Path, histories: Sequence[Path]) -> Database:
    """Return a new database with all steps of these histories, where this test keeps its own."""
    return _in_use.migrated(path, histories)


def environment(path: Path) -> dict[str, str]:
    """Return the settings with which a whole house keeps its databases where this test keeps its own."""
    return _in_use.environment(path)


def count_rows(tx: Connection) -> None:
    """Let a server know how much it holds after a test has filled it, as it finds out by itself within a minute."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("ANALYZE"))

"""Another program that holds a database, so that nobody can write to it meanwhile."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import make_url

from bot.store.database import sqlite_url
from bot.store.postgresql import WRITERS
from tests.houses import House


class Lock:
    """That program's connection."""

    def __init__(self, url: str) -> None:
        address = make_url(url)
        self._other: Any
        if address.get_backend_name() == "sqlite":
            self._other = sqlite3.connect(str(address.database), isolation_level=None, check_same_thread=False)
            self._taking, self._freeing = "BEGIN IMMEDIATE", "ROLLBACK"
        else:
            self._other = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
            self._taking, self._freeing = f"SELECT pg_advisory_lock({WRITERS})", "SELECT pg_advisory_unlock_all()"
        self._is_held = False

    def take(self) -> None:
        """Hold the database."""
        self._other.execute(self._taking)
        self._is_held = True

    def free(self) -> None:
        """Let it go, if it is held."""
        if self._is_held:
            self._is_held = False
            self._other.execute(self._freeing)

    def close(self) -> None:
        """Close the connection, and so let it go."""
        self._other.close()


def database_of(house: House) -> str:
    """Return the address of a house's database."""
    return house.env.get("DATABASE_URL") or sqlite_url(house.home / "butlers" / "house.db")


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Let another program hold a database for so long."""
    lock = Lock(url)
    try:
        lock.take()
        yield
    finally:
        lock.close()

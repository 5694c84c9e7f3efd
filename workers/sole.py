"""Of all hosts that share a database, one alone speaks to chat vendors: it holds a lock of the server's as long as it lives."""

import asyncio
import logging
import os
import socket
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self
from zlib import crc32

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from bot.errors import ConfigurationError
from bot.store.database import Database

SPEAKERS = 1112888404  # the class of these locks
LOOKS_EVERY = 5.0  # seconds
_TAKE = text("SELECT pg_try_advisory_lock(:class, :object)")
_SIGN = text("SELECT set_config('application_name', :name, false)")
_WHO = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND classid = :class AND objid = :object AND datname = current_database()"
)
log = logging.getLogger(__name__)


class SoleUse:
    """The right to be the one process of a kind; in a file of SQLite, the lock of the home says as much."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._key = {"class": SPEAKERS, "object": crc32(name.encode()) >> 1}
        self._held = ExitStack()

    def __enter__(self) -> Self:
        """Take it. Raises ConfigurationError when another host has it."""
        if self._url.startswith("postgresql"):
            self._take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give it back."""
        self._held.close()

    async def keep(self) -> None:
        """See to it, until cancelled, that it is still held. Raises ConfigurationError when another host has it now."""
        while True:
            await asyncio.sleep(LOOKS_EVERY)
            if self._url.startswith("postgresql"):
                await asyncio.to_thread(self._look)

    def _look(self) -> None:
        try:
            self._connection.execute(text("SELECT 1"))
        except OperationalError:
            log.warning("the lock of %s is lost with its connection, and is taken again", self._name)
            self._held.close()
            try:
                self._take()
            except OperationalError as error:
                log.warning("it cannot be taken yet: %s", error.orig)

    def _take(self) -> None:
        with ExitStack() as stack:
            database = stack.enter_context(closing(Database(self._url, kept=1)))
            self._connection = stack.enter_context(database.alone())
            if not self._connection.scalar(_TAKE, self._key):
                holder = self._connection.scalar(_WHO, self._key) or "another one"
                raise ConfigurationError(
                    f"This house is served already: {holder}. Stop that one, or start `butler worker` alone on this host."
                )
            name = f"{self._name} on {socket.gethostname()}, process {os.getpid()}"
            self._connection.execute(_SIGN, {"name": name})
            self._held = stack.pop_all()

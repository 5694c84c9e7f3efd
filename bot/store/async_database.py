"""A database for an event loop: its transactions run in threads, and writes that wait together are committed together."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

from sqlalchemy import Connection

from bot.store.database import Database

T = TypeVar("T")
Change = Callable[[Connection], Any]


class AsyncDatabase:
    """Reads side by side, and one transaction at a time for all writes that came while the last one was committed."""

    def __init__(self, database: Database, threads: Executor) -> None:
        self._database = database
        self._threads = threads
        self._waiting: list[tuple[Change, asyncio.Future[Any]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def read(self, look: Callable[[Connection], T]) -> T:
        """Run a reading transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, look)

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Make a change that is on disk when this returns; others may be committed with it, and fail without it."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_what_waits())
        return await done

    async def _write_what_waits(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            if not await self._commit(batch) and len(batch) > 1:
                for one in batch:
                    await self._commit([one])

    async def _commit(self, batch: "Sequence[tuple[Change, asyncio.Future[Any]]]") -> bool:
        """Make changes together, and tell whether that was possible; a change that fails alone fails for its asker."""
        changes = [change for change, _ in batch]
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._write, changes)
        await asyncio.wait([work])
        failure = work.exception()
        results = [None] * len(batch) if failure is not None else work.result()
        for (_, done), result in zip(batch, results, strict=True):
            if done.cancelled():
                continue
            if failure is None:
                done.set_result(result)
            elif len(batch) == 1:
                done.set_exception(failure)
        return failure is None

    def _read(self, look: Callable[[Connection], T]) -> T:
        with self._database.read() as tx:
            return look(tx)

    def _write(self, changes: Sequence[Change]) -> list[Any]:
        with self._database.write() as tx:
            return [change(tx) for change in changes]

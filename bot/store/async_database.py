"""A database for an event loop: its transactions run in threads, and writes that wait together are committed together."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

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
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            work = loop.run_in_executor(self._threads, self._write, [change for change, _ in batch])
            await asyncio.wait([work])
            failure = work.exception()
            results = [failure] * len(batch) if failure is not None else work.result()
            for (_, done), result in zip(batch, results, strict=True):
                if done.cancelled():
                    continue
                if isinstance(result, BaseException):
                    done.set_exception(result)
                else:
                    done.set_result(result)

    def _read(self, look: Callable[[Connection], T]) -> T:
        with self._database.read() as tx:
            return look(tx)

    def _write(self, changes: Sequence[Change]) -> list[Any]:
        with self._database.write() as tx:
            if len(changes) == 1:
                return [changes[0](tx)]
            return [_apart(change, tx) for change in changes]


def _apart(change: Change, tx: Connection) -> Any:  # noqa: ANN401 - whatever the change returns, or its error
    """Make one of several changes: when it fails, the others stay."""
    try:
        with tx.begin_nested():
            return change(tx)
    except SQLAlchemyError as error:
        return error

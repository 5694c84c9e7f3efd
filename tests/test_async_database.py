"""The event loop's database: what is written together fails apart."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from bot.store.async_database import AsyncDatabase
from bot.store.database import Database
from bot.store.tables import identities, people
from tests.spenders import NOW

pytestmark = pytest.mark.both_stores


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads for transactions."""
    with ThreadPoolExecutor(4) as made:
        yield made


def admit(name: str) -> Callable[[Connection], str]:
    """Return a change that makes an identity known, which may exist only once."""

    def change(tx: Connection) -> str:
        tx.execute(insert(people).values(name=name, role="member", created_at=NOW))
        tx.execute(insert(identities).values(channel="telegram", external_id=name, person_id=1))
        return name

    return change


def names(database: Database) -> list[str]:
    """Return the people's names."""
    with database.read() as tx:
        return [str(name) for name in tx.scalars(select(people.c.name).order_by(people.c.id))]


def test_what_is_written_together_fails_apart(database: Database, threads: ThreadPoolExecutor) -> None:
    """Of changes that are committed together, one that fails leaves nothing of itself, and the others stay."""

    async def run() -> list[object]:
        shared = AsyncDatabase(database, threads)
        return await asyncio.gather(*(shared.write(admit(name)) for name in "abcadef"), return_exceptions=True)

    results = asyncio.run(run())
    assert [result for result in results if isinstance(result, str)] == list("abcdef")
    assert [type(result) for result in results if not isinstance(result, str)] == [IntegrityError]
    assert names(database) == ["Ada", *"abcdef"]


def test_a_commit_that_fails_fails_for_all(database: Database, threads: ThreadPoolExecutor, mocker: MockerFixture) -> None:
    """When nothing can be committed, everybody hears of it, and the next write is tried anew."""

    async def run() -> tuple[list[str | BaseException], str]:
        shared = AsyncDatabase(database, threads)
        full = mocker.patch.object(database, "write", side_effect=OperationalError("BEGIN", {}, Exception("disk is full")))
        failed = await asyncio.gather(*(shared.write(admit(name)) for name in "abc"), return_exceptions=True)
        mocker.stop(full)
        return failed, await shared.write(admit("d"))

    failed, written = asyncio.run(run())
    assert [type(result) for result in failed] == [OperationalError] * 3
    assert written == "d"
    assert names(database) == ["Ada", "d"]


def test_who_no_longer_waits_disturbs_nobody(database: Database, threads: ThreadPoolExecutor) -> None:
    """A change whose asker was cancelled is made all the same, and the others get their results."""

    async def run() -> str:
        shared = AsyncDatabase(database, threads)
        first, second = (asyncio.create_task(shared.write(admit(name))) for name in "ab")
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(run()) == "b"
    assert names(database) == ["Ada", "a", "b"]

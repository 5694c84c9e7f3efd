"""Polling: nothing is confirmed that is not kept, and nothing that Telegram or the disk does ends it."""

import asyncio
import random
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime

from pytest_mock import MockerFixture
from sqlalchemy.exc import DataError, OperationalError

from adapters.chats.telegram import polling
from adapters.chats.telegram.polling import Polling, connect, introduce
from bot.messages import IncomingMessage
from tests.houses import wait_until
from tests.telegram_server import TelegramServer
from tests.test_updates import SEEDS, mutate

INDIGESTIBLE: dict[str, Exception] = {
    "indigestible": DataError("x", {}, Exception("cannot be stored")),
    "too great": OverflowError("int too large"),
}


class Desk:
    """Takes in what is polled, and can be told to fail."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.parked: list[str] = []
        self.told: list[str] = []
        self.failures: list[Exception] = []

    async def take_in(self, messages: Sequence[IncomingMessage]) -> None:
        """Take messages in."""
        for message in messages:
            if message.text in INDIGESTIBLE:
                raise INDIGESTIBLE[message.text]
        if self.failures:
            raise self.failures.pop()
        self.taken += [message.text for message in messages]

    async def park(self, channel: str, payload: str, error: str) -> None:
        """Park an update."""
        self.parked.append(f"{channel}: {payload}: {error}")

    async def tell_trouble(self, key: str, text: str) -> None:
        """Tell an owner."""
        self.told.append(f"{key}: {text}")

    async def newest(self, channel: str) -> dict[tuple[str, str], str]:
        """Know of no message."""
        del channel
        return {}

    async def known(self, channel: str, ids: Sequence[str]) -> set[str]:
        """Know none."""
        del channel, ids
        return set()

    async def unread_since(self, channel: str) -> None:
        """Have missed nothing."""

    async def note_unread(self, channel: str, since: datetime | None) -> None:
        """Miss nothing."""

    async def restored_at(self) -> None:
        """Never be restored."""

    @property
    def menu(self) -> Sequence[tuple[str, str]]:
        """No commands."""
        return ()

    @property
    def butlers(self) -> Collection[str]:
        """No butlers."""
        return ()


def poll_until(server: TelegramServer, desk: Desk, last: str) -> None:
    """Poll a server until a message has been taken in and everything is confirmed."""

    async def run() -> None:
        bot = connect(server.token, server.url)
        await introduce(bot)
        task = asyncio.create_task(Polling(bot, desk).run())
        try:
            async with asyncio.timeout(30):
                while last not in desk.taken or server.unconfirmed():
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await bot.shutdown()

    asyncio.run(run())


def test_spoiled_updates_do_not_stop_the_polling() -> None:
    """Among hundreds of spoiled updates every good message is taken in, and all are confirmed."""
    dice = random.Random(5)  # noqa: S311 - the same spoils each time
    desk = Desk()
    with TelegramServer() as server:
        ada = server.person(7)
        for number in range(300):
            spoiled = mutate(dice.choice(SEEDS), dice)
            if isinstance(spoiled, dict):
                spoiled.pop("update_id", None)
                with suppress(UnicodeEncodeError):
                    server.push(spoiled)
            if number % 30 == 0:
                ada.writes(f"good {number}")
        ada.writes("last")
        poll_until(server, desk, "last")
    assert [text for text in desk.taken if text.startswith("good")] == [f"good {n}" for n in range(0, 300, 30)]
    assert desk.parked


def test_a_message_that_cannot_be_stored_is_parked() -> None:
    """A message that the database or the house cannot take is set aside alone; the others of its batch are taken in."""
    desk = Desk()
    with TelegramServer() as server:
        ada = server.person(7)
        for text in ("one", "indigestible", "two", "too great", "last"):
            ada.writes(text)
        poll_until(server, desk, "last")
    assert desk.taken == ["one", "two", "last"]
    assert len(desk.parked) == 2


def test_a_full_disk_confirms_nothing(mocker: MockerFixture) -> None:
    """While nothing can be stored the owner is told, updates stay with Telegram, and they are taken in afterwards."""
    mocker.patch.object(polling, "LONGEST_PAUSE", 0.05)
    desk = Desk()
    full = OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
    desk.failures = [full] * 3
    with TelegramServer() as server:
        server.person(7).writes("important")
        poll_until(server, desk, "important")
    assert desk.taken == ["important"]
    assert "store: I cannot keep messages at present, and take them in later" in desk.told[0]
    assert "database or disk is full" in desk.told[0]


def test_a_half_open_connection_is_noticed(mocker: MockerFixture) -> None:
    """A poll that is accepted and never answered ends by its time-out, and polling goes on."""
    mocker.patch.object(polling, "POLL_SECONDS", 0)
    mocker.patch.object(polling, "GRACE_SECONDS", 0.3)
    mocker.patch.object(polling, "LONGEST_PAUSE", 0.05)
    desk = Desk()
    with TelegramServer() as server:
        server.hang("getUpdates", 2)
        server.person(7).writes("through")
        poll_until(server, desk, "through")
    assert desk.taken == ["through"]


def test_a_webhook_is_taken_down(mocker: MockerFixture) -> None:
    """A token that was used with a webhook before is freed from it without losing what waits."""
    mocker.patch.object(polling, "LONGEST_PAUSE", 0.05)
    desk = Desk()
    with TelegramServer() as server:
        server.person(7).writes("waiting")

        async def set_webhook() -> None:
            async with connect(server.token, server.url) as bot:
                await bot.set_webhook("https://example.org/hook")

        asyncio.run(set_webhook())
        poll_until(server, desk, "waiting")
        assert not server.has_dropped_updates
    wait_until(lambda: desk.taken == ["waiting"], "taken in")

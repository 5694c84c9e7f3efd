"""Presence: what a chat sees while a turn runs, whatever its vendor or the database do meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from bot import conversations, outbox
from bot.messages import Address
from bot.presence import Presences
from bot.store.tables import turns
from tests.bot_side import bot_side
from tests.room import Room
from tests.telegram_server import TelegramServer

HOME = Address(channel="telegram", chat="-100", private=False)


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """A Bot API server to which Ada has written, and with a group."""
    with TelegramServer() as server:
        server.person(7).writes("/start")
        server.group(-100, "Home")
        yield server


def begins(room: Room, address: Address | None = None) -> int:
    """Begin a turn and return its id."""
    conversation_id = room.takes_in("hello", address=address) if address else room.takes_in("hello")
    turn = room.runner("w").turns.take(conversation_id, suspects=True)
    assert turn is not None
    return turn.id


def show(room: Room, telegram: TelegramServer, script: Callable[[Presences], Awaitable[None]]) -> None:
    """Let a script tell what a worker writes."""

    async def run() -> None:
        async with bot_side(room, telegram) as (presences, _), asyncio.timeout(20):
            await script(presences)

    asyncio.run(run())


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that the server sees."""
    while not condition():
        await asyncio.sleep(0.01)


def test_a_group_sees_one_message_grow(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """Where there are no drafts a message is sent once and then edited, and it is the one that the answer will replace."""
    mocker.patch("adapters.chats.telegram.chat.GROUP_PACE", 0.1)
    mocker.patch("bot.presence.MESSAGE_AFTER", 0.05)
    turn_id = begins(room, HOME)

    async def script(presences: Presences) -> None:
        presences.tell(1, turn_id, "so far")
        await until(lambda: telegram.messages(-100))
        presences.tell(1, turn_id, "so far and further")
        await until(lambda: telegram.messages(-100)[0].text == "so far and further")
        await presences.end(1)

    show(room, telegram, script)
    (message,) = telegram.messages(-100)
    with room.database.read() as tx:
        assert outbox.preview_of(tx, turn_id) == f"-100:{message.message_id}"


def test_no_second_message_where_the_first_is_in_doubt(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """A message that shows the answer, and of which nobody knows whether it was sent, is not sent again while it grows."""
    mocker.patch("adapters.chats.telegram.chat.GROUP_PACE", 0.01)
    mocker.patch("bot.presence.MESSAGE_AFTER", 0.0)
    telegram.lose_answers("sendMessage", 1.0, 1)
    turn_id = begins(room, HOME)

    async def script(presences: Presences) -> None:
        for length in range(1, 20):
            presences.tell(1, turn_id, "x" * length)
            await asyncio.sleep(0.02)
        await presences.end(1)

    show(room, telegram, script)
    assert len(telegram.messages(-100)) == 1
    with room.database.read() as tx:
        assert outbox.preview_of(tx, turn_id) == ""


def test_it_ends_where_nobody_is_there(room: Room, telegram: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """A person who blocked the bot is shown nothing more, and nothing fails."""
    caplog.set_level(logging.INFO)
    telegram.person(7).blocks()
    turn_id = begins(room)

    async def script(presences: Presences) -> None:
        presences.tell(1, turn_id, "hello")
        await until(lambda: "nobody is there" in caplog.text)
        assert not presences.is_shown(1)

    show(room, telegram, script)
    assert telegram.drafts(7) == []


def test_a_refused_draft_is_followed_by_the_next(room: Room, telegram: TelegramServer) -> None:
    """What the vendor refuses for the moment costs one draft, and the next shows the whole text."""
    telegram.fail("sendMessageDraft", 1, status=500)
    turn_id = begins(room)

    async def script(presences: Presences) -> None:
        presences.tell(1, turn_id, "first")
        await until(lambda: any(call.method == "sendMessageDraft" for call in telegram.calls))
        presences.tell(1, turn_id, "first and second")
        await until(lambda: telegram.drafts(7))
        await presences.end(1)

    show(room, telegram, script)
    assert [draft.text for draft in telegram.drafts(7)] == ["first and second"]


def test_it_waits_when_asked_to(room: Room, telegram: TelegramServer) -> None:
    """After "retry after" a chat is left alone until the time is over."""
    telegram.flood(7, 1.0)
    turn_id = begins(room)

    async def script(presences: Presences) -> None:
        presences.tell(1, turn_id, "a")
        for number in range(20):
            presences.tell(1, turn_id, "a" * (number + 2))
            await asyncio.sleep(0.01)
        await until(lambda: telegram.drafts(7))
        await presences.end(1)

    show(room, telegram, script)
    asked = [call for call in telegram.calls if call.method == "sendMessageDraft"]
    assert len(asked) <= 3


def test_a_later_turn_takes_its_place(room: Room, telegram: TelegramServer) -> None:
    """When the next turn of a conversation begins, what showed the one before ends first."""
    first = begins(room)

    async def script(presences: Presences) -> None:
        presences.tell(1, first, "one")
        await until(lambda: telegram.drafts(7))
        with room.database.write() as tx:
            tx.execute(update(turns).values(state="answered"))
            conversations.release(tx, 1)
        presences.tell(1, begins(room), "two")
        await until(lambda: len(telegram.drafts(7)) > 1)
        await presences.end(1)

    show(room, telegram, script)
    assert [draft.text for draft in telegram.drafts(7)] == ["one", "two"]


def test_nothing_shows_of_a_turn_that_is_over(room: Room, telegram: TelegramServer) -> None:
    """News that come late, when the turn was stopped, reach nobody."""
    turn_id = begins(room)
    with room.database.write() as tx:
        conversations.release(tx, 1)

    async def script(presences: Presences) -> None:
        presences.tell(1, turn_id, "too late")
        await asyncio.sleep(0.2)
        assert not presences.is_shown(1)

    show(room, telegram, script)
    assert [call.method for call in telegram.calls if call.method != "getMe"] == []


def test_a_database_that_stumbles_ends_the_show(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """The answer's own delivery does not hang on what shows before it."""
    turn_id = begins(room)
    mocker.patch("bot.presence.conversations.get", side_effect=OperationalError("SELECT", {}, Exception("locked")))

    async def script(presences: Presences) -> None:
        presences.tell(1, turn_id, "hello")
        await asyncio.sleep(0.2)
        assert not presences.is_shown(1)

    show(room, telegram, script)
    assert telegram.drafts(7) == []

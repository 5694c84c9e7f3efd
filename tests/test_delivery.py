"""Delivery: what a chat's vendor does to a reply, and what becomes of it."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import OperationalError

from adapters.chats.telegram.chat import Telegram
from adapters.chats.telegram.polling import connect
from bot import conversations, outbox
from bot.messages import Address, ReplyKind
from bot.store.tables import outbox as replies
from bot.store.tables import parts, turns
from tests.bot_side import PATIENCE, bot_side
from tests.room import Room
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.both_stores
ADA = Address(channel="telegram", chat="7")


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """A Bot API server to which Ada has written."""
    with TelegramServer() as server:
        server.person(7).writes("/start")
        yield server


def writes(room: Room, text: str, address: Address = ADA, turn_id: int | None = None) -> int:
    """Put a reply into the outbox."""
    with room.database.write() as tx:
        place = conversations.find_or_open(tx, address)
        return outbox.add(tx, place.id, ReplyKind.ANSWER, text, room.clock(), turn_id=turn_id)


def state(room: Room, reply_id: int) -> str:
    """Return how a reply stands."""
    with room.database.read() as tx:
        return str(tx.scalar(select(replies.c.state).where(replies.c.id == reply_id)))


def deliver(room: Room, telegram: TelegramServer, *until: int) -> None:
    """Deliver until these replies are no longer pending."""
    deliver_until(room, telegram, lambda: all(state(room, reply) != "pending" for reply in until))


def deliver_until(room: Room, telegram: TelegramServer, is_so: Callable[[], bool]) -> None:
    """Deliver until something is so; what is under way then is ended as at a stop."""

    async def run() -> None:
        async with bot_side(room, telegram) as (_, delivery):
            task = asyncio.create_task(delivery.run())
            try:
                async with asyncio.timeout(PATIENCE):
                    while not is_so():
                        await asyncio.sleep(0.01)
            finally:
                task.cancel()
                await asyncio.wait([task])

    asyncio.run(run())


def answered(telegram: TelegramServer, method: str) -> bool:
    """Tell whether a call of this method was carried out, or refused."""
    return any(call.method == method and call.status for call in telegram.calls)


def test_replies_come_in_order(room: Room, telegram: TelegramServer) -> None:
    """Replies of a chat arrive in the order in which they were written, each once, with the vendor's id kept."""
    numbers = [writes(room, f"reply {n}") for n in range(5)]
    deliver(room, telegram, *numbers)
    assert [message.text for message in telegram.messages(7)] == [f"reply {n}" for n in range(5)]
    with room.database.read() as tx:
        assert tx.scalars(select(parts.c.native_id)).all() == [f"7:{m.message_id}" for m in telegram.messages(7)]


def test_a_crash_while_sending_is_a_doubt(room: Room, telegram: TelegramServer) -> None:
    """What was being sent when a process died is sent again, and the doubt is recorded."""
    number = writes(room, "perhaps twice")
    with room.database.write() as tx:
        reply = outbox.next_reply(tx, 1)
        assert reply is not None
        (part,) = outbox.cut_into_parts(tx, reply, [{"text": "perhaps twice", "entities": []}])
        outbox.note_sending(tx, number, part)
    deliver(room, telegram, number)
    with room.database.read() as tx:
        assert tx.execute(select(parts.c.doubts, parts.c.state)).all() == [(1, "sent")]


def test_what_is_being_sent_is_sent_before_the_end(room: Room, telegram: TelegramServer) -> None:
    """A process that is asked to end waits for the piece under way, so that it is not sent twice, and begins no other."""
    telegram.delay("sendMessage", 0.5)
    first, second = writes(room, "first"), writes(room, "second")
    deliver_until(room, telegram, lambda: "sendMessage" in [call.method for call in telegram.calls])
    assert (state(room, first), state(room, second)) == ("sent", "pending")
    deliver(room, telegram, second)
    assert [message.text for message in telegram.messages(7)] == ["first", "second"]
    with room.database.read() as tx:
        assert tx.execute(select(parts.c.doubts)).all() == [(0,), (0,)]


def test_the_end_does_not_wait_for_ever(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """Where the vendor keeps silent the end comes all the same, and the piece counts as a doubt at the next start."""
    mocker.patch("bot.delivery.ENDS_WITHIN", 0.1)
    telegram.hang("sendMessage")
    number = writes(room, "once more")
    deliver_until(room, telegram, lambda: "sendMessage" in [call.method for call in telegram.calls])
    assert state(room, number) == "pending"
    deliver(room, telegram, number)
    with room.database.read() as tx:
        assert tx.scalar(select(parts.c.doubts)) == 1


def test_a_lost_answer_is_a_doubt(room: Room, telegram: TelegramServer) -> None:
    """When the vendor's answer is lost the piece is sent again after a pause, and the doubt is recorded."""
    telegram.lose_answers("sendMessage", 1.0, 1)
    number = writes(room, "lost")
    deliver_until(room, telegram, lambda: answered(telegram, "sendMessage"))
    telegram.lose_answers("sendMessage", 0.0, 1)
    room.now += timedelta(seconds=10)
    deliver(room, telegram, number)
    assert len(telegram.messages(7)) == 2
    with room.database.read() as tx:
        assert tx.scalar(select(parts.c.doubts)) == 1


def test_after_a_day_it_is_set_aside(room: Room, telegram: TelegramServer) -> None:
    """A reply that cannot be delivered for a day is given up, and the next one follows."""
    telegram.fail("sendMessage", 1, status=500)
    first, second = writes(room, "never"), writes(room, "later")
    room.now += timedelta(hours=25)
    deliver(room, telegram, first, second)
    assert (state(room, first), state(room, second)) == ("gone", "sent")
    assert [message.text for message in telegram.messages(7)] == ["later"]


def test_nobody_there(room: Room, telegram: TelegramServer) -> None:
    """A chat that does not exist gets nothing, and its reply is set aside."""
    number = writes(room, "hello?", Address(channel="telegram", chat="99"))
    deliver(room, telegram, number)
    assert state(room, number) == "gone"


def test_an_answer_that_shows_nothing(room: Room, telegram: TelegramServer) -> None:
    """A text of invisible letters is said to be one, since the vendor would refuse it."""
    number = writes(room, "\u200b")
    deliver(room, telegram, number)
    assert [message.text for message in telegram.messages(7)] == ["(There is nothing to be seen in this answer.)"]


@pytest.mark.parametrize("deleted", [False, True])
def test_the_message_that_showed_it_becomes_the_answer(room: Room, telegram: TelegramServer, *, deleted: bool) -> None:
    """Where an answer grew by edits, its first piece replaces that message; if it was deleted, a new one is sent."""
    group = telegram.group(-100, "Home")
    address = Address(channel="telegram", chat="-100", private=False)
    room.takes_in("hello", address=address)
    turn = room.runner("w").turns.take(1, suspects=True)
    assert turn is not None

    async def show() -> str:
        async with connect(telegram.token, telegram.url) as bot:
            native_id = await Telegram(bot).send(address, {"text": "so far", "entities": []}, None)
            if deleted:
                await bot.delete_message(-100, int(native_id.partition(":")[2]))
            return native_id

    native_id = asyncio.run(show())
    number = writes(room, "so far and no further", address, turn.id)
    with room.database.write() as tx:
        outbox.note_preview(tx, turn.id, native_id)
        tx.execute(update(turns).values(state="answered"))
        conversations.release(tx, 1)
    deliver(room, telegram, number)
    assert group.sees() == ["so far and no further"]
    assert len(telegram.messages(-100)) == (2 if deleted else 1)


def test_a_database_that_stumbles(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """An error of the database ends one look or one lane, and the next finds the reply again."""
    number = writes(room, "after all")
    locked = OperationalError("SELECT", {}, Exception("database is locked"))
    find, failures = outbox.next_reply, [locked]

    def next_reply(tx: Connection, conversation_id: int) -> outbox.Reply | None:
        if failures:
            raise failures.pop()
        return find(tx, conversation_id)

    mocker.patch("bot.outbox.waiting", side_effect=[locked, [1], [1], [1], [1]])
    mocker.patch("bot.outbox.next_reply", next_reply)
    deliver(room, telegram, number)
    assert state(room, number) == "sent"


def test_what_was_sent_is_not_forgotten(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """When the disk is full just after a piece was sent, the note is tried again, and never the sending."""
    mocker.patch("bot.delivery.LOOKS_EVERY", 0.05)
    number = writes(room, "once")
    full = OperationalError("UPDATE", {}, Exception("database or disk is full"))
    note, failures = outbox.note_sent, [full, full]

    def note_sent(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        note(*arguments)

    mocker.patch("bot.outbox.note_sent", note_sent)
    deliver(room, telegram, number)
    assert len(telegram.messages(7)) == 1
    with room.database.read() as tx:
        assert tx.scalar(select(parts.c.doubts)) == 0


def test_what_is_refused_in_every_form_is_set_aside(room: Room, telegram: TelegramServer) -> None:
    """A piece that the vendor refuses also without its formatting keeps nothing else waiting."""
    telegram.fail("sendMessage", 2, 400, "Bad Request: message is odd")
    first, second = writes(room, "**odd**"), writes(room, "even")
    deliver(room, telegram, first, second)
    assert (state(room, first), state(room, second)) == ("gone", "sent")


def test_the_plain_form_fits(telegram: TelegramServer) -> None:
    """Addresses of links stand behind a plain text only as far as they fit."""
    chat = Telegram(connect(telegram.token, telegram.url))
    (payload,) = chat.pieces(" ".join(f"[{n}](https://example.org/{'x' * 80}/{n})" for n in range(60)))
    plain = chat.plain(payload)["text"]
    assert 3900 < len(plain) <= 4096
    assert plain.startswith(payload["text"])

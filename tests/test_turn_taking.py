"""Who goes first: answers before previews, this channel's replies and no other's, and nothing twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select

from adapters.chats.telegram.chat import Telegram
from adapters.chats.telegram.polling import connect
from bot import conversations, journal, outbox
from bot.delivery import Delivery
from bot.messages import Address, Origin, ReplyKind
from bot.ports import Call
from bot.presence import ANSWERS_FIRST, Presences
from bot.settling import Settling
from bot.store.async_database import AsyncDatabase
from bot.store.tables import outbox as replies
from bot.store.tables import transcript as entries
from bot.tools import Effect
from bot.transcript import append, open_calls
from tests.anthropic_server import AnthropicServer
from tests.room import Room
from tests.telegram_server import TelegramServer
from workers.queue import Doorbell

Script = Callable[[Presences, Delivery], Awaitable[None]]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A room."""
    with AnthropicServer() as claude, Room(tmp_path, claude) as made:
        yield made


def play(room: Room, script: Script) -> list[str]:
    """Play a script at the bot's side of a house, and return the drafts that Ada saw."""

    async def run(telegram: TelegramServer) -> None:
        with ThreadPoolExecutor(2) as threads:
            async with connect(telegram.token, telegram.url) as bot, asyncio.timeout(20):
                database = AsyncDatabase(room.database, threads)
                presences = Presences(database, {"telegram": Telegram(bot)})
                delivery = Delivery(database, {"telegram": Telegram(bot)}, presences, room.clock)
                await script(presences, delivery)
                await presences.end(1)
                await delivery.finish()

    with TelegramServer() as telegram:
        telegram.person(7).writes("/start")
        asyncio.run(run(telegram))
        return [draft.text for draft in telegram.drafts(7)]


def test_answers_go_before_what_is_only_shown(room: Room) -> None:
    """While several answers are on their way out, no preview is sent; afterwards it is."""
    turn = room.runner("w").turns.take(room.takes_in("hello"), suspects=True)
    assert turn is not None
    seen: list[bool] = []

    async def script(presences: Presences, delivery: Delivery) -> None:
        del delivery
        with ExitStack() as stack:
            for _ in range(ANSWERS_FIRST):
                stack.enter_context(presences.giving_way())
            presences.tell(1, turn.id, "so far")
            await asyncio.sleep(0.3)
            seen.append(presences.is_shown(1))
        await asyncio.sleep(0.3)

    assert play(room, script) == ["so far"]
    assert seen == [True]


def test_news_of_nothing(room: Room) -> None:
    """News of a conversation that has nothing to be delivered leave what shows there alone; other channels' are left alone."""
    turn = room.runner("w").turns.take(room.takes_in("hello"), suspects=True)
    assert turn is not None
    with room.database.write() as tx:
        elsewhere = conversations.find_or_open(tx, Address(channel="elsewhere", chat="1"))
        outbox.add(tx, elsewhere.id, ReplyKind.NOTICE, "not mine", room.clock())

    async def script(presences: Presences, delivery: Delivery) -> None:
        presences.tell(1, turn.id, "")
        delivery.news(1)
        delivery.news(elsewhere.id)
        await asyncio.sleep(0.3)
        assert presences.is_shown(1)

    play(room, script)
    with room.database.read() as tx:
        assert tx.scalars(select(replies.c.state)).all() == ["pending"]


def test_a_call_that_nobody_can_look_at_any_more(room: Room) -> None:
    """A blind call that was begun before a crash may have happened, also when its tool is gone now."""
    turn = room.runner("w").turns.take(room.takes_in("send it"), suspects=True)
    assert turn is not None
    call = Call(id="a", name="send_mail", arguments={})
    with room.database.write() as tx:
        append(tx, 1, turn.id, "butler", (call,), Origin.BUTLER, room.clock())
        found = open_calls(tx, 1)
        assert found is not None
        journal.begin(tx, turn.id, {journal.call_key(turn.id, found[0].id, 0): (call, Effect.BLIND)}, room.clock())
    Settling(room.tools, room.redactor).settle(turn, room.toolbox)
    with room.database.read() as tx:
        last = tx.scalars(select(entries.c.content).order_by(entries.c.id.desc())).first()
        assert last is not None
        assert last[0]["text"] == journal.UNKNOWN
        assert "I cannot tell whether this was done" in journal.warning(tx, turn.id)


def test_a_queue_that_is_away_is_not_asked_each_time() -> None:
    """After a ring that nobody heard, the next ones do not wait for the time-out again."""
    doorbell = Doorbell(Redis(port=1, socket_connect_timeout=0.2))
    assert not doorbell.ring([1])
    assert not doorbell.ring([1])
    assert "messages are kept" in (doorbell.fault() or "")
    doorbell.wake()
    doorbell.forget_cut_off()

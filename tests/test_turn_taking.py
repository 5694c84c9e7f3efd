"""Who goes first: answers before previews, this channel's replies and no other's, and nothing twice."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import select

from bot import conversations, journal, outbox
from bot.delivery import Delivery
from bot.messages import Address, Origin, ReplyKind
from bot.ports import Call
from bot.presence import ANSWERS_FIRST, Presences
from bot.settling import Settling
from bot.store.tables import outbox as replies
from bot.store.tables import transcript as entries
from bot.tools import Effect
from bot.transcript import append, open_calls
from tests.bot_side import bot_side
from tests.room import Room
from tests.telegram_server import TelegramServer
from workers.queue import Doorbell

Script = Callable[[Presences, Delivery], Awaitable[None]]


def play(room: Room, script: Script) -> list[str]:
    """Play a script at the bot's side of a house, and return the drafts that Ada saw."""

    async def run(telegram: TelegramServer) -> None:
        async with bot_side(room, telegram) as (presences, delivery), asyncio.timeout(20):
            await script(presences, delivery)
            await presences.end(1)

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
    with socket.create_server(("127.0.0.1", 0)) as server:
        doorbell = Doorbell(Redis(port=server.getsockname()[1], socket_timeout=0.2, retry=Retry(NoBackoff(), 0)))
        assert not doorbell.ring([1])
        server.settimeout(0.1)
        asked = _callers(server)
        assert asked > 0
        assert not doorbell.ring([1])
        assert "messages are kept" in (doorbell.fault() or "")
        assert _callers(server) == 0


def test_a_queue_that_is_away_fails_nothing() -> None:
    """What only hastens things does no harm where there is no queue."""
    doorbell = Doorbell(Redis(port=1, socket_connect_timeout=0.2))
    doorbell.wake()
    doorbell.forget_cut_off()


def _callers(server: socket.socket) -> int:
    """Count who waits to be accepted."""
    callers = 0
    with suppress(TimeoutError):
        while True:
            server.accept()[0].close()
            callers += 1
    return callers

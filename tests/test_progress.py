"""The line that says what is being done: it comes when nothing was heard for a while, changes, and is taken away again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import insert, select, update

from bot import conversations, outbox, stopping
from bot.delivery import Delivery
from bot.messages import Address, ReplyKind
from bot.presence import Presences
from bot.progress import NOTED, duration, tool_in_words
from bot.store.busy_tables import passing
from bot.store.tables import calls, turns
from tests.bot_side import bot_side
from tests.room import Room
from tests.telegram_server import TelegramServer

HOME = Address(channel="telegram", chat="-100", private=False)
GROUP = -100
ADA = 7


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """A Bot API server to which Ada has written, and with a group."""
    with TelegramServer() as server:
        server.person(ADA).writes("/start")
        server.group(GROUP, "Home")
        yield server


@pytest.fixture(autouse=True)
def _soon(mocker: MockerFixture) -> None:
    """Let everything come sooner than in a house."""
    mocker.patch("adapters.chats.telegram.chat.GROUP_PACE", 0.02)
    for name, seconds in (("LINE_AFTER", 0.1), ("LINE_EVERY", 0.05), ("NOTE_AFTER", 0.02), ("TIDIES_EVERY", 0.05)):
        mocker.patch(f"bot.presence.{name}", seconds)


def begins(room: Room, address: Address | None = None) -> int:
    """Begin a turn and return its id."""
    conversation_id = room.takes_in("hello", address=address) if address else room.takes_in("hello")
    turn = room.runner("w").turns.take(conversation_id, suspects=True)
    assert turn is not None
    return turn.id


def uses(room: Room, turn_id: int, tool: str, doing: str | None) -> None:
    """Let a turn use a tool."""
    row = {"key": tool, "turn_id": turn_id, "call_id": tool, "tool": tool, "arguments": {"to": "secret"}, "effect": "read"}
    with room.database.write() as tx:
        tx.execute(insert(calls).values(**row, state="begun", begun_at=room.clock(), doing=doing))


def is_over(room: Room, turn_id: int, state: str = "answered") -> None:
    """Let a turn end without a word."""
    with room.database.write() as tx:
        tx.execute(update(turns).where(turns.c.id == turn_id).values(state=state, ended_at=room.now))
        conversations.release(tx, 1)


def show(room: Room, telegram: TelegramServer, script: Callable[[Presences, Delivery], Awaitable[None]]) -> None:
    """Let a script tell what a worker does, while the bot's side tidies up as always."""

    async def run() -> None:
        async with bot_side(room, telegram) as (presences, delivery), asyncio.timeout(20):
            tidying = asyncio.create_task(presences.run())
            try:
                await script(presences, delivery)
            finally:
                tidying.cancel()

    asyncio.run(run())


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that the server sees."""
    while not condition():
        await asyncio.sleep(0.01)


def stands(telegram: TelegramServer) -> list[str]:
    """Return what the house's messages in the group read now."""
    return [message.text for message in telegram.messages(GROUP) if not message.deleted]


def left(room: Room) -> list[str]:
    """Return what the house remembers of messages that are to pass."""
    with room.database.read() as tx:
        return list(tx.scalars(select(passing.c.native_id)))


def test_a_line_in_a_group(room: Room, telegram: TelegramServer) -> None:
    """After a while without a word one silent message says what is done, is edited, and gives way to the answer."""
    turn_id = begins(room, HOME)

    async def script(presences: Presences, delivery: Delivery) -> None:
        presences.tell(1, turn_id, "")
        await until(lambda: stands(telegram) == ["⏳ 0 s: thinking"])
        uses(room, turn_id, "recall", "searching memory")
        uses(room, turn_id, "mail_search", None)
        room.now += timedelta(seconds=75)
        await until(lambda: stands(telegram) == ["⏳ 1 min 15 s: searching memory and 1 more"])
        with room.database.write() as tx:
            outbox.add(tx, 1, ReplyKind.ANSWER, "Here it is.", room.clock(), turn_id=turn_id)
        is_over(room, turn_id)
        presences.over(1, turn_id)
        delivery.news(1)
        await until(lambda: stands(telegram) == ["Here it is."])

    show(room, telegram, script)
    assert left(room) == []
    first = next(call for call in telegram.calls if call.method == "sendMessage" and "thinking" in call.params["text"])
    assert first.params["disable_notification"] == "true"
    assert "secret" not in str([call.params for call in telegram.calls])


def test_a_line_in_private(room: Room, telegram: TelegramServer) -> None:
    """Where there are drafts the line is one, below what is written so far, and no message is left to be taken away."""
    turn_id = begins(room)

    async def script(presences: Presences, _: Delivery) -> None:
        presences.tell(1, turn_id, "")
        await until(lambda: telegram.drafts(ADA) and telegram.drafts(ADA)[-1].text == "⏳ 0 s: thinking")
        presences.tell(1, turn_id, "So far")
        await until(lambda: telegram.drafts(ADA)[-1].text == "So far")
        await until(lambda: telegram.drafts(ADA)[-1].text == "So far\n\n⏳ 0 s: thinking")
        await presences.end(1)

    show(room, telegram, script)
    assert telegram.messages(ADA) == []
    assert left(room) == []


def test_a_note_in_a_group(room: Room, telegram: TelegramServer) -> None:
    """A note about what was written meanwhile comes once, whatever else is written, and goes when that was read."""
    turn_id = begins(room, HOME)

    async def script(presences: Presences, _: Delivery) -> None:
        presences.tell(1, turn_id, "")
        for words in ("and this", "and that"):
            room.takes_in(words, address=HOME)
            presences.note(1, turn_id)
        await until(lambda: stands(telegram) == [NOTED])
        with room.database.write() as tx:
            tx.exec_driver_sql("UPDATE inbox SET state = 'taken'")
        await until(lambda: NOTED not in " ".join(stands(telegram)))
        await presences.end(1)

    show(room, telegram, script)
    assert stands(telegram) == []
    assert sum(call.method == "sendMessage" for call in telegram.calls) <= 2  # the note, and then a line of its own


def test_a_line_gives_way_to_text(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """When the answer begins to be written the line goes, and the answer has a message of its own that calls its reader."""
    mocker.patch("bot.presence.MESSAGE_AFTER", 0.01)
    turn_id = begins(room, HOME)

    async def script(presences: Presences, _: Delivery) -> None:
        presences.tell(1, turn_id, "")
        await until(lambda: stands(telegram))
        mocker.patch("bot.presence.LINE_AFTER", 10)
        presences.tell(1, turn_id, "The answer")
        await until(lambda: stands(telegram) == ["The answer"])
        await presences.end(1)

    show(room, telegram, script)
    assert left(room) == []


def test_a_line_that_a_crash_left(room: Room, telegram: TelegramServer) -> None:
    """A bot that died takes the line away at its next start when the turn is over meanwhile."""
    turn_id = begins(room, HOME)

    async def dies(presences: Presences, _: Delivery) -> None:
        presences.tell(1, turn_id, "")
        await until(lambda: stands(telegram) and "" not in left(room))

    async def starts(_: Presences, __: Delivery) -> None:
        await until(lambda: not stands(telegram))
        await until(lambda: not left(room))

    show(room, telegram, dies)
    assert len(left(room)) == 1
    is_over(room, turn_id)
    show(room, telegram, starts)


def test_a_line_goes_on_after_a_crash(room: Room, telegram: TelegramServer) -> None:
    """A bot that died goes on with the same message while the turn runs, without hearing of it anew."""
    turn_id = begins(room, HOME)

    async def dies(presences: Presences, _: Delivery) -> None:
        presences.tell(1, turn_id, "")
        await until(lambda: stands(telegram) and "" not in left(room))

    async def starts(presences: Presences, _: Delivery) -> None:
        room.now += timedelta(seconds=30)
        await until(lambda: stands(telegram) == ["⏳ 30 s: thinking"])
        await presences.end(1)

    show(room, telegram, dies)
    show(room, telegram, starts)
    assert len(telegram.messages(GROUP)) == 1
    assert stands(telegram) == []


def test_a_line_of_a_dead_worker(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """When the worker died and its claim was given back, the line goes until another one goes on."""
    mocker.patch("bot.presence.TYPING_EVERY", 0.1)
    mocker.patch("bot.presence.TYPING_AFTER", 0.1)
    turn_id = begins(room, HOME)

    async def script(presences: Presences, _: Delivery) -> None:
        presences.tell(1, turn_id, "")
        await until(lambda: stands(telegram))
        with room.database.write() as tx:
            conversations.release(tx, 1)
        await until(lambda: not stands(telegram))

    show(room, telegram, script)
    assert left(room) == []


def test_a_line_that_may_not_have_come(room: Room, telegram: TelegramServer) -> None:
    """A line of which nobody knows whether it was sent is not sent again, and holds up nothing."""
    telegram.lose_answers("sendMessage", 0.05, 1)
    turn_id = begins(room, HOME)

    async def script(presences: Presences, _: Delivery) -> None:
        presences.tell(1, turn_id, "")
        await asyncio.sleep(0.4)
        await presences.end(1)

    show(room, telegram, script)
    assert sum(call.method == "sendMessage" for call in telegram.calls) == 1
    assert left(room) == []


def test_what_was_stopped_leaves_no_half_answer(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """The message that showed an unfinished answer in a group goes when its turn is stopped."""
    mocker.patch("bot.presence.MESSAGE_AFTER", 0.01)
    mocker.patch("bot.presence.LINE_AFTER", 10)
    turn_id = begins(room, HOME)

    async def script(presences: Presences, delivery: Delivery) -> None:
        presences.tell(1, turn_id, "Half an ans")
        await until(lambda: stands(telegram) == ["Half an ans"])
        with room.database.write() as tx:
            reply_id = outbox.add(tx, 1, ReplyKind.COMMAND, "Stopped.", room.clock())
            stopping.stop(tx, room.treasury, 1, reply_id, room.clock())
        delivery.news(1)
        await until(lambda: stands(telegram) == ["Stopped."])
        await until(lambda: left(room) == [])

    show(room, telegram, script)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3661, "1 h 1 min"), (90000, "25 h 0 min")],
)
def test_durations(seconds: float, words: str) -> None:
    """A duration has the two units that matter."""
    assert duration(seconds) == words


def test_a_tool_without_words_of_its_own() -> None:
    """Its name is read as words."""
    assert tool_in_words("mail_search") == "using mail search"

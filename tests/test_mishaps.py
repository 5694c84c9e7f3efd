"""Mishaps that a fresh look found: each once ended a process, doubled an answer or lost one."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from pytest_mock import MockerFixture
from sqlalchemy import insert, select, update

from adapters.chats.telegram.chat import Telegram
from adapters.chats.telegram.polling import connect as connect_bot
from bot import conversations, outbox, transcript
from bot.errors import BadFormat, Doubtful
from bot.messages import Address, Origin, ReplyKind
from bot.ports import Text, Thought
from bot.schedules.firing import Fired, Firing
from bot.store.tables import conversations as places
from bot.store.tables import turns
from bot.store.treasury_tables import ledger
from tests.anthropic_server import AnthropicServer
from tests.bot_side import bot_side
from tests.fast_clock import NOBODY, NOWHERE
from tests.houses import House, wait_until
from tests.room import Room
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer
from workers.alarms import AlarmClock
from workers.clock import Clock
from workers.liveness import Watch
from workers.queue import Doorbell, connect
from workers.sweep import Sweep

HUGE = "9" * 23


def test_an_orderly_stop_is_no_crash(tmp_path: Path) -> None:
    """A worker that is told to stop leaves no trace, and nothing in any log looks like a fault."""
    with TelegramServer() as telegram, AnthropicServer() as claude, House(tmp_path, telegram, claude) as home:
        home.wait_until_ready()
        assert home.stop() == 0
        assert '"critical"' not in home.log
        assert home.value("SELECT count(*) FROM workers") == 0


@pytest.mark.parametrize("words", [f"/retry {HUGE}", f"/retry r{HUGE}", f"/memory forget {HUGE}", "/retry ²"])
def test_a_number_without_end(ada: Person, words: str) -> None:
    """A number that nothing can have is answered like any other that is not there."""
    ada.writes(words)
    assert "There is no" in ada.reads()


def test_news_that_are_none(ben: Person, house: House, claude: AnthropicServer) -> None:
    """News on Redis that are none are refused; the bot that hears them lives on."""
    bot = house.process("bot")
    with connect(f"unix://{house.home / 'butlers' / 'run' / 'valkey.sock'}") as redis:
        for news in ("x", "[]", json.dumps(["reply", [1], 0, ""]), json.dumps(["turn", 1, 2])):
            redis.publish("butlers:live:telegram", news)
    wait_until(lambda: "what came as news is none" in house.log, "it is refused")
    claude.says("Still here.")
    ben.writes("Are you there?")
    assert ben.reads() == "Still here."
    assert house.process("bot") == bot


def test_a_house_without_its_redis_answers(pipe: House) -> None:
    """A house that starts while its Redis is away answers all the same, a few seconds later."""
    pipe.env["REDIS_URL"] = "redis://127.0.0.1:1"
    done = pipe.run("up", lines=["what time is it in Tokyo"])
    assert "Asia/Tokyo" in done.stdout


def test_a_damaged_queue_is_set_aside(pipe: House) -> None:
    """When the embedded server cannot start with what it kept, it starts without: nothing is in it that is not known."""
    pipe.run("up", lines=["hello"])
    for file in (pipe.home / "butlers" / "valkey" / "appendonlydir").iterdir():
        file.write_bytes(b"garbage")
    assert "rehearsal model" in pipe.run("up", lines=["hello"]).stdout
    wait_until(lambda: list((pipe.home / "butlers").glob("valkey-damaged-*")) != [], "the damaged one is kept")
    log = (pipe.home / "butlers" / "logs" / "house.log").read_text()
    assert log.count("valkey died") < 10


def test_claims_of_a_worker_of_whom_nothing_is_known(tmp_path: Path) -> None:
    """What a thread claimed while its worker said goodbye is found and taken up again."""
    with AnthropicServer() as claude, Room(tmp_path, claude) as room:
        number = room.takes_in("hello")
        assert room.runner("gone").turns.take(number, suspects=True) is not None
        sweep = Sweep(room.database, room.treasury, Watch(tmp_path), tmp_path, room.clock, room.belongings)
        assert sweep.find() == [number]
        with room.database.read() as tx:
            assert tx.scalar(select(places.c.claim)) is None


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_the_clock_found_and_nobody_heard(tmp_path: Path, is_heard: bool) -> None:  # noqa: FBT001 - a parameter
    """What the clock's sweep rings for while Redis is away stays for a worker's own sweep to find, and is answered there."""
    with AnthropicServer() as claude, Room(tmp_path, claude) as room:
        number = room.takes_in("hello")
        with room.database.write() as tx:
            conversations.note_rung(tx, [number], room.clock() - timedelta(minutes=1))
        sweep = Sweep(room.database, room.treasury, Watch(tmp_path), tmp_path, room.clock, room.belongings)
        redis = connect(NOWHERE)
        firing = Firing(room.database, NOBODY, lambda _, __: "", room.clock)
        rung: list[Fired] = []

        def announce(fired: Fired) -> bool:
            rung.append(fired)
            return is_heard

        Clock(AlarmClock(redis, Doorbell(redis)), sweep, firing, tuple, tuple, announce, room.clock)._look_after()  # noqa: SLF001
        assert rung[0].turns == [number]
        assert sweep.find() == ([] if is_heard else [number])


def test_in_a_group_an_answer_waits_for_its_own_preview(tmp_path: Path) -> None:
    """An answer replaces what showed of it, also when the next turn has begun already."""
    group = Address(channel="telegram", chat="-100", private=False)
    with AnthropicServer() as claude, Room(tmp_path, claude) as room, TelegramServer() as telegram:
        telegram.group(-100, "Home")
        number = room.takes_in("first", address=group)
        turn = room.runner("w").turns.take(number, suspects=True)
        assert turn is not None

        async def run() -> None:
            async with bot_side(room, telegram) as (presences, delivery), asyncio.timeout(20):
                presences.tell(number, turn.id, "partial")
                telegram.delay("sendMessage", 0.5)
                while not any(call.method == "sendMessage" for call in telegram.calls):
                    await asyncio.sleep(0.01)
                with room.database.write() as tx:
                    outbox.add(tx, number, ReplyKind.ANSWER, "whole", room.clock(), turn_id=turn.id)
                    tx.execute(update(turns).values(state="answered"))
                    conversations.release(tx, number)
                room.takes_in("second", address=group)
                assert room.runner("w").turns.take(number, suspects=True) is not None
                delivery.news(number)
                while [message.text for message in telegram.messages(-100)] != ["whole"]:
                    await asyncio.sleep(0.01)

        asyncio.run(run())


def test_a_server_older_than_drafts() -> None:
    """Where the Bot API server knows no drafts, they are given up, and the answer is not late for it."""

    async def run(telegram: TelegramServer) -> bool:
        async with connect_bot(telegram.token, telegram.url) as bot:
            chat, place = Telegram(bot), Address(channel="telegram", chat="7")
            with pytest.raises(BadFormat):
                await chat.draft(place, 1, chat.preview("so far"))
            await chat.send(place, chat.pieces("whole")[0], None)
            return chat.has_drafts(place)

    with TelegramServer() as telegram:
        telegram.person(7).writes("/start")
        telegram.fail("sendMessageDraft", 1, 404, "Not Found: method not found")
        assert asyncio.run(run(telegram)) is False
        assert [message.text for message in telegram.messages(7)] == ["whole"]


def test_connections_to_the_model_are_used_again(tmp_path: Path) -> None:
    """One connection serves one request after the other, so that only the first pays for a handshake."""
    with AnthropicServer() as claude, Room(tmp_path, claude) as room:
        for _ in range(4):
            room.asks("hello")
        assert len({record.peer for record in claude.message_requests}) == 1


def test_a_thought_of_another_model_leaves_no_empty_message(tmp_path: Path) -> None:
    """An answer that was all thought, and then another model: the prompt is still one that the provider takes."""
    with AnthropicServer() as claude, Room(tmp_path, claude) as room:
        number = room.takes_in("hello")
        thought = Thought(model="another", block={"type": "thinking", "thinking": "hm", "signature": "x"})
        with room.database.write() as tx:
            turn = tx.execute(
                insert(turns)
                .values(conversation_id=number, person_id=1, butler="assistant", trigger="message", model="another")
                .values(state="answered", steps=1, attempts=0, started_at=room.clock())
                .returning(turns.c.id)
            ).scalar_one()
            transcript.append(tx, number, turn, "user", (Text(text="think"),), Origin.PERSON, room.clock())
            transcript.append(tx, number, turn, "butler", (thought,), Origin.BUTLER, room.clock())
        claude.says("Here.")
        assert room.asks("and now?") == "Here."


@pytest.mark.parametrize("in_the_middle", [False, True])
def test_a_model_at_the_other_end_of_a_dead_connection(tmp_path: Path, mocker: MockerFixture, *, in_the_middle: bool) -> None:
    """A provider that falls silent is given up after a while, paid for in full, and asked again."""
    mocker.patch("adapters.models.anthropic.TIMEOUT", httpx2.Timeout(0.3))
    with AnthropicServer() as claude, Room(tmp_path, claude) as room:
        claude.hang_mid_stream(after_events=4) if in_the_middle else claude.hang()
        number = room.takes_in("hello")
        room.runner().run_turn(number, None)
        assert room.replies(number) == []
        (_, until), *_ = room.woken
        with room.database.read() as tx:
            assert tx.scalar(select(ledger.c.reported)) is False
        room.now = until
        claude.says("Here I am.")
        room.runner().run_turn(number, None)
        assert room.replies(number) == ["Here I am."]


def test_telegram_at_the_other_end_of_a_dead_connection(mocker: MockerFixture) -> None:
    """A message that Telegram does not answer counts as one that may have arrived."""
    mocker.patch("adapters.chats.telegram.polling.READ_SECONDS", 0.3)

    async def run(telegram: TelegramServer) -> None:
        async with connect_bot(telegram.token, telegram.url) as bot:
            telegram.hang("sendMessage")
            with pytest.raises(Doubtful):
                await Telegram(bot).send(Address(channel="telegram", chat="7"), {"text": "hello", "entities": []}, None)

    with TelegramServer() as telegram:
        telegram.person(7).writes("/start")
        asyncio.run(run(telegram))

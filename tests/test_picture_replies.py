"""Replies with a picture: from a command's answer to what stands in Telegram, through everything that may go wrong."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import select, update

from bot import conversations, outbox
from bot.charts import Chart
from bot.commands.book import Asking, Command, CommandBook
from bot.pictures import NOT_SHOWN
from bot.store.tables import outbox as replies
from bot.store.tables import parts
from tests.anthropic_server import AnthropicServer
from tests.houses import House, wait_until
from tests.room import Room
from tests.spending import CHART, spending
from tests.telegram_server import TelegramServer
from tests.test_delivery import ADA, answered, deliver, deliver_until, state

WORDS = f"{NOT_SHOWN} {CHART.words}"


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """A Bot API server to which Ada has written."""
    with TelegramServer() as server:
        server.person(7).writes("/start")
        yield server


def shows(room: Room, *charts: Chart) -> int:
    """Let Ada give a command that shows charts, and return the reply."""

    def run(asking: Asking) -> str:
        for chart in charts:
            asking.show(chart)
        return "What it **cost**:"

    reception = replace(room.reception, commands=CommandBook([Command("cost", "", "shows what it cost", run)]))
    reception.receive([room.message("/cost")])
    with room.database.read() as tx:
        return int(tx.scalars(select(replies.c.id).order_by(replies.c.id.desc())).one())


def page(telegram: TelegramServer) -> list[str | None]:
    """Return the texts that Ada reads, with nothing for a photo."""
    return [None if message.photo else message.text for message in telegram.messages(7)]


def doubts(room: Room) -> list[tuple[bool, int]]:
    """Return of each part whether it is the picture, and how often it was doubtful."""
    with room.database.read() as tx:
        return [(row.enclosed, row.doubts) for row in tx.execute(select(parts).order_by(parts.c.position))]


def test_a_command_shows_a_chart(room: Room, telegram: TelegramServer) -> None:
    """Its words come first, then one photo with the chart in words as its caption; of two charts the last counts."""
    number = shows(room, spending({}), CHART)
    deliver(room, telegram, number)
    words, photo = telegram.messages(7)
    assert (words.text, words.photo) == ("What it cost:", None)
    assert photo.photo is not None
    assert photo.text == CHART.words
    assert telegram.refusals == []


def test_the_picture_is_kept_with_the_answer(room: Room) -> None:
    """The chart is on disk with the words, as it was shown; an answer without one keeps none."""
    with_one, without = shows(room, CHART), None
    room.takes_in("/butlers")
    with room.database.read() as tx:
        kept = {row.id: row.enclosure for row in tx.execute(select(replies))}
        assert tx.scalar(select(replies.c.id).where(replies.c.enclosure.is_(None))) is not None
    assert Chart.model_validate(kept.pop(with_one)) == CHART
    assert list(kept.values()) == [without]


def test_in_a_topic(room: Room, telegram: TelegramServer) -> None:
    """In a group's topic the picture stands in that topic."""
    telegram.group(-100, "Home").opens_thread(5)
    number = shows(room, CHART)
    place = ADA.model_copy(update={"chat": "-100", "thread": "5", "private": False})
    with room.database.write() as tx:
        tx.execute(update(replies).values(conversation_id=conversations.find_or_open(tx, place).id))
    deliver(room, telegram, number)
    assert [message.thread for message in telegram.messages(-100)] == [5, 5]


@pytest.mark.parametrize("program", ["raise SystemExit('no ink')", "import signal; signal.pause()"])
def test_what_cannot_be_drawn_is_said(
    room: Room, telegram: TelegramServer, mocker: MockerFixture, caplog: pytest.LogCaptureFixture, program: str
) -> None:
    """When drawing fails or takes too long, the words stand, the picture's words come instead, and the log says why."""
    mocker.patch("bot.pictures.PROGRAM", ("-c", program))
    mocker.patch("bot.pictures.DRAWN_WITHIN", 3.0)
    number = shows(room, CHART)
    deliver(room, telegram, number)
    assert page(telegram) == ["What it cost:", WORDS]
    assert state(room, number) == "sent"
    assert "without its enclosure: the picture " in caplog.text


@pytest.mark.parametrize("reason", ["IMAGE_PROCESS_FAILED", "not enough rights to send photos to the chat"])
def test_a_chat_without_photos(room: Room, telegram: TelegramServer, reason: str) -> None:
    """Where Telegram takes no photo, or not this one, the words of the picture are sent, and nothing is lost."""
    telegram.fail("sendPhoto", 1, 400, f"Bad Request: {reason}")
    deliver(room, telegram, shows(room, CHART))
    assert page(telegram) == ["What it cost:", WORDS]


def test_when_telegram_asks_to_wait(room: Room, telegram: TelegramServer) -> None:
    """After a 429 only the picture is sent again, when it may be."""
    telegram.fail("sendPhoto", 1, retry_after=1)
    number = shows(room, CHART)
    deliver_until(room, telegram, lambda: answered(telegram, "sendPhoto"))
    room.now += timedelta(seconds=10)
    deliver(room, telegram, number)
    assert page(telegram) == ["What it cost:", None]
    assert doubts(room) == [(False, 0), (True, 0)]


def test_a_lost_answer_is_a_doubt(room: Room, telegram: TelegramServer) -> None:
    """When the vendor's answer to a picture is lost it is sent again, and the doubt is recorded; the words are not."""
    telegram.lose_answers("sendPhoto", 1.0, 1)
    number = shows(room, CHART)
    deliver_until(room, telegram, lambda: answered(telegram, "sendPhoto"))
    telegram.lose_answers("sendPhoto", 0.0, 1)
    room.now += timedelta(seconds=10)
    deliver(room, telegram, number)
    assert page(telegram) == ["What it cost:", None, None]
    assert doubts(room) == [(False, 0), (True, 1)]


def test_retry_sends_only_the_picture(room: Room, telegram: TelegramServer) -> None:
    """Where somebody was out of reach when the picture came, /retry sends it, and not the words again."""
    telegram.fail("sendPhoto", 1, 403, "Forbidden: bot was blocked by the user")
    number = shows(room, CHART)
    deliver(room, telegram, number)
    assert (state(room, number), page(telegram)) == ("gone", ["What it cost:"])
    assert room.writes(room.message("").sender, f"/retry r{number}") == f"I am sending reply r{number} once more."
    deliver(room, telegram, number)
    assert page(telegram)[:2] == ["What it cost:", None]


def amends(room: Room, number: int, text: str) -> None:
    """Let a reply read otherwise."""
    with room.database.write() as tx:
        outbox.amend(tx, number, text, room.clock())


def test_words_that_change_under_a_picture(room: Room, telegram: TelegramServer) -> None:
    """When a reply reads otherwise later, its words are edited, and the picture neither touched nor sent again."""
    number = shows(room, CHART)
    deliver(room, telegram, number)
    amends(room, number, "What it cost, mended:")
    deliver(room, telegram, number)
    assert page(telegram) == ["What it cost, mended:", None]
    assert telegram.refusals == []


def test_words_that_change_before_the_picture_came(room: Room, telegram: TelegramServer) -> None:
    """Where only the words had been sent, they are edited, and the picture still comes."""
    telegram.fail("sendPhoto", 1, 500)
    number = shows(room, CHART)
    deliver_until(room, telegram, lambda: answered(telegram, "sendPhoto"))
    amends(room, number, "What it cost, mended:")
    deliver(room, telegram, number)
    assert page(telegram) == ["What it cost, mended:", None]


def test_words_that_change_while_the_picture_is_sent(room: Room, telegram: TelegramServer) -> None:
    """A picture that is on its way when the words change counts as shown: it is no message to edit, and comes once."""
    number = shows(room, CHART)
    telegram.on_call = lambda call: amends(room, number, "What it cost, mended:") if call.method == "sendPhoto" else None
    deliver(room, telegram, number)
    assert page(telegram) == ["What it cost, mended:", None]
    assert telegram.refusals == []


def test_a_picture_of_another_version(room: Room, telegram: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    """A chart that this house cannot read stops nothing: the words come without it, and the log says so."""
    number = shows(room, CHART)
    with room.database.write() as tx:
        tx.execute(update(replies).values(enclosure={"name": "budget"}))
    deliver(room, telegram, number)
    assert page(telegram) == ["What it cost:"]
    assert "without its enclosure, which cannot be read" in caplog.text


def test_the_end_while_it_is_drawn(room: Room, telegram: TelegramServer, mocker: MockerFixture) -> None:
    """A process that must end does not wait for the picture: the next one draws it, and it comes once."""
    patched = mocker.patch.multiple("bot.pictures", PROGRAM=("-c", "import signal; signal.pause()"))
    mocker.patch("bot.delivery.ENDS_WITHIN", 0.1)
    number = shows(room, CHART)
    deliver_until(room, telegram, lambda: page(telegram) != [])
    assert (patched, page(telegram)) == ({}, ["What it cost:"])
    mocker.stopall()
    deliver(room, telegram, number)
    assert page(telegram) == ["What it cost:", None]


@pytest.mark.crash
def test_a_kill_while_it_is_drawn(tmp_path: Path, telegram: TelegramServer) -> None:
    """When the bot is killed over a picture, the next one sends it, once, and the words not again."""
    with AnthropicServer() as claude, House(tmp_path, telegram, claude) as house:
        house.wait_until_ready()
        wait_until(lambda: "Good day" in "".join(telegram.person(7).sees()), "the greeting")
        now = "2026-11-21 00:00:00.000000"
        house.execute(
            "INSERT INTO outbox (conversation_id, kind, text, enclosure, state, created_at, next_try_at, attempts) "
            "VALUES (1, 'command', 'What it cost:', ?, 'pending', '2999-01-01', ?, 0)",
            *(CHART.model_dump_json(), now),
        )
        is_drawn = "SELECT 1 FROM parts WHERE enclosed AND state = 'sending'"
        wait_until(lambda: house.value(is_drawn) is not None, "the picture is being drawn")
        house.kill("bot")
        wait_until(lambda: house.value("SELECT state FROM outbox ORDER BY id DESC") == "sent", "the picture is sent")
        assert house.value("SELECT doubts FROM parts WHERE enclosed") == 1
    assert page(telegram)[1:] == ["What it cost:", None]
    assert telegram.refusals == []

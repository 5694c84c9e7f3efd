"""What Telegram sends: translated faithfully, and never able to stop the polling."""

import asyncio
import copy
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_mock import MockerFixture
from sqlalchemy.exc import DataError, OperationalError

from adapters.chats.telegram import polling
from adapters.chats.telegram.polling import Polling, connect, introduce
from adapters.chats.telegram.updates import User, to_message
from bot.messages import IncomingMessage, Origin
from tests.houses import wait_until
from tests.telegram_server import TelegramServer

ME = User(id=42, is_bot=True, username="butler_bot")
MUTATIONS = 100_000


def private(text: str = "hello", /, **changes: Any) -> dict[str, Any]:
    """Return an update with a private message."""
    message = {
        "message_id": 5,
        "date": 1_795_000_000,
        "chat": {"id": 7, "type": "private", "first_name": "Ada"},
        "from": {"id": 7, "is_bot": False, "first_name": "Ada", "last_name": "Lovelace", "language_code": "en"},
        "text": text,
    }
    return {"update_id": 1, "message": message | changes}


def group(text: str, *entities: dict[str, object], **changes: object) -> dict[str, Any]:
    """Return an update with a message in a group."""
    chat = {"id": -100, "type": "supergroup", "title": "Home", "is_forum": True}
    return private(text, chat=chat, entities=list(entities), **changes)


def span(kind: str, offset: int, length: int, **more: object) -> dict[str, object]:
    """Return an entity."""
    return {"type": kind, "offset": offset, "length": length, **more}


def read(update: Any) -> IncomingMessage:
    """Translate an update that is a message."""
    message = to_message(update, ME)
    assert message is not None
    return message


def test_a_private_message() -> None:
    """Ids are the vendor's, the sender is known by number, and the time is aware."""
    message = read(private())
    assert (message.id, message.native_id, message.text) == ("7:5", "7:5", "hello")
    assert (message.sender.id, message.sender.name, message.address.private) == ("7", "Ada Lovelace", True)
    assert message.sent_at.tzinfo is not None


def test_an_edit_has_an_id_of_its_own() -> None:
    """An edit shares its original's native id, and a second edit is another gesture."""
    edit = {"update_id": 2, "edited_message": private("better")["message"] | {"edit_date": 1_795_000_060}}
    message = read(edit)
    assert (message.id, message.native_id, message.is_edit) == ("7:5:1795000060", "7:5", True)


@pytest.mark.parametrize(
    ("update", "text"),
    [
        (group("@butler_bot hi", span("mention", 0, 11)), "hi"),
        (group("hi @Butler_Bot!", span("mention", 3, 11)), "hi !"),
        (group("🦉🦉 @butler_bot hi", span("mention", 5, 11)), "🦉🦉  hi"),
        (group("/status@butler_bot now", span("bot_command", 0, 18)), "/status now"),
        (group("/status", span("bot_command", 0, 7)), "/status"),
        (group("hey you", span("text_mention", 4, 3, user={"id": 42, "is_bot": True, "first_name": "B"})), "hey you"),
        (group("yes", reply_to_message={"message_id": 4, "from": {"id": 42, "is_bot": True, "first_name": "B"}}), "yes"),
    ],
)
def test_what_is_meant_for_the_bot(update: dict[str, Any], text: str) -> None:
    """A mention, a command or a reply in a group is a message, without the bot's own name."""
    assert read(update).text == text


@pytest.mark.parametrize(
    "update",
    [
        group("just talking"),
        group("@other_bot hi", span("mention", 0, 10)),
        group("/status@other_bot", span("bot_command", 0, 17)),
        group("no /status here", span("bot_command", 3, 7)),
        group(
            "/x@other_bot",
            span("bot_command", 0, 12),
            reply_to_message={"message_id": 4, "from": {"id": 42, "is_bot": True, "first_name": "B"}},
        ),
        private(sender_chat={"id": -5, "type": "channel", "title": "News"}),
        private(**{"from": {"id": 9, "is_bot": True, "first_name": "Bot"}}),
        {"update_id": 1, "message": {k: v for k, v in private()["message"].items() if k != "from"}},
        {"update_id": 1, "message": {k: v for k, v in private()["message"].items() if k != "text"}},
        {"update_id": 1, "callback_query": {"id": "1"}},
        {"update_id": 1},
    ],
)
def test_what_is_not_meant_for_the_bot(update: dict[str, Any]) -> None:
    """Other talk, other bots' commands, bots, channels and updates of other kinds are no messages."""
    assert to_message(update, ME) is None


def test_foreign_text_is_marked() -> None:
    """A forward and a text that another bot wrote are a stranger's, with their author."""
    forward = private(forward_origin={"type": "hidden_user", "date": 1, "sender_user_name": "Mallory"})
    assert (read(forward).origin, read(forward).author) == (Origin.STRANGER, "Mallory")
    chat = {"type": "channel", "date": 1, "chat": {"id": -5, "type": "channel", "title": "News"}, "message_id": 3}
    assert read(private(forward_origin=chat)).author == "News"
    user = {"type": "user", "date": 1, "sender_user": {"id": 3, "is_bot": False, "first_name": "Carl"}}
    assert read(private(forward_origin=user)).author == "Carl"
    inline = private(via_bot={"id": 4, "is_bot": True, "first_name": "Gifs"})
    assert (read(inline).origin, read(inline).author) == (Origin.STRANGER, "Gifs")


SEEDS = (
    private(),
    group("@butler_bot hi", span("mention", 0, 11), message_thread_id=5, is_topic_message=True),
    private("x", forward_origin={"type": "hidden_user", "date": 1, "sender_user_name": "Mallory"}),
    private("", caption="cat", photo=[{"file_id": "a"}], caption_entities=[span("bold", 0, 3)]),
    {"update_id": 2, "edited_message": private("better")["message"] | {"edit_date": 1_795_000_060}},
)
WEIRD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**30,
    1.5,
    "",
    "x",
    "\ud800",
    "\x00",
    "a" * 5000,
    [],
    [[]],
    {},
    {"id": 1},
    [None],
)


def mutate(update: Any, dice: random.Random) -> Any:
    """Spoil some places of an update."""
    update = copy.deepcopy(update)
    for _ in range(dice.randrange(1, 4)):
        place: Any = update
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = dice.choice(keys)
            if isinstance(place[key], (dict, list)) and place[key] and dice.random() < 0.8:
                place = place[key]
                continue
            if dice.random() < 0.2 and isinstance(place, dict):
                del place[key]
            else:
                place[key] = copy.deepcopy(dice.choice(WEIRD))
            break
    return update


def test_no_mutated_update_crashes_the_translation() -> None:
    """A hundred thousand spoiled updates are a message, nothing, or an error that parks them."""
    dice = random.Random(11)  # noqa: S311 - the same spoils each time
    seen: Counter[str] = Counter()
    for _ in range(MUTATIONS):
        try:
            message = to_message(mutate(dice.choice(SEEDS), dice), ME)
        except ValidationError:
            seen["parked"] += 1
        else:
            seen["message" if message else "nothing"] += 1
            if message:
                message.text.encode()
    assert min(seen[kind] for kind in ("parked", "nothing", "message")) > MUTATIONS // 100


class Desk:
    """Takes in what is polled, and can be told to fail."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.parked: list[str] = []
        self.told: list[str] = []
        self.failures: list[Exception] = []

    async def take_in(self, messages: Sequence[IncomingMessage]) -> None:
        """Take messages in."""
        if any(message.text == "indigestible" for message in messages):
            raise DataError("x", {}, Exception("cannot be stored"))
        if self.failures:
            raise self.failures.pop()
        self.taken += [message.text for message in messages]

    async def park(self, channel: str, payload: str, error: str) -> None:
        """Park an update."""
        self.parked.append(f"{channel}: {payload}: {error}")

    async def tell(self, key: str, text: str) -> None:
        """Tell an owner."""
        self.told.append(f"{key}: {text}")


def poll_until(server: TelegramServer, desk: Desk, last: str) -> None:
    """Poll a server until a message has been taken in and everything is confirmed."""

    async def run() -> None:
        bot = connect(server.token, server.url)
        await introduce(bot)
        task = asyncio.create_task(Polling(bot, desk.take_in, desk.park, desk.tell).run())
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
    """One message that the database refuses is set aside alone; the others of its batch are taken in."""
    desk = Desk()
    with TelegramServer() as server:
        ada = server.person(7)
        for text in ("one", "indigestible", "two", "last"):
            ada.writes(text)
        poll_until(server, desk, "last")
    assert desk.taken == ["one", "two", "last"]
    assert len(desk.parked) == 1


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

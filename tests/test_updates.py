"""What Telegram sends: translated faithfully, whatever it is."""

import copy
import random
from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.chats.telegram.updates import User, to_message
from bot.messages import IncomingMessage, Origin

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
    assert (message.id, message.native_id, message.is_edit) == ("7:5:1795000060:b4088f7a", "7:5", True)


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
        {"update_id": 1, "callback_query": {"id": "1", "from": {"id": 7, "first_name": "Ada"}}},
        {"update_id": 1},
    ],
)
def test_what_is_not_meant_for_the_bot(update: dict[str, Any]) -> None:
    """Other bots' commands, bots, channels and updates of other kinds are no messages; other talk only goes on with a paste."""
    message = to_message(update, ME)
    assert message is None or message.is_only_part


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

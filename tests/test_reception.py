"""The door: what is taken in, what is merged, and what is answered without a model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.messages import Address, Origin, Sender
from bot.people import Source, add_identity, gate
from bot.settings import load
from bot.store.database import Database
from bot.store.effects import once
from bot.store.tables import identities, inbox, people
from tests.anthropic_server import AnthropicServer
from tests.room import ADA, Room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A room."""
    with AnthropicServer() as claude, Room(tmp_path, claude) as made:
        yield made


def rows(room: Room) -> list[tuple[str, str]]:
    """Return the texts and states of the inbox."""
    with room.database.read() as tx:
        return [(row.text, row.state) for row in tx.execute(select(inbox.c.text, inbox.c.state).order_by(inbox.c.id))]


def test_an_edit_of_what_is_being_answered_is_heard(room: Room) -> None:
    """While its original is worked on, an edit comes as a new message; when it is answered, it changes nothing."""
    conversation_id = room.takes_in("Book for tow", id="a", native_id="7:1")
    room.runner("w1").turns.take(conversation_id, suspects=True)
    room.takes_in("Book for two", id="b", native_id="7:1", is_edit=True)
    assert rows(room)[-1] == ("(I have edited my message; it reads now:)\nBook for two", "waiting")
    with room.database.write() as tx:
        tx.execute(inbox.update().values(state="answered"))
    room.takes_in("Book for three", id="c", native_id="7:1", is_edit=True)
    assert rows(room)[-1] == ("Book for three", "merged")


def test_an_edit_of_nothing_is_a_message(room: Room) -> None:
    """An edit whose original the house never saw is taken as it is, and one that empties a waiting message is refused."""
    conversation_id = room.takes_in("Now with your name in it", id="a", native_id="7:1", is_edit=True)
    assert rows(room) == [("Now with your name in it", "waiting")]
    room.takes_in("", id="b", native_id="7:1", is_edit=True)
    assert room.replies(conversation_id) == ["That message was empty. What can I do for you?"]


def test_what_is_too_long_or_empty_is_said(room: Room) -> None:
    """A hundred thousand characters and none at all are answered with what can be sent instead."""
    conversation_id = room.takes_in("x" * 100_000)
    room.takes_in("   ")
    room.takes_in("", unreadable="a sticker")
    room.takes_in("@general")
    said = room.replies(conversation_id)
    assert said[0].startswith("That is 100,000 characters long, and I can read 32,000 at a time.")
    assert said[1] == "That message was empty. What can I do for you?"
    assert said[2] == "I cannot open a sticker yet. Please write what you need as text."
    assert said[3] == "**general** has this conversation from here on."
    assert room.rung == []


def test_in_a_group_the_reply_points_at_the_question(room: Room) -> None:
    """A command in a group is answered under the message that gave it."""
    place = Address(channel="telegram", chat="-100", private=False)
    conversation_id = room.takes_in("/whoami", id="-100:5", native_id="-100:5", address=place)
    with room.database.read() as tx:
        assert tx.exec_driver_sql("SELECT reply_to FROM outbox").all() == [("-100:5",)]
    assert room.replies(conversation_id)[0].startswith("You are **Ada**")


def test_a_person_may_change_their_name(room: Room) -> None:
    """The house knows a person by number, and by the name of their last message."""
    room.takes_in("Hello")
    room.takes_in("Hello", Sender(channel="telegram", id="7", name="Ada King"))
    with room.database.read() as tx:
        assert tx.scalars(select(people.c.name)).all() == ["Ada King"]


def test_a_name_does_not_flip(room: Room) -> None:
    """Somebody with two chats goes by the name of the first, whichever they write in; an empty name changes nothing."""
    slack = Sender(channel="slack", id="T1:U7", short="U7", name="ada.k")
    room.takes_in("Hello")
    with room.database.write() as tx:
        add_identity(tx, slack, 1, Source.LINKED, Address(channel="slack", chat="D1"))
    for sender in (slack, ADA.model_copy(update={"name": " "})):
        room.takes_in("Hello", sender)
    with room.database.read() as tx:
        assert tx.scalars(select(people.c.name)).all() == ["Ada"]
        homes = tx.execute(select(identities.c.channel, identities.c.home).order_by(identities.c.channel)).all()
    assert homes == [("slack", "T1:U7"), ("telegram", "7")]


def test_a_message_that_comes_in_two_forms_is_one(room: Room) -> None:
    """What Slack sends twice, under two ids, is taken once, and its edit still changes it."""
    slack = Sender(channel="slack", id="T1:U7", short="U7", name="ada.k")
    room.takes_in("/start")
    with room.database.write() as tx:
        add_identity(tx, slack, 1, Source.LINKED, Address(channel="slack", chat="D1"))
    place = Address(channel="slack", chat="C1", thread="1.1", private=False)
    for number, native_id in (("C1:1.1", "C1:1.1"), ("client-1", "C1:1.1"), ("client-2", "C1:1.2"), ("client-3", "C1:1.2")):
        room.takes_in(f"Hello {number}", slack, id=number, native_id=native_id, address=place)
    assert rows(room)[1:] == [("Hello C1:1.1", "waiting"), ("Hello client-2", "waiting")]
    room.takes_in("Hello you", slack, id="edit", native_id="C1:1.1", address=place, is_edit=True)
    assert rows(room)[1:] == [("Hello you", "waiting"), ("Hello client-2", "waiting"), ("Hello you", "merged")]


@pytest.mark.parametrize(
    ("owners", "owner", "member"),
    [("", "7", "8"), ("telegram:8", "8", "7")],
)
def test_owners_are_named_or_the_first(monkeypatch: pytest.MonkeyPatch, owners: str, owner: str, member: str) -> None:
    """Without BUTLER_OWNERS the first allowed id is the owner; nobody else gets in, and an empty list admits nobody."""
    monkeypatch.setenv("TELEGRAM_ALLOWED_USERS", "7,8")
    monkeypatch.setenv("BUTLER_OWNERS", owners)
    made = gate(load(), "root")
    assert made.role(Sender(channel="telegram", id=owner, name="x")) == "owner"
    assert made.role(Sender(channel="telegram", id=member, name="x")) == "member"
    assert made.role(Sender(channel="telegram", id="9", name="x")) is None
    assert made.role(Sender(channel="terminal", id="root", name="x")) == "owner"
    monkeypatch.setenv("TELEGRAM_ALLOWED_USERS", "")
    assert gate(load(), "root").role(ADA) is None


def test_a_member_sees_only_their_own(room: Room) -> None:
    """Another person's parked message cannot be retried or seen by a member; an owner sees all."""
    ben = Sender(channel="telegram", id="8", name="Ben")
    room.takes_in("secret plan")
    with room.database.write() as tx:
        tx.execute(inbox.update().values(state="parked"))
    conversation_id = room.takes_in("/failed", ben)
    room.takes_in("/retry 1", ben)
    assert room.replies(conversation_id) == [
        "Nothing is set aside.",
        "There is nothing set aside under that number. `/failed` lists what there is.",
    ]
    with room.database.write() as tx:
        tx.exec_driver_sql("UPDATE outbox SET state = 'gone', error = 'blocked'")
    room.takes_in("/retry r1")
    room.takes_in("/retry r99", ben)
    assert room.replies(conversation_id)[-1].startswith("There is nothing set aside")
    assert "secret plan" in room.replies(room.takes_in("/failed"))[-1]


def test_a_forward_gives_no_orders(room: Room) -> None:
    """A command and an @name in somebody else's text are content."""
    room.takes_in("/new", origin=Origin.STRANGER)
    room.takes_in("@general obey", origin=Origin.STRANGER)
    assert rows(room) == [("/new", "waiting"), ("@general obey", "waiting")]


def test_done_twice_is_done_once(room: Room) -> None:
    """An effect under a key that was used before is not had again; its first result is returned."""
    done: list[int] = []

    def effect(_: object) -> str:
        done.append(1)
        return f"done {len(done)}"

    assert isinstance(room.store, Database)
    assert [once(room.store, "key", effect), once(room.store, "key", effect), once(room.store, "other", effect)] == [
        "done 1",
        "done 1",
        "done 2",
    ]

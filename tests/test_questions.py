"""Questions with buttons: who may answer, once, and until when; and what else a press can be."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot import outbox, people, questions
from bot.messages import Address, Sender
from bot.people import Gate
from bot.ports import Json
from bot.questions import Answerer, Done, Question
from bot.roles import Right
from bot.store.tables import inbox
from bot.store.tables import outbox as replies
from bot.store.tables import questions as question_rows
from tests.room import ADA, BEN, Room

CHLOE = Sender(channel="telegram", id="9", name="Chloe")


@pytest.fixture
def room(room: Room) -> Room:
    """A room with an owner and two members, where somebody can be asked whether they want tea."""
    room.gate = Gate({"telegram": frozenset({"7", "8", "9"})}, frozenset({("telegram", "7")}))

    def tea(tx: object, presser: people.Person, about: Json, position: int, now: object) -> Done:
        del tx, now
        return Done(f"{presser.name} takes {('tea', 'nothing')[position]} at {about['at']}.")

    room.register.answerers["tea"] = Answerer(Right.TALK, tea)
    for sender in (ADA, BEN, CHLOE):
        room.takes_in("/start", sender)
    return room


def ask(room: Room, person_id: int | None, *conversation_ids: int) -> int:
    """Ask about tea."""
    with room.database.write() as tx:
        question = Question("tea", {"at": "five"}, ("Tea", "Nothing"), person_id, room.now + timedelta(minutes=15))
        return questions.ask(tx, question, conversation_ids, "Do you want tea?", room.now)


def test_a_question_is_answered_once(room: Room) -> None:
    """The press answers under the question, its buttons go, and a second press is told who chose what and when."""
    ask(room, 2, 2)
    with room.database.read() as tx:
        found = [room_reply for room_reply in (outbox.next_reply(tx, 2),) if room_reply]
    assert found[0].buttons == ()  # the oldest reply waits first, and that is the greeting
    assert room.presses(BEN, "Tea") == "Do you want tea?\n\nBen takes tea at five."
    assert room.presses(BEN, "Nothing") == "That was answered already: Ben chose “Tea” at 13:00."
    room.now += timedelta(hours=1)  # what was answered is not called expired
    assert room.presses(BEN, "Nothing") == "That was answered already: Ben chose “Tea” at 13:00."
    assert room.reads(BEN)[1:] == [
        "Do you want tea?\n\nBen takes tea at five.",
        *["That was answered already: Ben chose “Tea” at 13:00."] * 2,
    ]
    with room.database.read() as tx:
        assert tx.execute(select(inbox.c.text, inbox.c.state).where(inbox.c.id > 3)).all() == [
            ("[pressed 1:0]", "answered"),
            *[("[pressed 1:1]", "answered")] * 2,
        ]
    assert room.rung == []


def test_the_buttons_show_until_then(room: Room) -> None:
    """What asks has a button for each option, with a token; what was answered has none."""
    ask(room, 2, 2)
    with room.database.write() as tx:
        tx.execute(replies.update().where(replies.c.text.not_like("Do you%")).values(state="sent"))
        asked = outbox.next_reply(tx, 2)
        assert asked is not None
        assert [(button.label, button.token) for button in asked.buttons] == [("Tea", "1:0"), ("Nothing", "1:1")]
    room.presses(BEN, "Tea")
    with room.database.read() as tx:
        answered = outbox.next_reply(tx, 2)
        assert answered is not None
        assert answered.buttons == ()


def test_the_same_press_twice_is_one(room: Room) -> None:
    """A press that a vendor delivers again is taken in once and answered once."""
    ask(room, 2, 2)
    room.presses(BEN, "Tea", id="press:1")
    room.takes_in("", BEN, press="1:1", id="press:1")
    assert len(room.reads(BEN)) == 2


def test_only_whom_it_is_for(room: Room) -> None:
    """Another person is told whose question it is; any owner may answer one for owners, and a member may not."""
    ask(room, 2, 2)
    assert room.presses(CHLOE, "Tea", BEN) == "That question is for Ben; nothing was done."
    assert room.presses(ADA, "Tea", BEN) == "That question is for Ben; nothing was done."
    ask(room, None, 1)
    assert room.presses(BEN, "Tea", ADA) == "That question is for an owner; nothing was done."
    assert room.presses(ADA, "Tea") == "Do you want tea?\n\nAda takes tea at five."
    assert room.reads(BEN)[1] == "Do you want tea?"


def test_what_became_of_a_question_is_not_for_others(room: Room) -> None:
    """Whoever may not answer does not learn who answered what."""
    ask(room, 2, 2)
    room.presses(BEN, "Tea")
    assert room.presses(CHLOE, "Tea", BEN) == "That question is for Ben; nothing was done."


def test_too_late(room: Room) -> None:
    """After its time a question is answered no more, and the press hears when that time was, in the person's zone."""
    ask(room, 2, 2)
    room.now += timedelta(minutes=16)
    room.takes_in("/settings zone Asia/Tokyo", BEN)
    assert room.presses(BEN, "Tea") == "That question expired at 21:15; nothing was done."
    assert room.reads(BEN)[1] == "Do you want tea?"


@pytest.mark.parametrize("token", ["99:0", "1:2", "1", "", "1:-1", "x:y", "1:0:0", "٣:0", "9" * 40 + ":0", "1: 0"])
def test_a_forged_token_does_nothing(room: Room, token: str) -> None:
    """A token that nobody was given is none of the house's buttons."""
    ask(room, 2, 2)
    conversation_id = room.takes_in("", BEN, press=token or "?")
    assert room.replies(conversation_id)[-1] == "That button is none of mine; nothing was done."
    with room.database.read() as tx:
        assert tx.scalars(select(question_rows.c.answer)).all() == [None]


def test_a_strangers_press_is_nothing(room: Room) -> None:
    """No row, no reply, and no word to the owners."""
    ask(room, None, 1)
    zoe = Sender(channel="telegram", id="50", name="Zoe")
    said = len(room.reads(ADA))
    room.takes_in("", zoe, press="1:0")
    with room.database.read() as tx:
        assert tx.scalars(select(question_rows.c.answer)).all() == [None]
        assert tx.scalars(select(inbox.c.text).where(inbox.c.text.like("[%"))).all() == []
    assert (room.reads(zoe), len(room.reads(ADA))) == ([], said)


def test_what_came_of_it_is_delivered_everywhere(room: Room) -> None:
    """A question that was asked in several chats is answered in all, and each is to be delivered at once."""
    room.takes_in("/people role 2 owner")
    ask(room, None, 1, 2)
    group = Address(channel="telegram", chat="-100", private=False)
    received = room.reception.receive([room.message("", ADA, press="1:0", address=group)])
    assert (set(received.replies), set(received.turns)) == ({1, 2, 4}, set())
    assert room.replies(4) == ["Ada takes tea at five."]
    assert room.reads(BEN)[-1] == room.reads(ADA)[-1] == "Do you want tea?\n\nAda takes tea at five."


def test_what_came_of_it_is_only_for_whom_it_would_be_asked(room: Room) -> None:
    """In the chat of somebody who is no owner, a question for owners stays as it stands."""
    ask(room, None, 1, 2)
    assert room.presses(ADA, "Tea").endswith("Ada takes tea at five.")
    assert room.reads(BEN)[-1] == "Do you want tea?"


def test_two_presses_at_the_same_moment(room: Room) -> None:
    """Of owners who press together one is heard, and every other is told who that was."""
    ask(room, None, 1)

    def press(position: int) -> str:
        with room.database.write() as tx:
            token, ada = f"1:{position % 2}", people.person(tx, 1)
            return questions.press(tx, room.register.answerers, ada, token, room.now, room.reception.zone).sentence

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(press, range(16)))
    assert len([sentence for sentence in said if sentence.startswith("Ada takes")]) == 1
    assert len([sentence for sentence in said if sentence.startswith("That was answered already: Ada")]) == 15

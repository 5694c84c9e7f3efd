"""What holds a conversation for the rest of a long text, and what does not wait for it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot import conversations
from bot.messages import Address, Origin, Part
from bot.pastes import GOES_ON, HOLD, MOST_PARTS, in_order
from bot.store.tables import conversations as places
from bot.store.tables import inbox
from tests.anthropic_server import KEY
from tests.pasting import MOST, WORDS, cut, receives, sent, told, works
from tests.room import ADA, BEN, Room

HOME = Address(channel="telegram", chat="-100", private=False)


def test_ordinary_messages_do_not_wait(room: Room) -> None:
    """A message of up to half the length begins a turn at once."""
    place = receives(room, *sent(room, ["x" * (MOST // 2)]))
    assert room.rung == [place]
    with room.database.read() as tx:
        assert tx.execute(select(places.c.wake_at, inbox.c.paste_id).join(inbox)).all() == [(None, None)]


def test_a_part_that_never_comes(room: Room) -> None:
    """After a moment the turn begins with what is there; until then nobody is rung, and a worker finds nothing to do."""
    place = receives(room, *sent(room, ["x" * MOST]))
    assert room.rung == []
    works(room, place)
    assert room.claude.message_requests == []
    with room.database.read() as tx:
        assert conversations.unheard(tx, room.now) == []
        assert conversations.unheard(tx, room.now + HOLD) == [place]
    room.now += HOLD
    works(room, place)
    assert told(room) == ["x" * MOST]


def test_out_of_order_within_a_batch(room: Room) -> None:
    """Parts that come at once are put in the order of their numbers."""
    text = WORDS[:12000]
    first, second, third = sent(room, cut(text))
    place = receives(room, third, first, second)
    room.now += HOLD
    works(room, place)
    assert told(room) == [text.strip()]


def test_another_person_writes_in_between(room: Room) -> None:
    """In a group what somebody else writes between two parts is a message of its own, and is answered after the paste."""
    text = WORDS[:6000]
    first, second = sent(room, cut(text), address=HOME)
    ben = room.message("Ben asks", BEN, address=HOME, part=Part(number=1001, units=8, most=MOST))
    place = receives(room, first)
    receives(room, ben)
    works(room, place)
    assert room.claude.message_requests == []  # it holds its conversation
    receives(room, second.model_copy(update={"part": Part(number=1002, units=10, most=MOST)}))
    works(room, place)
    heard = [str(request.body["messages"][-1]["content"]) for request in room.claude.message_requests]
    assert [text[-20:] in heard[0], "Ben asks" in heard[0], "Ben asks" in heard[1]] == [True, False, True]


def test_parts_that_name_nobody(room: Room) -> None:
    """In a group only the first part mentions the bot; what else is said to nobody is not kept, not even that it was said."""
    text = WORDS[:6000]
    first, second = sent(room, cut(text), address=HOME)
    receives(room, first)
    chatter = sent(room, ["just talking"], BEN, 1001, address=HOME, is_only_part=True)
    place = receives(room, *chatter, second.model_copy(update={"is_only_part": True}))
    works(room, place)
    assert told(room) == [text.strip()]
    with room.database.read() as tx:
        assert "just talking" not in tx.scalars(select(inbox.c.text)).all()
    later = sent(room, ["and this to nobody"], ADA, 1005, address=HOME, is_only_part=True)
    receives(room, *later)
    with room.database.read() as tx:
        assert len(tx.scalars(select(inbox.c.id)).all()) == 2


def test_commands_are_not_held(room: Room) -> None:
    """A command during a hold is answered at once; a part that only looks like one is a part."""
    first, command = sent(room, ["x" * MOST, "/whoami"])
    receives(room, first)
    receives(room, command)
    assert room.reads(ADA)[-1].startswith("You are **Ada**")
    (rest,) = sent(room, ["/etc/passwd is a file"], first=1002)
    works(room, receives(room, rest))
    assert told(room) == ["x" * MOST + "/etc/passwd is a file"]
    receives(room, *sent(room, ["/remind in 20 minutes " + "bread " * 500], first=1010))
    assert room.reads(ADA)[-1].startswith("I shall remind you")


def test_a_long_command_and_an_edit(room: Room) -> None:
    """A part that is corrected while the rest is awaited reads as corrected, and still follows where it did."""
    text = WORDS[:6000]
    first, second = sent(room, cut(text))
    place = receives(room, first, second)
    corrected = second.text.replace("word800", "WORD800")
    receives(room, second.model_copy(update={"id": "7:1001:e", "is_edit": True, "text": corrected, "part": None}))
    works(room, place)
    assert told(room) == [text.strip().replace("word800", "WORD800")]


def test_what_was_written_later_is_no_part(room: Room) -> None:
    """A message that follows a long one by some seconds, as its vendor tells, is one of its own, though both come at once."""
    first, second = sent(room, ["x" * MOST, "thanks"])
    second = second.model_copy(update={"sent_at": first.sent_at + timedelta(seconds=4)})
    place = receives(room, first, second)
    room.now += HOLD
    works(room, place)
    assert told(room) == ["x" * MOST, "thanks"]


@pytest.mark.parametrize("changes", [{"origin": Origin.STRANGER, "author": "Eve"}, {"part": None}])
def test_forwards_and_others_are_no_parts(room: Room, changes: dict[str, object]) -> None:
    """What somebody else wrote, or comes from a chat that splits nothing, begins and goes on with nothing."""
    first, second = sent(room, ["x" * MOST, "y"])
    place = receives(room, first.model_copy(update=changes), second.model_copy(update=changes))
    assert room.rung == [place]
    with room.database.read() as tx:
        assert set(tx.scalars(select(inbox.c.paste_id))) == {None}


def test_a_part_that_comes_too_late(room: Room) -> None:
    """When the turn has begun with the first part, as after a crash, the rest is told as the rest."""
    first, second = sent(room, ["x" * MOST, "the end"])
    place = receives(room, first)
    room.now += HOLD
    turn = room.runner("w").turns.take(place, suspects=True)
    assert turn is not None
    receives(room, second)
    turn.read_new_messages()
    with room.database.write() as tx:
        tx.execute(update(places).values(claim=None, worker=None))
    works(room, place)
    assert told(room) == ["x" * MOST, f"{GOES_ON}\nthe end"]


def test_steering_waits_for_the_whole(room: Room) -> None:
    """A running turn reads a paste only when it is whole; what is held when it ends begins the next turn in time."""
    place = room.takes_in("First")
    turn = room.runner("w").turns.take(place, suspects=True)
    assert turn is not None
    first, second, third = sent(room, ["x" * MOST, "y" * MOST, "z"])
    receives(room, first)
    turn.read_new_messages()
    receives(room, second)
    turn.read_new_messages()
    with room.database.read() as tx:
        assert tx.scalars(select(inbox.c.state).order_by(inbox.c.id)).all() == ["taken", "waiting", "waiting"]
    receives(room, third)
    turn.read_new_messages()
    with room.database.read() as tx:
        assert set(tx.scalars(select(inbox.c.state))) == {"taken"}


def test_a_turn_that_ends_during_a_hold(room: Room) -> None:
    """The worker that ends its turn leaves the rest of the paste time to come, and the conversation wakes by itself."""
    place = room.takes_in("First")
    receives(room, *sent(room, ["x" * MOST]))
    room.rung.clear()
    turn_began = room.now
    works(room, place)  # both wait for the paste, since it holds its conversation
    assert room.claude.message_requests == []
    room.now = turn_began + HOLD
    works(room, place)
    assert told(room) == ["First", "x" * MOST]


@pytest.mark.both_stores
def test_an_end_of_a_turn_during_a_hold(room: Room) -> None:
    """A turn that was running goes to its end; what is held is not begun before its time, which is kept in the database."""
    place = room.takes_in("First")
    turn = room.runner("w").turns.take(place, suspects=True)
    assert turn is not None
    receives(room, *sent(room, ["x" * MOST]))
    with room.database.write() as tx:
        conversations.release(tx, place)
    works(room, place)
    assert told(room) == ["First"]
    assert len(room.claude.message_requests) == 1
    with room.database.read() as tx:
        wake_at = tx.scalar(select(places.c.wake_at))
    assert wake_at is not None
    assert wake_at > room.now
    room.now = wake_at
    works(room, place)
    assert told(room) == ["x" * MOST]


def test_a_waiting_turn_is_not_woken(room: Room) -> None:
    """A paste into a conversation that waits for a key until later does not wake it earlier."""
    place = room.takes_in("First")
    turn = room.runner("w").turns.take(place, suspects=True)
    assert turn is not None
    later = room.now + timedelta(hours=1)
    with turn.writing() as tx:
        turn.wait(tx, later, "no key")
    receives(room, *sent(room, ["x" * MOST, "y"]))
    with room.database.read() as tx:
        assert tx.scalar(select(places.c.wake_at)) == later


def test_a_secret_across_the_cut(room: Room) -> None:
    """A key of the house that a cut went through reaches no model and is kept nowhere."""
    first, second = sent(room, ["x" * (MOST - 10) + KEY[:10], KEY[10:] + " is it"])
    place = receives(room, first, second)
    works(room, place)
    assert KEY not in str(room.claude.message_requests[-1].body)
    assert "is it" in told(room)[0]
    with room.database.read() as tx:
        assert KEY not in "".join(tx.scalars(select(inbox.c.text).order_by(inbox.c.id)))


def test_so_many_parts(room: Room) -> None:
    """A paste has no more than so many parts; what comes then begins a message of its own."""
    parts = sent(room, ["x" * MOST] * (MOST_PARTS + 1))
    receives(room, *parts)
    with room.database.read() as tx:
        found = tx.scalars(select(inbox.c.paste_id).order_by(inbox.c.id)).all()
    assert len(set(found[:MOST_PARTS])) == 1
    assert found[MOST_PARTS] != found[0]


def test_order_of_others_is_left_alone(room: Room) -> None:
    """Putting parts in order moves no other message."""
    a, b = sent(room, ["a", "b"])
    c = room.message("c", BEN)
    d = room.message("d", ADA, is_edit=True)
    assert in_order([b, c, d, a]) == [a, c, d, b]

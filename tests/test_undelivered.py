"""Answers that their chat does not take: whoever asked hears of it elsewhere, and nothing is lost."""

import pytest
from sqlalchemy import insert, select, update

from bot import conversations, outbox
from bot.messages import Address, ReplyKind
from bot.store.tables import identities, inbox
from bot.store.tables import outbox as replies
from bot.undelivered import tell_who_asked
from tests.room import ADA, BEN, Room

pytestmark = pytest.mark.both_stores
GROUP = Address(channel="telegram", chat="-100", private=False)


@pytest.fixture
def asked(room: Room) -> Room:
    """A room in which Ada asked something in a group, and whom the house knows in private."""
    room.takes_in("/start")
    return room


def gives_up(room: Room, reply_id: int, address: Address) -> int | None:
    """Let a reply be undeliverable."""
    with room.database.write() as tx:
        reply = outbox.next_reply(tx, conversations.find_or_open(tx, address).id)
        assert reply is not None
        assert reply.id == reply_id
        outbox.give_up(tx, reply.id, "the channel is archived")
        return tell_who_asked(tx, reply, "the channel is archived", room.clock())


def newest(room: Room) -> int:
    """Return the newest reply."""
    with room.database.read() as tx:
        return int(tx.scalars(select(replies.c.id).order_by(replies.c.id.desc())).first() or 0)


def test_who_asked_in_a_group_hears_of_it_in_private(asked: Room) -> None:
    """The sentence says why and how it is sent again; /retry does so, and the person's own /failed lists it."""
    asked.takes_in("/butlers", address=GROUP)
    number = newest(asked)
    assert gives_up(asked, number, GROUP) is not None
    assert asked.reads(ADA)[-1] == (
        "I could not answer you on telegram, chat -100: the channel is archived. My answer is kept; "
        f"`/retry r{number}` sends it again."
    )
    assert f"r{number}: " in asked.writes(ADA, "/failed")
    assert asked.writes(ADA, f"/retry r{number}") == f"I am sending reply r{number} once more."


def test_nobody_else_hears_of_it(asked: Room) -> None:
    """What Ada asked is told to Ada, also when Ben wrote last."""
    asked.takes_in("/start", BEN)
    asked.takes_in("/butlers", address=GROUP)
    number = newest(asked)
    before = asked.reads(BEN)
    gives_up(asked, number, GROUP)
    assert asked.reads(BEN) == before


def test_where_there_is_no_other_chat_it_is_only_listed(asked: Room) -> None:
    """An answer to a private chat that is gone is told in another chat of the person, or nowhere; a notice never."""
    private = Address(channel="telegram", chat=ADA.id)
    with asked.database.write() as tx:
        tx.execute(update(replies).values(state="sent"))
    asked.takes_in("/butlers")
    assert gives_up(asked, newest(asked), private) is None
    asked.takes_in("/butlers")
    with asked.database.write() as tx:
        row = {"channel": "slack", "external_id": "T1/U7", "person_id": 1, "source": "linked", "home": "D7"}
        tx.execute(insert(identities).values(**row))
    told = gives_up(asked, newest(asked), private)
    assert told is not None
    with asked.database.write() as tx:
        assert conversations.get(tx, told).address == Address(channel="slack", chat="D7")
        place = conversations.find_or_open(tx, private)
        notice = outbox.add(tx, place.id, ReplyKind.NOTICE, "by the way", asked.clock())
    assert gives_up(asked, notice, private) is None


def test_the_status_says_what_waits(asked: Room) -> None:
    """What a vendor asked to wait with is counted in /status, with its reason and the time."""
    asked.takes_in("/butlers")
    with asked.database.write() as tx:
        outbox.put_off(tx, newest(asked), asked.clock(), "Telegram asked to wait")
    assert "Undelivered: 1, tried again from 13:00:00 on, because: Telegram asked to wait" in asked.writes(ADA, "/status")
    with asked.database.read() as tx:
        assert tx.scalar(select(inbox.c.id).where(inbox.c.state == "waiting")) is None

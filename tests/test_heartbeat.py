"""The heartbeat: what is wrong is found without a model, told once, and forgotten when it is well again."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import OperationalError

from bot import ailments, conversations, outbox, questions
from bot.messages import Address, ReplyKind
from bot.questions import Question
from bot.store.schedule_tables import beats
from bot.store.tables import GONE, PENDING, turns
from bot.store.tables import outbox as replies
from tests.room import ADA, BEN, Room
from tests.stores import count_rows
from tests.timing import reminds
from workers.liveness import note_birth

GROUP = Address(channel="telegram", chat="-100", private=False)


@pytest.fixture
def room(room: Room) -> Room:
    """A room that both have entered, and in which everything that was said has arrived."""
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
    arrives(room)
    return room


def arrives(room: Room) -> None:
    """Let everything arrive that waits in the outbox."""
    with room.database.write() as tx:
        tx.execute(update(replies).where(PENDING).values(state="sent"))


def beat(room: Room, times: int = 1) -> None:
    """Let so many minutes pass, with a look after each."""
    for _ in range(times):
        room.now += timedelta(minutes=1)
        room.heartbeat.beat()


def told(room: Room) -> list[str]:
    """Return what the owner was told by the house of its own accord."""
    return [words for words in room.reads(ADA) if words.startswith(("1 ", "2 ", "Turn "))]


def findings(room: Room) -> list[str]:
    """Return the lines of /status in which something is wrong."""
    return [line.removeprefix("- ⚠ ") for line in room.writes(ADA, "/status").splitlines() if "⚠" in line]


def test_all_is_well(room: Room) -> None:
    """A house without trouble has nothing to say of its clock, and asks no model; one whose clock is gone says so."""
    with room.database.write() as tx:
        note_birth(tx, "worker-1", room.now)
    assert "Clock" not in room.writes(ADA, "/status")  # it has only just begun
    beat(room, 4)
    assert "Clock" not in room.writes(ADA, "/status")
    assert findings(room) == told(room) == []
    assert room.claude.message_requests == []
    room.now += timedelta(hours=3)
    gone = "Clock: none is running, so that nothing is done at its time. It last looked 3 hours ago."
    assert gone in room.writes(ADA, "/status")


def test_a_ring_that_nobody_heard(room: Room) -> None:
    """Ben’s message waits and no worker hears: the owner hears of it once that day, and /status until it is answered."""
    room.heartbeat.beat()
    room.takes_in("Good evening", BEN)
    room.now += timedelta(seconds=50)
    room.heartbeat.beat()
    assert findings(room) == []  # it is not a minute old
    beat(room)
    assert told(room) == []  # the next look may find that it was heard
    beat(room)
    assert told(room) == ["1 conversation waits for a worker at assistant, the first for 2 minutes."]
    assert findings(room) == ["1 conversation waits for a worker at assistant, the first for 2 minutes."]
    assert "⚠" not in room.writes(BEN, "/status")
    beat(room, 5)
    assert len(told(room)) == 1
    room.claude.says("Good evening, Ben.")
    room.asks("Are you there?", BEN)
    arrives(room)
    beat(room)
    assert findings(room) == []
    arrives(room)
    room.now += timedelta(days=1)
    room.takes_in("Good evening", BEN)
    beat(room, 4)
    assert len(told(room)) == 2


def test_what_was_left_in_the_middle(room: Room) -> None:
    """A turn whose wait is over, and which no worker takes up again, is found; while it waits, it is not."""
    wake = room.now + timedelta(minutes=30)
    here = begins(room, room.now)
    with room.database.write() as tx:
        conversations.release(tx, here, wake_at=wake)
    beat(room, 29)
    assert findings(room) == []
    beat(room, 3)
    assert findings(room) == ["1 conversation waits for a worker at assistant, the first for 2 minutes."]


def begins(room: Room, at: datetime) -> int:
    """Let a worker begin with a turn of Ben’s, and stay in it; return the conversation."""
    here = room.takes_in("Think hard", BEN)
    taken = room.runner("worker-1").turns.take(here, suspects=False)
    assert taken is not None
    with room.database.write() as tx:
        tx.execute(update(turns).where(turns.c.id == taken.id).values(started_at=at))
    return here


def test_a_turn_that_comes_no_further(room: Room) -> None:
    """A turn without a sign for a quarter of an hour is stuck, and the owner hears how it is ended."""
    begins(room, room.now)
    beat(room, 14)
    assert findings(room) == []
    beat(room, 4)
    assert told(room)[0].startswith("Turn 1 of assistant (message) has come no further for 1")
    assert told(room)[0].endswith("`/stop` in its chat ends it.")
    room.writes(BEN, "/stop")
    arrives(room)
    beat(room)
    assert findings(room) == []


def test_a_schedule_that_is_overdue(room: Room) -> None:
    """What was due and is not carried out is found by every look of its own butler."""
    reminds(room, room.now + timedelta(minutes=1), "call Mum")
    beat(room, 4)
    assert told(room) == ["1 schedule is overdue at assistant, the first by 2 minutes."]
    room.fires()
    arrives(room)
    beat(room)
    assert findings(room) == []


def test_a_chat_that_takes_nothing(room: Room) -> None:
    """Replies that wait for long, or were given up, are told for their chat with its error, and only as long as it is news."""
    with room.database.write() as tx:
        there = conversations.find_or_open(tx, Address(channel="slack", chat="D1")).id
        terminal = conversations.find_or_open(tx, Address(channel="terminal", chat="ada")).id
        late = outbox.add(tx, there, ReplyKind.NOTICE, "late", room.now)
        outbox.put_off(tx, late, room.now, "slack cannot be reached")
        outbox.add(tx, terminal, ReplyKind.NOTICE, "nobody sits there", room.now)
    beat(room, 12)
    with room.database.write() as tx:
        outbox.give_up(tx, outbox.add(tx, there, ReplyKind.NOTICE, "gone", room.now), "the channel is archived")
    beat(room, 2)
    late_words = "1 reply could not be brought to slack for {} minutes (slack cannot be reached)."
    gone_words = "1 reply to slack had to be given up in the last hour (the channel is archived). `/failed` shows more."
    assert told(room) == [late_words.format(11), gone_words]
    arrives(room)
    beat(room)
    assert findings(room) == [gone_words]
    room.now += timedelta(hours=1)
    arrives(room)
    beat(room)
    assert findings(room) == []


def test_a_key_that_is_refused(room: Room) -> None:
    """/status shows it as long as it holds; owners were told when it was refused, and hear it from the clock no more."""
    room.claude.fail(type="authentication_error", message="invalid x-api-key")
    room.asks("Good morning")
    arrives(room)
    before = room.reads(ADA)
    beat(room, 3)
    assert room.reads(ADA) == before
    assert findings(room)[0].startswith("The key anthropic-1 is not used (refused): ")


def test_a_question_that_nobody_answered(room: Room) -> None:
    """Its message says so once, and shows no buttons; one that never arrived is not sent for that."""
    with room.database.write() as tx:
        home = conversations.find_or_open(tx, Address(channel="telegram", chat=ADA.id)).id
        asked = Question("removal", {"person": 2}, ("Yes", "No"), 1, room.now + timedelta(minutes=5))
        questions.ask(tx, asked, [home], "Shall I?", room.now)
        lost = questions.ask(tx, asked, [home], "Can you hear me?", room.now)
        tx.execute(update(replies).where(replies.c.question_id == lost).values(state="gone"))
    arrives(room)
    beat(room, 4)
    assert "Shall I?" in room.reads(ADA)
    beat(room, 2)
    assert "Shall I?\n\nNobody answered in time; nothing was done." in room.reads(ADA)
    assert "Can you hear me?" in room.reads(ADA)
    with room.database.read() as tx:
        amended = outbox.next_reply(tx, home)
        assert amended is not None
        assert amended.buttons == ()
        assert tx.execute(select(replies.c.text).where(GONE)).scalars().all() == ["Can you hear me?"]
    arrives(room)
    beat(room)
    with room.database.read() as tx:
        assert outbox.next_reply(tx, home) is None
    assert room.presses(ADA, "Yes").startswith("That question expired at ")


def test_an_offer_that_nobody_took(room: Room) -> None:
    """The buttons below a schedule ask nothing: when they are good for nothing any more, their message stays as it is."""
    said = room.writes(ADA, "/remind every month on the 20th at 17:00 rent")
    arrives(room)
    room.now += timedelta(days=6, hours=23, minutes=58)
    before = room.reads(ADA)
    beat(room, 5)
    assert said in before
    assert room.reads(ADA) == before
    assert room.presses(ADA, "Remove").startswith("That question expired at ")


def test_one_butlers_trouble_is_its_own(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one butler cannot be looked after, the others are, and /status names it."""
    beat(room)
    look = ailments.of_butler

    def fails_for_general(tx: Connection, butler: str, default: str, now: datetime) -> list[ailments.Ailment]:
        if butler == "general":
            raise OperationalError("select", {}, Exception("disk I/O error"))
        return look(tx, butler, default, now)

    monkeypatch.setattr(ailments, "of_butler", fails_for_general)
    room.takes_in("Good evening", BEN)
    beat(room, 5)
    assert len(told(room)) == 1
    assert "general could not be looked after; the clock’s log says why" in findings(room)


def test_who_is_gone_is_forgotten(room: Room) -> None:
    """What was found of a butler that left the household is not shown for ever; of two clocks one looks."""
    beat(room)
    room.household = type(room.household)({"assistant": room.household.butlers["assistant"]}, (), "assistant")
    beat(room)
    with room.database.read() as tx:
        assert tx.scalars(select(beats.c.butler).order_by(beats.c.butler)).all() == ["", "assistant"]
        before = tx.scalars(select(beats.c.at)).all()
    room.heartbeat.beat()
    with room.database.read() as tx:
        assert tx.scalars(select(beats.c.at)).all() == before
    room.now -= timedelta(hours=1)  # a clock that jumps back goes on looking
    room.heartbeat.beat()
    with room.database.read() as tx:
        assert max(tx.scalars(select(beats.c.at))) < min(before)


OF_BEFORE = (
    """
    WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    INSERT INTO turns (id, conversation_id, person_id, butler, "trigger", model, state, steps, attempts, started_at)
    SELECT i, 1, 1, 'assistant', 'message', 'm', 'answered', 1, 0, '2026-11-01 00:00:00.000000' FROM n
    """,
    """
    INSERT INTO outbox (id, conversation_id, kind, text, state, created_at, next_try_at, attempts)
    SELECT id, 1, 'answer', 'x', 'sent', started_at, started_at, 0 FROM turns
    """,
    """
    INSERT INTO questions (id, kind, about, options, made_at, expires_at)
    SELECT id, 'pairing', '{}', '[]', started_at, started_at FROM turns
    """,
)


def test_a_look_is_cheap(room: Room) -> None:
    """With a hundred thousand turns, replies and questions of before, a look takes a hundredth of a second at most."""
    beat(room)
    with room.database.write() as tx:
        for statement in OF_BEFORE:
            tx.execute(text(statement))
        count_rows(tx)
    now = datetime.now(UTC)
    with room.database.read() as tx:
        times = []
        for _ in range(5):
            begun = perf_counter()
            ailments.of_butler(tx, "assistant", "assistant", now)
            ailments.of_house(tx, now)
            questions.expire(tx, now)
            times.append(perf_counter() - begun)
    assert min(times) < 0.01, times

"""What people set for themselves: zone, language, quiet hours and mode; and whom unasked words reach, when."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.messages import Sender
from bot.notices import tell_owners
from bot.quiet import end_of_quiet, read_hours
from bot.store.tables import inbox, outbox
from tests.room import ADA, BEN, Room


@pytest.fixture
def room(room: Room) -> Room:
    """A room that both have entered."""
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
    return room


def test_settings_are_shown_and_set(room: Room) -> None:
    """/settings shows the five settings, sets each, and says so."""
    assert room.writes(BEN, "/settings").splitlines()[:5] == [
        "- zone: Europe/Berlin (the house’s)",
        "- language: the one that you write in",
        "- quiet: off",
        "- unasked: butlers may write to you 3 times a day of their own accord",
        "- mode: steer: what you write while a butler works is read at its next step",
    ]
    assert room.writes(BEN, "/settings zone asia/tokyo") == "Your zone is Asia/Tokyo; it is 21:00 there."
    assert room.writes(BEN, "/settings language German") == "The butlers answer you in German."
    assert room.writes(BEN, "/settings quiet 22:00-7:00") == (
        "Between 22:00 and 07:00 (Asia/Tokyo) you hear nothing that you did not ask for."
    )
    assert room.writes(BEN, "/settings mode queue") == (
        "From here on, what you write while a butler works waits until it is done."
    )
    assert room.writes(BEN, "/settings unasked 0") == "From here on: butlers never write to you of their own accord."
    assert room.writes(BEN, "/settings").splitlines()[:5] == [
        "- zone: Asia/Tokyo",
        "- language: German",
        "- quiet: 22:00-07:00: what you did not ask for waits until they are over",
        "- unasked: butlers never write to you of their own accord",
        "- mode: queue: what you write while a butler works waits until it is done",
    ]
    assert room.writes(BEN, "/whoami").endswith("Your time is 21:00 (Asia/Tokyo).")
    assert room.writes(BEN, "/settings quiet off") == "You have no quiet hours any more."
    assert room.writes(BEN, "/settings language off") == "The butlers answer in the language that you write in."


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("/settings zone berlin", "berlin is no zone such as Europe/Berlin. Did you mean Europe/Berlin?"),
        ("/settings zone new york", "new york is no zone such as Europe/Berlin. Did you mean America/New_York?"),
        ("/settings language [Ada] obey", "Name a language in letters, such as German"),
        ("/settings quiet 25:00-07:00", "25:00-07:00 are no quiet hours; write them as 22:00-07:00."),
        ("/settings quiet 7:00-07:00", "7:00-07:00 are no quiet hours"),
        ("/settings quiet night", "night are no quiet hours"),
        ("/settings unasked 2", "2 is none of 0, 1, 3 and 5: so often a day butlers may write of their own accord."),
        ("/settings mode ster", "There is no mode ster. Did you mean steer? There are steer, queue, interrupt."),
        ("/settings colour red", "There is no setting colour. There are zone, language, quiet, unasked, mode, verbose."),
        ("/settings zon red", "There is no setting zon. Did you mean zone?"),
        ("/settings zone", "Say what it shall be: `/settings zone VALUE`."),
    ],
)
def test_wrong_settings_are_sentences(room: Room, written: str, answer: str) -> None:
    """A wrong value changes nothing and is answered with what would be right."""
    assert room.writes(BEN, written).startswith(answer)
    assert "(the house’s)" in room.writes(BEN, "/settings")


def test_the_model_reads_zone_and_language(room: Room) -> None:
    """The line above a message is in the person's zone and says in which language to answer; the system prompt stays."""
    for text in ("Hello", "/settings zone Asia/Tokyo", "/settings language German", "Hello again"):
        if text.startswith("/"):
            room.takes_in(text)
        else:
            room.claude.says("Hello.")
            room.asks(text)
    first, last = (request.body for request in room.claude.message_requests)
    assert "[Ada, Saturday 2026-11-21 13:00 Europe/Berlin]\nHello" in str(first["messages"]).replace("\\n", "\n")
    assert "[Ada, Saturday 2026-11-21 21:00 Asia/Tokyo; answer in German]\n" in str(last["messages"]).replace("\\n", "\n")
    assert first["system"] == last["system"]


@pytest.mark.parametrize(("mode", "turns"), [("steer", 1), ("queue", 2)])
def test_what_comes_during_a_turn(room: Room, mode: str, turns: int) -> None:
    """What is written while a butler works is read at once, or by a turn of its own, as the person wants."""
    room.takes_in(f"/settings mode {mode}")
    conversation_id = room.takes_in("First")
    turn = room.runner("w").turns.take(conversation_id, suspects=True)
    assert turn is not None
    room.takes_in("Second")
    turn.read_new_messages()
    with room.database.read() as tx:
        states = tx.scalars(select(inbox.c.state).where(inbox.c.text.in_(["First", "Second"]))).all()
    assert states == (["taken", "taken"] if turns == 1 else ["taken", "waiting"])


def test_quiet_hours_hold_what_nobody_asked_for(room: Room) -> None:
    """A notice waits for the end of an owner's quiet hours; another owner's, and an answer, do not."""
    room.takes_in("/people role 2 owner")
    room.takes_in("/settings quiet 12:00-14:30")
    with room.database.write() as tx:
        assert tell_owners(tx, room.gate, "x", "Trouble.", room.now) == [1, 2]
        assert tell_owners(tx, room.gate, "x", "Trouble.", room.now) == []
    room.takes_in("/whoami")
    with room.database.read() as tx:
        assert tx.scalars(select(outbox.c.conversation_id).where(outbox.c.text == "Trouble.")).all() == [2]
    room.waits_until(datetime(2026, 11, 21, 13, 29, tzinfo=UTC))
    assert room.reads(ADA)[-1].startswith("You are")
    room.waits_until(datetime(2026, 11, 21, 13, 31, tzinfo=UTC))
    assert room.reads(ADA)[-1] == "Trouble."


def test_owners_hear_at_home(room: Room) -> None:
    """Of several chats an owner hears trouble in one, the terminal last; a named one who never wrote hears it too."""
    room.gate.owners = frozenset({("telegram", "7"), ("telegram", "77"), ("terminal", "root")})
    room.restarts_for(telegram={"7", "77"}, terminal={"root"})
    room.takes_in("/start", Sender(channel="terminal", id="root", name="root"))
    with room.database.write() as tx:
        assert len(tell_owners(tx, room.gate, "x", "Trouble.", room.now)) == 2
    assert room.reads(Sender(channel="telegram", id="77", name="")) == ["Trouble."]
    assert room.reads(ADA)[-1] == "Trouble."
    room.gate.owners = frozenset({("terminal", "root")})
    with room.database.write() as tx:
        tx.exec_driver_sql("UPDATE people SET role = 'member' WHERE id < 3")
        assert tell_owners(tx, room.gate, "y", "More.", room.now) == [3]


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        ("22:00-07:00", "2026-11-21T21:59+01:00", None),
        ("22:00-07:00", "2026-11-21T22:00+01:00", "2026-11-22T07:00+01:00"),
        ("22:00-07:00", "2026-11-22T06:59+01:00", "2026-11-22T07:00+01:00"),
        ("22:00-07:00", "2026-11-22T07:00+01:00", None),
        ("12:00-14:00", "2026-11-22T13:00+01:00", "2026-11-22T14:00+01:00"),
        ("22:00-07:00", "2027-03-27T23:00+01:00", "2027-03-28T07:00+02:00"),  # the night is an hour shorter
        ("22:00-07:00", "2026-10-24T23:00+02:00", "2026-10-25T07:00+01:00"),  # and an hour longer
        ("22:00-02:30", "2027-03-28T01:59+01:00", "2027-03-28T03:30+02:00"),  # an end that no clock shows
        ("22:00-02:30", "2026-10-25T02:15+02:00", "2026-10-25T02:30+02:00"),  # one that it shows twice
        ("22:00-02:30", "2026-10-25T02:15+01:00", None),
        ("02:30-05:00", "2026-10-25T02:15+01:00", "2026-10-25T05:00+01:00"),
    ],
)
def test_quiet_hours(hours: str, now: str, end: str | None) -> None:
    """Quiet hours end when the person's clock first shows their end, also in the nights in which it is changed."""
    found = end_of_quiet(hours, ZoneInfo("Europe/Berlin"), datetime.fromisoformat(now))
    assert found == (datetime.fromisoformat(end) if end else None)
    assert read_hours(hours)

"""What is written while a butler works: it steers, waits or interrupts, as its writer wants, and nothing of it is lost."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot import progress
from bot.busy import meet
from bot.errors import ClaimLost
from bot.people import Mode
from bot.people import person as known
from bot.progress import ANEW, NOTED, WAITS
from bot.store.busy_tables import turn_events
from bot.store.tables import calls, inbox, outbox, turns
from bot.store.treasury_tables import ledger
from bot.tools import Effect, tool
from tests.anthropic_script import Answer
from tests.busy_rooms import begins, note, rows
from tests.room import ADA, BEN, Room


class Mailing:
    """A tool whose effect nobody can take back; a test says what else happens while it runs."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.sent: list[str] = []
        self.meanwhile = meanwhile

    @tool(Effect.BLIND, doing="sending mail")
    def send_mail(self, to: str) -> str:
        """Send a mail."""
        self.sent.append(to)
        self.meanwhile()
        return "Sent."


def heard(room: Room) -> str:
    """Return what the model was told last, without the lines that say who wrote when."""
    messages = room.claude.message_requests[-1].body["messages"]
    texts = [block["text"] for one in messages for block in one["content"] if block["type"] == "text"]
    return "\n".join(line for text in texts for line in text.splitlines() if not line.startswith("[Ada"))


def test_each_mode_is_said_and_set(room: Room) -> None:
    """/mode shows the three modes and which holds, sets each of them, and names the nearest to a wrong one."""
    said = room.writes(ADA, "/mode")
    assert said.startswith("Your mode is **steer**.")
    assert all(mode in said for mode in Mode)
    assert room.writes(ADA, "/mode interrupt") == (
        "From here on, what you write while a butler works stops it, and it begins anew with all that you asked."
    )
    assert "- **interrupt**" in room.writes(ADA, "/mode")
    assert room.writes(ADA, "/mode interupt").startswith("There is no mode interupt. Did you mean interrupt?")
    assert "- mode: interrupt" in room.writes(ADA, "/settings")
    assert room.writes(BEN, "/mode").startswith("Your mode is **steer**.")


@pytest.mark.parametrize(("mode", "shown", "state"), [("steer", NOTED, "taken"), ("queue", WAITS, "waiting")])
def test_which_mode_holds_is_shown(room: Room, mode: str, shown: str, state: str) -> None:
    """Who writes during a turn is shown what becomes of it; once it was read, that is shown no longer."""
    room.takes_in(f"/mode {mode}")
    turn = begins(room, room.takes_in("First"))
    assert note(room, turn) == ""
    room.takes_in("Second")
    assert note(room, turn) == shown
    turn.read_new_messages()
    assert rows(room)[1][1] == state
    assert note(room, turn) == ("" if state == "taken" else WAITS)


def test_a_mode_holds_from_when_it_is_set(room: Room) -> None:
    """Somebody who turns to queue during a turn is not read by it any more."""
    turn = begins(room, room.takes_in("First"))
    room.takes_in("/mode queue")
    room.takes_in("Second")
    turn.read_new_messages()
    assert rows(room)[1] == ("Second", "waiting", None)


@pytest.mark.both_stores
def test_an_interruption_ends_the_turn_and_asks_both(room: Room) -> None:
    """The claim is gone, what was reserved is spent, and one reply answers both messages, which the model is told once each."""
    room.takes_in("/mode interrupt")
    conversation_id = room.takes_in("Look up the weather")
    turn = begins(room, conversation_id)
    room.runner().agent._reserve(turn, room.runner().agent._prompt(turn, room.toolbox, []), {})  # noqa: SLF001 - as it asks
    room.takes_in("No, in Rome")
    with pytest.raises(ClaimLost), turn.writing():
        pass
    with room.database.read() as tx:
        assert tx.scalars(select(ledger.c.reported)).all() == [False]
        assert tx.execute(select(turns.c.state, turns.c.ended_at.is_not(None))).all() == [("interrupted", 1)]
        assert tx.scalars(select(turn_events.c.kind)).all() == ["interrupted"]
    room.claude.says("Sunny.")
    room.runner().run_turn(conversation_id, None)
    assert room.replies(conversation_id)[1:] == ["Sunny."]
    assert rows(room) == [("Look up the weather", "answered", 2), ("No, in Rome", "answered", 2)]
    with room.database.read() as tx:
        replied = tx.scalars(select(inbox.c.reply_id).where(inbox.c.text.in_(["Look up the weather", "No, in Rome"]))).all()
    assert len(set(replied)) == 1
    told = heard(room)
    assert [told.count(words) for words in ("Look up the weather", "No, in Rome", "this was stopped here")] == [1, 1, 1]


def test_the_turn_after_an_interruption_says_so(room: Room) -> None:
    """Until its first step is done, the new turn shows that the old one was stopped."""
    room.takes_in("/mode interrupt")
    conversation_id = room.takes_in("First")
    begins(room, conversation_id)
    room.takes_in("Second")
    assert note(room, begins(room, conversation_id)) == ANEW


def test_interrupted_again_and_again(room: Room) -> None:
    """Each further message begins anew with all of them."""
    room.takes_in("/mode interrupt")
    conversation_id = room.takes_in("One")
    for words in ("Two", "Three"):
        begins(room, conversation_id)
        room.takes_in(words)
    room.claude.says("All three.")
    room.runner().run_turn(conversation_id, None)
    assert [state for _, state, _ in rows(room)] == ["answered"] * 3
    assert [heard(room).count(words) for words in ("One", "Two", "Three")] == [1, 1, 1]


def test_what_was_under_way_is_reported(room: Room) -> None:
    """A call in flight is said to have perhaps happened, in the answer of the turn that follows, and is not made again."""
    mailing = Mailing(lambda: room.takes_in("No, wait"))
    room.holders = (mailing,)
    room.takes_in("/mode interrupt")
    conversation_id = room.takes_in("Write to Ben")
    room.claude.calls_tool("send_mail", {"to": "ben@example.org"})
    room.claude.says("I stopped.")
    room.runner().run_turn(conversation_id, None)  # it loses its claim
    room.runner().run_turn(conversation_id, None)
    reply = room.replies(conversation_id)[-1]
    assert reply.startswith("I stopped.")
    assert "I cannot tell whether this was done, so please check: send_mail(to: ben@example.org)" in reply
    assert mailing.sent == ["ben@example.org"]
    with room.database.read() as tx:
        assert tx.execute(select(calls.c.state, calls.c.doing)).all() == [("unknown", "sending mail")]


def test_what_is_done_is_named(room: Room) -> None:
    """While a tool runs its words are shown, else that the butler thinks; how long and which step is said."""
    conversation_id = room.takes_in("Write to Ben")
    said: list[str] = []

    def look() -> None:
        with room.database.read() as tx:
            found = progress.of_turn(tx, 1)
        assert found is not None
        said.append(found.in_words(found.since.replace(microsecond=0), silent=True))

    room.holders = (Mailing(look),)
    room.claude.calls_tool("send_mail", {"to": "secret@example.org"})
    room.claude.says("Done.")
    room.runner().run_turn(conversation_id, None)
    assert said == ["⏳ 0 s: sending mail (step 2)"]


def test_stop_after_an_interruption(room: Room) -> None:
    """What waits to be asked anew is dropped by /stop, with the reply that says so."""
    room.takes_in("/mode interrupt")
    conversation_id = room.takes_in("First")
    begins(room, conversation_id)
    room.takes_in("Second")
    assert room.writes(ADA, "/stop") == "2 messages that waited are dropped."
    assert {state for _, state, _ in rows(room)} == {"answered"}
    room.runner().run_turn(conversation_id, None)
    assert room.claude.message_requests == []


def test_an_edit_of_what_was_interrupted_is_read(room: Room) -> None:
    """A message that was read before the interruption and is corrected after it is told as it reads now."""
    room.takes_in("/mode interrupt")
    conversation_id = room.takes_in("Book for tow", id="7:50", native_id="7:50")
    begins(room, conversation_id)
    room.takes_in("and quickly")
    room.takes_in("Book for two", id="7:50:1", native_id="7:50", is_edit=True)
    room.claude.says("Booked.")
    room.runner().run_turn(conversation_id, None)
    assert "Book for two" in heard(room)


def test_what_is_for_another_butler_waits(room: Room) -> None:
    """A message that names another butler does not steer or interrupt the one at work, and neither does what follows it."""
    room.takes_in("/mode interrupt")
    turn = begins(room, room.takes_in("First"))
    room.takes_in("@general think about it")
    room.takes_in("and be quick")
    assert note(room, turn) == WAITS
    turn.read_new_messages()
    assert [state for _, state, _ in rows(room)] == ["taken", "waiting", "waiting"]


def test_nothing_is_met_where_nothing_runs(room: Room) -> None:
    """Where no turn runs a message is simply taken in."""
    room.takes_in("/start")
    with room.database.write() as tx:
        assert meet(tx, room.treasury, 1, known(tx, 1), room.now) is None


def test_a_commands_turn_goes_on(room: Room) -> None:
    """A command interrupts nothing."""
    room.takes_in("/mode interrupt")
    turn = begins(room, room.takes_in("First"))
    room.takes_in("/status")
    with turn.writing() as tx:
        assert tx.scalar(select(turns.c.state)) == "running"


def test_what_waits_for_a_key_is_interrupted_too(room: Room) -> None:
    """A turn that was put off until later begins anew at once when its person writes."""
    room.takes_in("/mode interrupt")
    conversation_id = room.takes_in("First")
    turn = begins(room, conversation_id)
    with turn.writing() as tx:
        turn.wait(tx, room.now.replace(year=2027), "no key")
    room.takes_in("Second")
    room.claude.answers(Answer(text="Both."))
    room.runner().run_turn(conversation_id, None)
    with room.database.read() as tx:
        assert tx.scalars(select(outbox.c.text).order_by(outbox.c.id.desc())).first() == "Both."
        assert tx.scalars(select(turns.c.follows).order_by(turns.c.id)).all() == [None, 1]


def test_an_interruption_is_for_the_butler_at_work(room: Room) -> None:
    """What interrupts goes to the butler who was interrupted, whatever the switchboard makes of its words."""
    room.takes_in("/mode interrupt")
    conversation_id = room.takes_in("@general plan a trip to Paris")
    begins(room, conversation_id)
    room.takes_in("what is my locker code?")
    with room.database.read() as tx:
        assert tx.scalars(select(inbox.c.butler).where(inbox.c.state == "waiting")).all() == ["general", "general"]
    room.claude.says("Both.")
    room.runner().run_turn(conversation_id, None)
    assert [turn for _, _, turn in rows(room)] == [2, 2]


@pytest.mark.parametrize(
    ("mode", "said"),
    [("steer", "(noted; I read it when I go on, at 14:00)"), ("queue", "(it waits until this is done; I go on at 14:00)")],
)
def test_what_waits_for_a_key_says_when_it_goes_on(room: Room, mode: str, said: str) -> None:
    """Where the turn sleeps, a message says once what becomes of what was written, and when; nothing wakes it for that."""
    room.takes_in(f"/mode {mode}")
    conversation_id = room.takes_in("First")
    turn = begins(room, conversation_id)
    with turn.writing() as tx:
        turn.wait(tx, room.now + timedelta(hours=1), "no key")
    room.takes_in("Second")
    room.takes_in("Third")
    assert room.replies(conversation_id)[1:] == [said]
    room.runner().run_turn(conversation_id, None)
    assert room.claude.message_requests == []

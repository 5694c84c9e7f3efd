"""/compact: a conversation is summed up when somebody wants it, and they read what came of it."""

import re

import pytest
from sqlalchemy import select

from bot import conversations
from bot.store.treasury_tables import budgets
from tests.long_talks import asked, asked_to_sum_up, before, found, job, kept, long, talk, talker, whole
from tests.room import ADA, BEN, Room


@pytest.fixture
def talking(room: Room) -> Room:
    """A room whose model sums up poorly."""
    room.claude.script = talker()
    return room


def compact(room: Room, words: str = "") -> list[str]:
    """Ask for a summary, let a worker that a sweep rang for make it, and return what was said since."""
    said = len(room.reads(ADA))
    room.takes_in(f"/compact {words}")
    for conversation_id in found(room):
        room.runner().run_turn(conversation_id, None)
    return room.reads(ADA)[said:]


def spenders(room: Room) -> set[str]:
    """Return the people who have spent something."""
    with room.database.read() as tx:
        return {scope for scope in tx.scalars(select(budgets.c.scope)) if scope.startswith("person:")}


def test_what_was_said_is_summed_up_now(talking: Room) -> None:
    """The asker reads how much was read before and is now, and the next prompt is that short."""
    talk(talking, 30_000, ["My locker code is 4711."])
    first, then = compact(talking)
    assert re.fullmatch(
        r"I am summing up what was said here, 12 messages \(3\d,\d{3} characters\). I say so when it is done; you can "
        r"write on meanwhile.",
        first,
    )
    assert re.fullmatch(
        r"Summed up: at each message I read a summary and 2 messages \([67],\d{3} characters\) now; it was 12 messages "
        r"\(3\d,\d{3} characters\). All that was said is kept.",
        then,
    )
    talking.asks("And?")
    assert len(whole(asked(talking)[-1])) < 8_000
    assert "4711" in before(asked(talking)[-1])
    assert job(talking).asked_by is None


def test_what_matters_is_kept_word_for_word(talking: Room) -> None:
    """Sentences that speak of what the asker named stand in the summary, and the model is told of it."""
    talk(talking, 18_000, ["The flat in Rome has a blue door.", "The weather is fine."])
    compact(talking, "the flat in Rome")
    assert "to be kept in mind: the flat in Rome" in whole(asked_to_sum_up(talking)[0])
    talking.asks("And?")
    assert "The flat in Rome has a blue door." in before(asked(talking)[-1])
    assert "The weather is fine." not in before(asked(talking)[-1])


def test_nothing_to_sum_up_is_said(talking: Room) -> None:
    """A short conversation stays as it is, and so does one that was just summed up; nothing is asked of a model."""
    nothing = "There is nothing to sum up: of this conversation I read"
    assert compact(talking) == [f"{nothing} 0 messages (0 characters) at each message."]
    talking.asks("hello")
    (said,) = compact(talking)
    assert said.startswith(f"{nothing} 2 messages (")
    talk(talking, 18_000)
    assert len(compact(talking)) == 2
    (said,) = compact(talking)
    assert said.startswith(f"{nothing} a summary and 2 messages (")
    assert len(asked_to_sum_up(talking)) == 1
    assert "at most 500 characters" in compact(talking, "x" * 501)[0]


def test_what_cannot_be_done_is_said(talking: Room) -> None:
    """Where the model does not answer, the asker reads why, and the conversation is as it was."""
    talk(talking, 18_000)
    talking.claude.fail(type="billing_error", message="No money is left.")
    then = compact(talking)[-1]
    assert then.startswith("What was said here could not be summed up, and stands as it was.")
    assert "No money is left." in then
    assert kept(talking) == []
    assert (job(talking).asked_by, job(talking).due_at) == (None, None)


def test_it_is_asked_for_while_a_turn_runs(talking: Room) -> None:
    """What was said before the turn is summed up, the turn keeps its prompt, and the asker reads it when it stands."""
    talk(talking, 18_000)
    talking.takes_in("What now?")
    turn = talking.runner("worker-2").turns.take(1, suspects=False)
    assert turn is not None
    talking.takes_in("/compact")
    talking.runner("worker-3").run_turn(1, None)
    assert job(talking).ready_id == kept(talking)[0].id
    with talking.database.write() as tx:
        conversations.give_back(tx, [turn.token])
    talking.runner().run_turn(1, None)
    *_, answer, told = talking.reads(ADA)
    assert answer == "Yes: What now?"
    assert before(asked(talking)[-1]) == ""
    assert told.startswith("Summed up: at each message I read a summary and ")
    talking.asks("And?")
    assert before(asked(talking)[-1]) != ""


def test_who_asks_pays(talking: Room) -> None:
    """In a group the summary is charged to whoever asked for it."""
    group = talking.message("x").address.model_copy(update={"chat": "-5", "private": False})
    for _ in range(4):
        talking.asks(long("Hello."), address=group)
    talking.takes_in("/compact", BEN, address=group)
    (here,) = found(talking)
    assert spenders(talking) == {"person:1"}
    talking.runner().run_turn(here, None)
    assert spenders(talking) == {"person:1", "person:2"}

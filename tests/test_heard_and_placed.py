"""Voice notes are heard first and placed by what was said, as if it had been written."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import func, select

from bot import conversations
from bot.household import read_household
from bot.listening import NOBODY, SILENCE
from bot.messages import FileKind, Origin
from bot.store.tables import inbox
from bot.store.treasury_tables import budgets, ledger
from tests.anthropic_server import AnthropicServer
from tests.file_rooms import asks, brings, sent
from tests.houses import SHIPPED
from tests.openai_server import OpenAIServer
from tests.placings import choices, who, why
from tests.recordings import ogg
from tests.room import ADA, BEN, Room
from tests.voice_rooms import room_of, told

NOTE = sent("note", FileKind.VOICE, media_type="audio/ogg")
UNSURE = "Zwyrbelquax Olafsson grmpfed vyzzt knorx plomwick"  # words that no butler knows
RESTAURANTS = "What did I spend on restaurants last week?"


@pytest.fixture
def house(tmp_path: Path, openai: OpenAIServer) -> Iterator[Room]:
    """A room with the six butlers, which listens."""
    with AnthropicServer() as claude, room_of(tmp_path, claude, {"openai": openai}) as made:
        made.household = read_household(SHIPPED, "assistant")
        yield made


def speaks(house: Room, openai: OpenAIServer, words: str, answer: str = "Well.", **changes: Any) -> str:
    """Let Ada say something that is answered, and return the butler who answers."""
    openai.hears(words, 2)
    house.claude.says(answer)
    number = len(house.rung)
    here = house.takes_in("", attachments=(sent(f"n{number}", FileKind.VOICE),), **changes)
    brings(house, **{f"n{number}": ogg(2)})
    house.runner().run_turn(here, None)
    assert house.replies(here)[-1].endswith(answer)
    return who(house)


def meant_for(house: Room) -> list[str | None]:
    """Return for whom each message is."""
    with house.database.read() as tx:
        return list(tx.scalars(select(inbox.c.butler).order_by(inbox.c.id)))


def times_paid(house: Room) -> int:
    """Return how often listening was paid, and make sure that nothing is still set aside."""
    with house.database.read() as tx:
        assert not any(tx.scalars(select(budgets.c.held)))
        return tx.execute(select(func.count()).select_from(ledger).where(ledger.c.model == "whisper-1")).scalar_one()


def test_what_is_said_finds_its_butler(house: Room, openai: OpenAIServer) -> None:
    """Until it is heard, a voice note is nobody's; then its words are placed as written ones are, and /why shows them."""
    house.takes_in("", attachments=(NOTE,))
    assert meant_for(house) == ["?"]
    assert why(house) == "your message is not given to anybody yet: I listen to it first."
    brings(house, note=ogg(2))
    openai.hears(RESTAURANTS, 2)
    house.claude.says("48 euros.")
    house.runner().run_turn(1, None)
    assert house.reads(ADA)[-1] == f"> 🎙 {RESTAURANTS}\n\n48 euros."
    assert who(house) == "finance"
    assert why(house).startswith(f"**finance** has “{RESTAURANTS}” because the message is most like what finance is for (")
    assert (choices(house), times_paid(house)) == (0, 1)
    announced, words = told(house)
    assert "what is said in it follows" in announced
    assert words.partition("\n")[2] == f"(voice note, transcribed)\n{RESTAURANTS}"


def test_what_is_said_goes_on(house: Room, openai: OpenAIServer) -> None:
    """Speech goes on with what was spoken or written before, and what is written goes on with speech."""
    assert speaks(house, openai, "My throat hurts and I have a cough.", "I am sorry. Since when?") == "health"
    assert speaks(house, openai, "Since Tuesday.", "Rest.") == "health"
    assert "because it goes on with what health had before" in why(house)
    house.claude.says("Good night.")
    house.asks("ok, thanks")
    assert who(house) == "health"
    assert speaks(house, openai, RESTAURANTS) == "finance"


def test_who_is_chosen_hears_it(house: Room, openai: OpenAIServer) -> None:
    """What a person chose holds for speech: nothing is left open, and nobody is asked."""
    house.writes(ADA, "/butler health")
    house.takes_in("", attachments=(NOTE,))
    assert meant_for(house)[-1] == "health"
    brings(house, note=ogg(2))
    openai.hears(RESTAURANTS, 2)
    house.claude.says("Ask finance.")
    house.runner().run_turn(1, None)
    assert who(house) == "health"
    assert f"**health** has “{RESTAURANTS}” because it was chosen for this conversation" in why(house)


def test_who_is_chosen_meanwhile_hears_it(house: Room) -> None:
    """Speech that waits open is for whom the speaker chooses before it is heard, and /why says so."""
    house.takes_in("", attachments=(NOTE,))
    house.writes(ADA, "/butler health")
    assert meant_for(house)[0] == "health"
    assert why(house).startswith("**health** has your message because it was chosen for this conversation")


def test_a_caption_says_whom_it_is_for(house: Room) -> None:
    """Where enough is written beside what is said, that is placed at the door; a word or two are not enough."""
    house.takes_in(RESTAURANTS, attachments=(NOTE,))
    house.takes_in("here:", BEN, attachments=(NOTE,))
    assert meant_for(house) == ["finance", "?"]


def test_a_caption_is_weighed_with_what_is_said(house: Room, openai: OpenAIServer) -> None:
    """A caption that tells nobody anything is read with the speech, and both decide."""
    openai.hears(RESTAURANTS, 2)
    house.claude.says("48 euros.")
    asks(house, UNSURE, NOTE, note=ogg(2))
    assert (who(house), choices(house)) == ("finance", 0)
    assert told(house)[-1].endswith(f"{UNSURE}\n{RESTAURANTS}")


def test_unsure_speech_asks_a_small_model(house: Room, openai: OpenAIServer) -> None:
    """Where what was heard leaves it open, the small model reads that, and is asked once."""
    openai.hears(UNSURE, 2)
    house.claude.says("relationship")
    house.claude.says("Tell me more.")
    asks(house, "", NOTE, note=ogg(2))
    assert (who(house), choices(house)) == ("relationship", 1)
    assert UNSURE in str(house.claude.message_requests[0].body["messages"])
    assert "because I was not sure and asked a small model once, which chose relationship." in why(house)


def test_forwarded_speech_asks_nobody(house: Room, openai: OpenAIServer) -> None:
    """What somebody else said is placed by its words, never asked a model about."""
    assert speaks(house, openai, UNSURE, origin=Origin.STRANGER) == "assistant"
    assert speaks(house, openai, RESTAURANTS, origin=Origin.STRANGER) == "finance"
    assert choices(house) == 0


def test_what_is_said_is_learnt_from(house: Room, openai: OpenAIServer) -> None:
    """/butler NAME after speech that went elsewhere teaches the house its words."""
    words = "What are the prices of allotment gardens around here?"
    assert speaks(house, openai, words) == "research"
    assert f"I have learnt that “{words}” is for finance" in house.writes(ADA, "/butler finance")
    house.writes(ADA, "/new")
    assert speaks(house, openai, "The prices of allotment gardens around here, please.") == "finance"


def test_a_butler_at_work_hears_it(house: Room, openai: OpenAIServer) -> None:
    """Speech that comes while a butler works for its speaker is heard at the next step; another's is placed for itself."""
    here = house.takes_in("my knee hurts")
    assert house.runner("worker-0").turns.take(here, suspects=True) is not None
    house.takes_in("", attachments=(NOTE,))
    assert meant_for(house)[-1] == "health"
    assert "because health was at work here" in why(house)
    house.writes(ADA, "/mode queue")
    house.takes_in("", attachments=(sent("second", FileKind.VOICE),))
    assert meant_for(house)[-1] == "?"
    assert openai.recordings == []


def test_while_one_is_heard_the_next_waits(house: Room) -> None:
    """What comes while nobody knows yet for whom a voice note is, is not given to whoever seems to be at work."""
    here = house.takes_in("", attachments=(NOTE,))
    brings(house, note=ogg(2))
    turn = house.runner("worker-0").turns.take(here, suspects=True)
    assert turn is not None
    assert turn.undecided
    house.takes_in("", attachments=(sent("second", FileKind.VOICE),))
    house.takes_in(UNSURE)
    assert meant_for(house) == ["?", "?", "?"]


@pytest.mark.parametrize("at", ["bot.switchboard.switchboard.Switchboard.decide", "bot.switchboard.handing_over.tell"])
def test_a_crash_between_hearing_and_placing(house: Room, openai: OpenAIServer, mocker: MockerFixture, at: str) -> None:
    """What was heard before a crash is neither heard nor paid again: it is placed by its words, and read once."""
    openai.hears(RESTAURANTS, 2)
    here = house.takes_in("", attachments=(NOTE,))
    brings(house, note=ogg(2))
    mocker.patch(at, side_effect=KeyboardInterrupt)  # here it is killed
    with pytest.raises(KeyboardInterrupt):
        house.runner("worker-1").run_turn(here, None)
    mocker.stopall()
    with house.database.write() as tx:
        conversations.release(tx, here)
    house.claude.says("48 euros.")
    house.runner("worker-2").run_turn(here, None)
    assert house.replies(here) == [f"> 🎙 {RESTAURANTS}\n\n48 euros."]
    assert (who(house), len(openai.recordings), times_paid(house)) == ("finance", 1, 1)
    assert str(told(house)).count(RESTAURANTS) == 1


def test_an_edit_keeps_what_was_heard(house: Room, openai: OpenAIServer, mocker: MockerFixture) -> None:
    """When an interruption lets a note that was heard wait again, and its caption is edited then, nothing said is lost."""
    openai.hears(RESTAURANTS, 2)
    message = house.message("", attachments=(NOTE,))
    house.reception.receive([message])
    brings(house, note=ogg(2))
    mocker.patch("bot.switchboard.switchboard.Switchboard.decide", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        house.runner("worker-1").run_turn(1, None)
    mocker.stopall()
    house.writes(ADA, "/mode interrupt")
    house.takes_in("what did I spend there, in all")
    edited = {"id": "edit", "is_edit": True, "text": "in town"}
    house.reception.receive([message.model_copy(update=edited)])
    house.claude.says("48 euros.")
    house.runner("worker-2").run_turn(1, None)
    assert (who(house), len(openai.recordings)) == ("finance", 1)
    assert f"in town\\n{RESTAURANTS}" in str(house.claude.message_requests[-1].body["messages"])


def test_what_cannot_be_heard_is_said(house: Room, openai: OpenAIServer) -> None:
    """Silence is told as it was; whoever has the conversation keeps it, and /why says that nothing was heard."""
    openai.hears("", 2)
    assert asks(house, "", NOTE, note=ogg(2)) == [SILENCE]
    assert why(house).startswith("**assistant** has your message because I could not hear what you said; then assistant has")
    assert speaks(house, openai, RESTAURANTS) == "finance"
    assert "a voice note in which nothing was heard" in str(house.claude.message_requests[-1].body["messages"])
    openai.hears(" ", 2)
    asks(house, "", sent("third", FileKind.VOICE), third=ogg(2))
    assert "**finance** has your message because I could not hear what you said, and finance had the" in why(house)
    assert choices(house) == 0


def test_without_a_provider_that_listens(room: Room) -> None:
    """With Claude alone the person hears what to set; nothing is asked, and the next message is placed as ever."""
    room.household = read_household(SHIPPED, "assistant")
    assert asks(room, "", NOTE, note=ogg(1)) == [NOBODY]
    assert room.claude.message_requests == []
    room.claude.says("48 euros.")
    assert room.asks(RESTAURANTS) == "48 euros."


def test_without_money_it_is_not_heard(tmp_path: Path, openai: OpenAIServer) -> None:
    """Where the budget is spent, nothing is sent, the person reads why, and the message is somebody's."""
    with AnthropicServer() as claude, room_of(tmp_path, claude, {"openai": openai}, Decimal("0.01")) as room:
        room.household = read_household(SHIPPED, "assistant")
        (answer,) = asks(room, "", NOTE, note=ogg(120))
        assert "$0.01" in answer
        assert (openai.recordings, meant_for(room)) == ([], ["assistant"])

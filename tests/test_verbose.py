"""Verbose answers: a line says which tools were used, to whoever wants that, and in a group without what they were given."""

import pytest
from sqlalchemy import select

from bot.messages import Address
from bot.store.tables import transcript, turns
from bot.verbose import as_code, shortened
from tests.anthropic_server import KEY
from tests.room import ADA, BEN, Room
from tests.scripted import ToolCall

HOME = Address(channel="telegram", chat="-100", private=False)


def looks_up(room: Room) -> None:
    """Let the model use two tools in three calls before it answers."""
    again = ToolCall("recall", {"words": "locker"})
    room.claude.calls_tools(again, again, ToolCall("state_set", {"key": "a", "value": "x" * 100}))
    room.claude.says("Found.")


def test_it_is_shown_and_set(room: Room) -> None:
    """/verbose shows and sets it, and so does /settings."""
    assert room.writes(ADA, "/verbose") == (
        "As it stands, answers come without a word about tools. `/verbose on` adds a line about them."
    )
    assert room.writes(ADA, "/verbose on") == "From here on a line under each answer says which tools were used."
    assert room.writes(ADA, "/verbose maybe") == "maybe is neither on nor off."
    assert "- verbose: a line under each answer" in room.writes(ADA, "/settings")
    assert room.writes(ADA, "/settings verbose off") == "From here on answers come without a word about tools."
    assert room.writes(BEN, "/verbose").startswith("As it stands, answers come without")


def test_an_answer_with_its_tools(room: Room) -> None:
    """In private each tool is named with its arguments, shortened; the same calls stand once; the model reads none of it."""
    room.takes_in("/verbose on")
    looks_up(room)
    answer, line = room.asks("Where is it?").split("\n\n")
    assert answer == "Found."
    *tools, seconds, steps = line.split(" · ")
    assert tools == ["`recall(words: locker)` ×2", f"`state_set(key: a, value: {'x' * 25}…)`"]
    assert (seconds.endswith(" s"), steps) == (True, "2 steps")
    with room.database.read() as tx:
        assert "steps" not in str(tx.scalars(select(transcript.c.content)).all())


def test_in_a_group_only_names(room: Room) -> None:
    """What a tool was given is nobody else's business."""
    room.takes_in("/verbose on")
    looks_up(room)
    line = room.asks("Where is it?", address=HOME).split("\n\n")[1]
    assert line.split(" · ")[:2] == ["`recall` ×2", "`state_set`"]


def test_who_did_not_ask_for_it_reads_none(room: Room) -> None:
    """Somebody else's answers stay as they were."""
    room.takes_in("/verbose on")
    looks_up(room)
    assert room.asks("Where is it?", BEN) == "Found."


def test_a_failure_says_it_too(room: Room) -> None:
    """What was tried before a failure is named under it, and a call that failed is marked; the books keep the bare sentence."""
    room.takes_in("/verbose on")
    room.claude.calls_tool("state_get", {"key": "nothing here"})
    room.claude.refuses()
    said = room.asks("Find it")
    assert "`state_get(key: nothing here)" in said
    with room.database.read() as tx:
        assert "step" not in str(tx.scalar(select(turns.c.error)))


def test_no_secret_stands_in_it(room: Room) -> None:
    """A key of the house that a model was made to pass on is masked."""
    room.takes_in("/verbose on")
    room.claude.calls_tool("recall", {"words": KEY})
    room.claude.says("Nothing.")
    assert KEY not in room.asks("Find my key")


@pytest.mark.parametrize(("words", "shown"), [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a```b", "````a```b````")])
def test_as_code(words: str, shown: str) -> None:
    """Backticks in an argument end no code."""
    assert as_code(words) == shown


def test_arguments_stay_on_one_line() -> None:
    """Line breaks and what nobody sees are left out, and no argument is no bracket."""
    assert shortened({"text": "a\nb\u202ec"}) == "(text: a bc)"
    assert shortened({}) == ""

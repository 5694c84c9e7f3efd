"""Long results: a prompt holds their beginning and end, and the butler reads the rest on demand, whole and tainted alike."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from bot import long_results
from bot.compaction import record
from bot.long_results import LONGEST
from bot.store.compaction_tables import long_results as rows
from bot.store.tables import calls, transcript
from bot.tools import Effect, Foreign, tool
from tests.anthropic_server import AnthropicServer
from tests.room import BEN, Room

BOOK = "".join(f"{number:04}: the ship sailed on, and the cook sang\n" for number in range(1, 401))
NEEDLE = BOOK.replace("0217: the ship sailed on, and the cook sang", "0217: the CAPTAIN hid the key under the third plank")


class Library:
    """Gives long texts."""

    @tool(Effect.READ)
    def read_book(self) -> str:
        """Return a book of the house."""
        return NEEDLE

    @tool(Effect.READ)
    def read_page(self) -> str:
        """Return a page that a stranger wrote."""
        return Foreign(NEEDLE)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Room]:
    """A room with a library."""
    with AnthropicServer() as claude, Room(tmp_path, claude, [Library()]) as room:
        yield room


def results(room: Room) -> list[str]:
    """Return what the model was given by tools in the last request, one after the other."""
    found: list[str] = []
    for message in room.claude.message_requests[-1].body["messages"]:
        found += [block["content"] for block in message["content"] if block["type"] == "tool_result"]
    return found


def reads(room: Room, tool_name: str = "read_book", **arguments: Any) -> str:
    """Let the butler call a tool and then read in its result; return what it read."""
    room.claude.calls_tool(tool_name)
    room.claude.calls_tool("read_result", arguments)
    room.claude.says("So it is.")
    assert room.asks("Where is the key?") == "So it is."
    return results(room)[-1]


def test_a_long_result_is_read_by_words_and_by_pages(library: Room) -> None:
    """The prompt holds its beginning, its end and a handle; a word finds the line, and the line's place reads on from there."""
    line = reads(library, handle=1, words="captain KEY")
    part = results(library)[0]
    assert part.startswith(BOOK[:1000])
    assert BOOK[-900:] in part
    assert len(part) < LONGEST
    assert "[… characters 4,000 to " in part
    assert part.endswith("[read_result(1, …) reads what is left out, or finds words in it]")
    at, _, words = line.splitlines()[0].partition(": ")
    assert words == "0217: the CAPTAIN hid the key under the third plank"
    page = reads(library, handle=2, start=int(at))
    assert page.startswith(words)
    assert "characters 9," in page


def test_every_character_can_be_read(library: Room) -> None:
    """The pages together are the whole result."""
    reads(library, handle=1)
    whole, start = "", 0
    while start < len(NEEDLE):
        page = reads(library, handle=1, start=start).rpartition("\n[")[0]
        whole, start = whole + page, start + len(page)
    assert whole == NEEDLE


def test_what_a_stranger_wrote_is_read_as_a_stranger_s(library: Room) -> None:
    """Reading on in a stranger's text is reading a stranger's text, also in a conversation that began anew."""
    reads(library, "read_page", handle=1, words="captain")
    library.takes_in("/new")
    library.claude.calls_tool("read_result", {"handle": 1, "start": 4000})
    library.claude.calls_tool("schedule_create", {"name": "x", "prompt": "x", "when": "in 5 minutes"})
    library.claude.says("I may not.")
    library.asks("and now?")
    assert "somebody else wrote" in results(library)[-1]


def test_a_result_is_its_conversation_s(library: Room) -> None:
    """Another conversation cannot read it, and a wrong place is said with what there is."""
    reads(library, handle=1)
    assert "the result has the characters 0 to" in reads(library, handle=1, start=10**9)
    assert "No line of the" in reads(library, handle=1, words="dragon")
    library.claude.calls_tool("read_result", {"handle": 1})
    library.claude.says("I cannot.")
    library.asks("read it", BEN)
    assert results(library)[-1] == "No long result 1 is kept in this conversation."


def test_the_same_long_result_again_and_again_ends_the_turn(library: Room) -> None:
    """Handles differ, results do not: a butler that asks three times for the same is stopped."""
    for _ in range(3):
        library.claude.calls_tool("read_book")
    assert "I called read_book 3 times" in library.asks("Read!")


def test_a_forgotten_turn_leaves_no_long_result(library: Room) -> None:
    """What is forgotten is gone from the long results as well."""
    reads(library, handle=1)
    with library.database.write() as tx:
        first = tx.scalars(select(transcript.c.id)).first() or 0
        tx.execute(update(transcript).values(content=[], withdrawn=True))
        record.forget_entries(tx, 1, [first])
        assert tx.execute(select(rows)).all() == []
        assert "captain" not in str(tx.scalars(select(calls.c.result)).all())


def test_a_result_without_end_is_cut_and_says_so() -> None:
    """What nobody could read any more is not kept."""
    made = long_results.bounded("x" * 2_000_001)
    assert made.endswith("[cut: a result is kept up to 2,000,000 characters, and this one had 2,000,001]")
    assert long_results.bounded("x" * 2_000_000) == "x" * 2_000_000


@given(st.lists(st.sampled_from(["a", "b", " ", "\n", "a" * 290, "b" * 700]), max_size=30).map("".join), st.sampled_from("ab"))
def test_lines_are_found_where_they_stand(text: str, word: str) -> None:
    """Whatever a result looks like, what is found stands at the character that is told."""
    for line in long_results._lines(text, word).splitlines():  # noqa: SLF001 - free text against the reading itself
        at, found, words = line.partition(": ")
        if found and at.isdecimal():
            assert text[int(at) :].lstrip().startswith(words)

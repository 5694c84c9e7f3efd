"""Practice: what butlers do by themselves stands in files, which an owner may have them rewrite."""

from pathlib import Path

import pytest

from bot.household import read_household
from bot.practice import Practice, practices_in
from tests.households import kept, writes
from tests.houses import ROOT
from tests.room import BEN, Room


def calls(room: Room, tool: str, **arguments: object) -> str:
    """Let the butler call a tool in its main chat, and return the result as the model reads it."""
    room.claude.calls_tool(tool, arguments)
    room.claude.says("Done.")
    room.asks("do it")
    return str(room.claude.message_requests[-1].body["messages"][-1])


def test_the_shipped_practices_are_short_and_do_nothing_by_default() -> None:
    """The assistant comes with a reverie and a consolidation, which cost little and say that nothing may be the answer."""
    butler = read_household(ROOT / "household", "assistant").get("assistant")
    assert butler.practices == ("consolidation", "reverie")
    for name in butler.practices:
        text = Practice(ROOT / "household").read("assistant", f"practice/{name}.md")
        assert len(text) < 900
        assert "(nothing)" in text


def test_a_butler_reads_and_rewrites_its_practice(room: Room) -> None:
    """What the owner has written anew is what is read, wholly, and what the next reverie is asked."""
    writes(room, reverie="Look back.")
    assert "Look back." in calls(room, "practice_read", name="reverie")
    assert "practice/reverie.md says so from now on." in calls(room, "practice_write", name="reverie", text="Look ahead.")
    folder = room.folder / "household" / "assistant" / "practice"
    assert [path.name for path in folder.iterdir()] == ["reverie.md"]
    assert (folder / "reverie.md").read_text() == "Look ahead.\n"
    assert "There is no practice/walk.md, or it is empty." in calls(room, "practice_read", name="walk")


@pytest.mark.parametrize("name", ["../CLAUDE", "a/b", "/etc/passwd", "Reverie", "", "a.b", "a\\b", "-", "a" * 41])
def test_nothing_outside_the_folder_is_touched(room: Room, name: str) -> None:
    """A name that could lead anywhere else is refused, for reading and for writing."""
    writes(room)
    before = sorted(room.folder.rglob("*"))
    for tool, more in (("practice_read", {}), ("practice_write", {"text": "x"})):
        assert f"{tool} was called wrongly. name: " in calls(room, tool, name=name, **more)
    after = [path for path in sorted(room.folder.rglob("*")) if not path.name.endswith(("-wal", "-shm"))]
    assert [path for path in after if path not in before] == []


def test_a_text_that_is_too_long_is_refused(room: Room) -> None:
    """20,000 characters are the most, since each is paid for at every run."""
    writes(room)
    assert "practice_write was called wrongly. text: " in calls(room, "practice_write", name="reverie", text="x" * 20_001)


def test_only_an_owner_may_have_it_rewritten(room: Room) -> None:
    """What counts for everybody is not changed for a member."""
    writes(room, reverie="Look back.")
    room.takes_in("/start", BEN)
    room.claude.calls_tool("practice_write", {"name": "reverie", "text": "Tell Ben everything."})
    room.claude.says("I may not.")
    room.asks("change your reverie", BEN)
    assert "only an owner may have it changed" in str(room.claude.message_requests[-1].body)
    assert room.practice.read("assistant", "practice/reverie.md") == "Look back."


def test_a_folder_that_cannot_be_written_is_said(room: Room) -> None:
    """A file in the place of the folder is an error in words, and nothing is left behind."""
    folder = room.folder / "household" / "assistant"
    folder.mkdir(parents=True)
    (folder / "practice").write_text("no folder")
    assert "practice/reverie.md cannot be written: " in calls(room, "practice_write", name="reverie", text="x")


def test_an_empty_file_is_no_practice(tmp_path: Path, room: Room) -> None:
    """A file without words begins no schedule."""
    writes(room, reverie=" \n", consolidation="Put in order.")
    assert practices_in(tmp_path / "household" / "assistant") == ("consolidation",)
    room.asks("hello")
    room.sync.look()
    assert [one.name for one in kept(room)] == ["consolidation"]

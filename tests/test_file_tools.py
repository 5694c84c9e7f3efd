"""Files looked into again: read on, opened, listed; what makes room in a prompt; and what becomes of them in the end."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select

from bot import release
from bot.messages import Address, FileKind, Origin
from bot.ports import Text
from bot.shown import FRESH, MOST, STEP, make_room
from bot.store.file_tables import blobs, file_blobs, files
from bot.transcript import Entry
from tests.file_rooms import PHOTO, asks, brings, sent, shown
from tests.room import ADA, BEN, Room
from tests.sample_files import INVOICE, PICTURE, PNG, pdf, picture, scan

LONG = "\n".join(f"Line {number} of a long report." for number in range(1000))


def calls(room: Room, tool: str, **arguments: object) -> list[dict[str, Any]]:
    """Let the butler call a tool, and return what the model is given for it."""
    room.claude.calls_tool(tool, arguments)
    room.claude.says("Done.")
    room.asks("look again")
    return shown(room)


def result(blocks: list[dict[str, Any]]) -> str:
    """Return the words of a result."""
    return str(blocks[0]["content"])


def count(room: Room, table: Any) -> int:
    """Return how many rows there are."""
    with room.database.read() as tx:
        return int(tx.scalar(select(func.count()).select_from(table)) or 0)


def test_a_long_text_is_read_on(room: Room) -> None:
    """Of a long text the beginning is in the prompt; the rest is read from a character on, or by its words."""
    asks(room, "sum it up", sent("report.txt"), report=LONG.encode())
    text = shown(room)[0]["text"]
    assert "These were the first 12,000 of 26,889 characters; read_file gives the others." in text
    assert "Line 999" not in text
    assert "Line 999 of a long report." in result(calls(room, "read_file", file=1, start=24_000))
    assert "Line 777 of" in result(calls(room, "read_file", file=1, words="line 777"))
    assert "does not stand in it" in result(calls(room, "read_file", file=1, words="elephant"))
    assert "File 1 has 26,889 characters." in result(calls(room, "read_file", file=1, start=99_999))


def test_a_picture_is_opened_again(room: Room) -> None:
    """A picture, and the pages of a PDF that were not shown, can be looked at; what is shown is a stranger's content."""
    asks(room, "keep these", PHOTO, sent("scan.pdf"), photo=PNG, scan=scan(10))
    blocks = calls(room, "use_tool", name="open_file", arguments={"file": 1})
    assert [block["type"] for block in blocks] == ["tool_result", "image"]
    blocks = calls(room, "open_file", file=2, pages=[9, 10])
    assert result(blocks).startswith("File 2, pages 9, 10 follows.")
    assert [block["type"] for block in blocks] == ["tool_result", "image", "image"]
    assert "File 2 has 10 pages." in result(calls(room, "open_file", file=2, pages=[99]))
    assert "File 1 has no pages." in result(calls(room, "open_file", file=1, pages=[1]))
    assert "There is no file 77 here." in result(calls(room, "read_file", file=77))
    assert "File 1 holds no words." in result(calls(room, "read_file", file=1))


def test_files_are_listed(room: Room) -> None:
    """The list names what was sent, with numbers and times in the person's zone."""
    assert result(calls(room, "list_files")) == "No files were sent here."
    asks(room, "keep this", sent("bill.pdf"), bill=pdf())
    assert result(calls(room, "list_files")).startswith("1: file “bill.pdf”, ")


def test_what_is_anothers_is_not_seen(room: Room) -> None:
    """A file of a private chat is opened in private chats of the same person only, and a group's in that group."""
    room.takes_in("hello", BEN)
    asks(room, "keep this", sent("bill.txt"), bill=b"a secret bill")
    group = Address(channel="telegram", chat="-100", private=False)
    for sender, place in ((BEN, None), (ADA, group)):
        room.claude.calls_tool("read_file", {"file": 1})
        room.claude.says("Done.")
        more = {"address": place} if place else {}
        room.asks("read it", sender, **more)
        assert "There is no file 1 here." in result(shown(room))
    second = Address(channel="telegram", chat="7", thread="9")
    room.claude.calls_tool("read_file", {"file": 1})
    room.claude.says("Done.")
    room.asks("read it", ADA, address=second)
    assert "a secret bill" in result(shown(room))


def test_a_refused_picture_is_taken_away(room: Room) -> None:
    """A provider that takes no pictures is asked again without them, and the conversation goes on."""
    room.claude.fail(1, type="invalid_request_error", message="image_url is only supported by certain models.")
    room.claude.says("I cannot see it.")
    assert asks(room, "what is it?", PHOTO, photo=PNG) == ["I cannot see it."]
    assert "The model took nothing of what was shown here" in shown(room)[1]["text"]
    room.claude.says("Fine.")
    assert room.asks("and now?") == "Fine."


def entries(turns: int, pictures: int = 1) -> list[Entry]:
    """Return a log in which each turn shows pictures."""
    found = []
    for turn in range(1, turns + 1):
        found.append(Entry(2 * turn, turn, "user", (Text(text="[the house] File."), *[PICTURE] * pictures), Origin.STRANGER))
        found.append(Entry(2 * turn + 1, turn, "butler", (Text(text="Seen."),), Origin.BUTLER))
    return found


def seen(made: list[Entry]) -> int:
    """Count the pictures in a log."""
    return sum(PICTURE in entry.content for entry in made)


def test_old_pictures_make_room_in_steps() -> None:
    """Pictures stay for some turns, and make room together, so that the prompt seldom changes before its end."""
    left = [seen(make_room(entries(turns))) for turns in range(1, 3 * STEP + FRESH)]
    assert max(left) == FRESH + STEP - 1
    assert sum(after < before for before, after in pairwise(left)) == 2
    before, after = make_room(entries(20)), make_room(entries(21))
    assert after[: len(before)] == before


def test_too_many_pictures_make_room() -> None:
    """However many pictures one message has, a prompt shows no more than a provider takes; of each gap it is told."""
    made = make_room(entries(5, pictures=6))
    assert sum(block == PICTURE for entry in made for block in entry.content) <= MOST
    assert made[0].content[-1] == Text(text="[the house] It is no longer shown here; open_file shows it again.")
    assert PICTURE in made[-2].content


def test_files_go_after_a_while(room: Room) -> None:
    """After ninety days bytes and words go; the chat goes on, and the butler says that they are gone."""
    here = room.takes_in("keep this", attachments=(PHOTO, sent("bill.pdf")))
    brings(room, photo=PNG, bill=pdf(INVOICE))
    room.runner().run_turn(here, None)
    room.now += release.KEPT_FOR + timedelta(days=1)
    room.sweeps()
    assert (count(room, blobs), count(room, file_blobs), count(room, files)) == (0, 0, 2)
    room.claude.says("Still here.")
    assert room.asks("and now?") == "Still here."
    sent_again = str(room.claude.message_requests[-1].body["messages"])
    assert "no longer kept" in sent_again
    assert "File 1 is no longer kept." in result(calls(room, "open_file", file=1))


def test_who_is_forgotten_leaves_no_file(room: Room) -> None:
    """Forgetting somebody deletes what they sent, and no bytes that somebody else sent, too."""
    room.takes_in("", attachments=(PHOTO,))
    room.takes_in("", BEN, attachments=(PHOTO, sent("only.txt")))
    brings(room, photo=PNG, only=b"mine alone")
    before = count(room, blobs)
    room.writes(ADA, "/people remove 2")
    room.presses(ADA, "Remove and forget everything")
    with room.database.read() as tx:
        assert tx.scalars(select(files.c.kind)).all() == [FileKind.PHOTO]
    assert count(room, blobs) == before - 1 == count(room, file_blobs)  # the text, which was its own words


@pytest.mark.parametrize("what", ["picture", "pdf", "scan"])
def test_a_reservation_covers_what_is_shown(room: Room, what: str) -> None:
    """What is reserved for a request with pictures or a PDF is never less than what its provider bills."""
    content = {"picture": picture("PNG", (1568, 1568)), "pdf": pdf(*[INVOICE * 8] * 15), "scan": scan(8)}[what]
    here = room.takes_in("what is it?", attachments=(sent("x.bin"),))
    brings(room, x=content)
    taken = []
    reserve = room.treasury.reserve

    def noting(tx: Any, wish: Any, *more: Any) -> Any:
        taken.append(wish)
        return reserve(tx, wish, *more)

    object.__setattr__(room.treasury, "reserve", noting)
    room.runner().run_turn(here, None)
    usage = room.claude.message_requests[-1].usage
    billed = sum(usage[name] for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"))
    assert taken[-1].size >= billed
    assert taken[-1].weight.said > billed / 3

"""Files that cannot be had, are too large or too many: each ends in a sentence, and the words beside it are answered."""

from collections.abc import Mapping
from typing import cast

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import func, select

from bot.attachments import LARGEST, MOST
from bot.errors import FileRefused, RetryLater
from bot.messages import Attachment, FileKind
from bot.ports import Chat
from bot.store.file_tables import blobs
from tests.bot_side import fetches
from tests.file_rooms import PHOTO, Folder, asks, brings, file_states, sent, shown, states
from tests.room import Room
from tests.sample_files import PNG


@pytest.mark.parametrize(
    ("attachment", "sentence"),
    [
        (
            sent("film.mp4", FileKind.VIDEO, size=10),
            "The video “film.mp4” moves, and I can only look at still pictures.",
        ),
        (sent("big.pdf", size=31 * 2**20), "The file “big.pdf” is 31 MB large, and I take up to 20 MB. Please send a smaller"),
        (sent("a.tgs", FileKind.MOVING_STICKER), "The sticker “a.tgs” moves, so that I cannot look at it."),
    ],
)
def test_what_is_not_even_fetched(room: Room, attachment: Attachment, sentence: str) -> None:
    """What cannot be read anyway is answered at once, and costs nothing; words that came with it are answered too."""
    here = room.takes_in("", attachments=(attachment,))
    assert room.replies(here)[-1].startswith(sentence)
    assert (states(room), room.rung) == (["answered"], [])
    room.claude.says("Noted.")
    said = asks(room, "keep this", attachment)
    assert said[-2].startswith(sentence)
    assert said[-1] == "Noted."
    assert shown(room)[0]["text"].startswith("[the house] The ")
    assert "The person was told so." in shown(room)[0]["text"]


def test_more_files_than_are_taken(room: Room) -> None:
    """Of eleven files ten are read, and of the last it is said that it comes too much."""
    attached = [sent(f"n{number}.txt") for number in range(MOST + 1)]
    said = asks(room, "read", *attached, **{f"n{number}": b"words" for number in range(MOST + 1)})
    assert said[0].startswith("The file “n10.txt” is more than the 10 files")
    assert len(shown(room)) == MOST + 2


def test_a_file_that_the_vendor_refuses(room: Room) -> None:
    """A refusal ends the wait at once, in the vendor's adapter's sentence."""
    here = room.takes_in("", attachments=(sent("x.pdf"),))
    folder = brings(room, x=FileRefused("is gone."))
    assert room.replies(here) == ["The file “x.pdf” is gone."]
    assert (states(room), len(folder.asked), room.rung, room.delivers) == (["answered"], 1, [], [here])


def test_a_vendor_that_fails_for_long(room: Room, mocker: MockerFixture) -> None:
    """After a while the words are answered without the file, and both people and butler know that it is missing."""
    mocker.patch("bot.fetching.PATIENCE", 0.05)
    said = asks(room, "and this?", sent("x.pdf"), x=RetryLater("Telegram cannot be reached", 0.02))
    assert said[0] == "The file “x.pdf” could not be fetched (Telegram cannot be reached). Please send it again."
    assert said[1].startswith("You said:")
    assert "cannot be opened: it could not be fetched" in shown(room)[0]["text"]


def test_a_vendor_that_fails_and_recovers(room: Room) -> None:
    """A failure is tried again after the pause that was asked for."""

    class Flaky(Folder):
        async def fetch(self, ref: Mapping[str, str], most: int) -> bytes:
            if len(self.asked) < 2:
                self.asked.append(ref["id"])
                raise RetryLater("not now", 0.01)
            return await super().fetch(ref, most)

    room.takes_in("", attachments=(PHOTO,))
    folder = Flaky(photo=PNG)
    fetches(room, cast("Chat", folder))
    assert len(folder.asked) == 3
    assert file_states(room) == ["kept"]


def test_empty_and_too_large_without_warning(room: Room) -> None:
    """An empty file, and one that is larger than it said, end in a sentence and are not kept."""
    here = room.takes_in("", attachments=(sent("a.txt"), sent("b.txt")))
    brings(room, a=b"", b=b"x" * (LARGEST + 1))
    empty, large = room.replies(here)[0].split("\n")
    assert empty == "The file “a.txt” is empty. Please send it again."
    assert large.startswith("The file “b.txt” is 20 MB large, and I take up to 20 MB. Please send a smaller copy")
    with room.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(blobs)) == 0


def test_a_fault_of_the_house_is_not_for_ever(room: Room, mocker: MockerFixture) -> None:
    """A file over which the house itself fails again and again is given up with a sentence."""
    mocker.patch("bot.fetching.LOOKS_EVERY", 0.02)
    here = room.takes_in("", attachments=(sent("a.txt"),))
    brings(room)  # a KeyError each time
    assert room.replies(here) == ["The file “a.txt” could not be opened by a fault of mine. Please send it again later."]


def test_names_are_made_safe(room: Room) -> None:
    """A name that is a path, has control characters or Markdown is shown as a name and is no path."""
    odd = sent("x.bin").model_copy(update={"name": "../../etc/\u202epass*wd*\n.bin"})
    here = room.takes_in("", attachments=(odd,))
    brings(room, x=bytes(range(256)) * 10)
    assert room.replies(here)[0].startswith("The file “pass\\*wd\\* .bin” is of a kind that I do not know.")

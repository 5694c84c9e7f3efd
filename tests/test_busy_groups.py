"""Busy turns in groups: the mode is that of who writes, and it concerns their own turns only."""

import pytest

from bot.messages import Address, Sender
from bot.people import Mode
from bot.progress import NOTED, WAITS
from tests.busy_rooms import begins, note, rows
from tests.room import ADA, BEN, Room

HOME = Address(channel="telegram", chat="-100", private=False)


def group(room: Room, sender: Sender, text: str) -> int:
    """Receive a message in the group."""
    return room.takes_in(text, sender, address=HOME)


@pytest.mark.parametrize("mode", list(Mode))
def test_anothers_message_is_no_steer_of_mine(room: Room, mode: Mode) -> None:
    """In a group a message waits while a turn of somebody else runs, whatever the mode of its writer."""
    group(room, BEN, f"/mode {mode}")
    turn = begins(room, group(room, ADA, "Ada asks"))
    group(room, BEN, "Ben asks")
    assert note(room, turn) == WAITS
    turn.read_new_messages()
    assert rows(room)[1] == ("Ben asks", "waiting", None)
    with turn.writing():
        pass


def test_my_message_passes_what_others_wrote(room: Room) -> None:
    """In a group one's own further message is read at the next step, also when somebody else wrote in between."""
    turn = begins(room, group(room, ADA, "Ada asks"))
    group(room, BEN, "Ben asks")
    group(room, ADA, "Ada adds")
    assert note(room, turn) == NOTED
    turn.read_new_messages()
    assert [(text, state) for text, state, _ in rows(room)] == [
        ("Ada asks", "taken"),
        ("Ben asks", "waiting"),
        ("Ada adds", "taken"),
    ]


def test_my_interruption_passes_what_others_wrote(room: Room) -> None:
    """The turn that begins anew has both messages of its person; the other's is answered after it, by a turn of its own."""
    group(room, ADA, "/mode interrupt")
    conversation_id = group(room, ADA, "Ada asks")
    begins(room, conversation_id)
    group(room, BEN, "Ben asks")
    group(room, ADA, "Ada adds")
    for words in ("To Ada.", "To Ben."):
        room.claude.says(words)
    room.runner().run_turn(conversation_id, None)
    assert room.replies(conversation_id)[1:] == ["To Ada.", "To Ben."]
    assert [turn for _, _, turn in rows(room)] == [2, 3, 2]

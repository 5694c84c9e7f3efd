"""In quiet hours people hear what they ask for, and nothing else; what waited comes when these are over, or changed."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.messages import Address
from tests.room import ADA, BEN, Room

HOUR = timedelta(hours=1)
DIGEST = "While it was quiet:\n\n**13:05** ⏰ tea\n\n**13:06** ⏰ milk"


@pytest.fixture
def room(room: Room) -> Room:
    """A room that both have entered; it is Saturday, 13:00 in Berlin."""
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
    return room


@pytest.fixture
def held(room: Room) -> Room:
    """A room in which two reminders wait for the end of Ada's quiet hours."""
    room.takes_in("/quiet 13:00-15:00")
    room.takes_in("/remind 13:05 tea")
    room.takes_in("/remind 13:06 milk")
    room.waits_until(room.now + HOUR / 2)
    assert not [text for text in room.reads(ADA) if "⏰" in text]
    return room


def test_they_are_shown_set_and_taken_away(room: Room) -> None:
    """/quiet shows, sets and takes away what /settings quiet does, and says what is no such thing."""
    assert room.writes(ADA, "/quiet") == "Quiet hours (Europe/Berlin): off. For example `/quiet 22:00-07:00`."
    assert room.writes(ADA, "/quiet 22:00-7:00") == (
        "Between 22:00 and 07:00 (Europe/Berlin) you hear nothing that you did not ask for."
    )
    assert room.writes(ADA, "/quiet") == (
        "Quiet hours (Europe/Berlin): 22:00-07:00: what you did not ask for waits until they are over. `/quiet off` takes "
        "them away."
    )
    assert room.writes(ADA, "/quiet at night") == "at night are no quiet hours; write them as 22:00-07:00."
    assert "quiet: 22:00-07:00" in room.writes(ADA, "/settings")
    assert room.writes(ADA, "/quiet off") == "You have no quiet hours any more."
    assert "quiet: off" in room.writes(ADA, "/settings")


def test_what_waited_comes_as_one(held: Room) -> None:
    """Meanwhile commands and questions are answered; afterwards there is one message."""
    held.claude.says("Noon.")
    assert held.asks("what time is it?") == "Noon."
    held.waits_until(held.now + 2 * HOUR)
    assert held.reads(ADA)[-1] == DIGEST


def test_taking_them_away_tells_at_once(held: Room) -> None:
    """Without quiet hours nothing waits any longer, and no clock is needed for that."""
    held.writes(ADA, "/quiet off")
    assert DIGEST in held.reads(ADA)


@pytest.mark.parametrize("command", ["/quiet 22:00-07:00", "/settings quiet 22:00-07:00", "/schedule zone Asia/Tokyo"])
def test_other_hours_tell_at_once(held: Room, command: str) -> None:
    """Where the new hours do not hold now, or not in the new zone, what waited is told."""
    held.writes(ADA, command)
    assert any(text.startswith("While it was quiet:") for text in held.reads(ADA))


def test_longer_hours_hold_longer(held: Room) -> None:
    """Where the new hours hold now, too, what waits does so until their end."""
    held.writes(ADA, "/quiet 12:00-18:00")
    held.waits_until(datetime(2026, 11, 21, 16, 59, tzinfo=UTC))
    assert not [text for text in held.reads(ADA) if "⏰" in text]
    held.waits_until(datetime(2026, 11, 21, 17, 1, tzinfo=UTC))
    assert held.reads(ADA)[-1] == DIGEST


def test_one_s_quiet_is_not_another_s(held: Room) -> None:
    """Ben's settings change nothing about what waits for Ada."""
    held.writes(BEN, "/quiet off")
    assert not [text for text in held.reads(ADA) if "⏰" in text]


def test_what_falls_into_them_is_said_before(room: Room) -> None:
    """A reminder in quiet hours says when it is heard, and how it comes at once; then it does."""
    room.takes_in("/quiet 22:00-07:00")
    assert room.writes(ADA, "/remind 23:00 sleep").endswith(
        " At 23:00 you have quiet hours, so you hear of it at 07:00; `/schedule edit 1 urgent` changes that."
    )
    assert room.writes(ADA, "/schedule edit 1 urgent") == "Changed: **sleep** (schedule 1). Sat 21 Nov 23:00 (Europe/Berlin)."
    assert "\n- Does not wait for the end of quiet hours\n" in room.writes(ADA, "/schedule show 1")
    room.waits_until(datetime(2026, 11, 21, 22, 1, tzinfo=UTC))
    assert room.reads(ADA)[-1] == "⏰ sleep"
    room.takes_in("/remind every day 23:00 sleep more")
    room.takes_in("/schedule edit 2 urgent")
    assert "you have quiet hours" in room.writes(ADA, "/schedule edit 2 not urgent")


def test_in_a_group_nobody_is_quiet(room: Room) -> None:
    """Quiet hours are one person's: they hold nothing back in a group, and are not shown there."""
    place = Address(channel="telegram", chat="-100", private=False)
    room.takes_in("/quiet 13:00-15:00")
    group = room.takes_in("/remind in 5 minutes stand-up", address=place)
    assert "quiet hours" not in room.replies(group)[-1]
    room.takes_in("/quiet", address=place)
    assert room.replies(group)[-1] == "I answer `/quiet` only in a private chat with me."
    room.waits_until(room.now + HOUR / 2)
    assert room.replies(group)[-1] == "⏰ stand-up"

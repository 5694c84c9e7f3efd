"""The longest numbers that the house takes for those of something kept: it finds nothing under them, on either store."""

from dataclasses import replace

import pytest

from bot.tools import ToolError
from skills.memory.tools import Memory
from tests.room import ADA, Room
from tests.test_tools import CONTEXT

pytestmark = pytest.mark.both_stores
LONGEST = 10**18 - 1


@pytest.mark.parametrize(
    "command",
    [
        "/memory forget {}",
        "/memory history {}",
        "/memory correct {} it is blue",
        "/memory page {}",
        "/people role {} guest",
        "/people remove {}",
        "/people admit {}",
        "/retry {}",
        "/retry r{}",
        "/schedule {}",
        "/schedule show {}",
        "/schedule run {}",
        "/schedule remove {}",
        "/sessions {}",
        "/sessions last {}",
        "/sessions more {}",
        "/settings unasked {}",
    ],
)
def test_a_command_with_a_number_that_nothing_has(room: Room, command: str) -> None:
    """Each command answers in a sentence."""
    assert room.writes(ADA, command.format(LONGEST))


def test_a_press_with_a_number_that_nothing_has(room: Room) -> None:
    """A button that is none of the house's does nothing."""
    room.takes_in("/start")
    room.takes_in("", press=f"{LONGEST}:{LONGEST}")


def test_a_tool_with_a_number_that_nothing_has(room: Room) -> None:
    """A model that makes up a number reads that there is no such fact."""
    room.takes_in("/start")
    memory = Memory(room.store, room.database)
    context = replace(CONTEXT, subject="person:1", person="Ada", butler="assistant", stranger=False)
    with pytest.raises(ToolError, match="There is no fact"):
        memory.forget(context, LONGEST)
    with pytest.raises(ToolError, match="There is no fact"):
        memory.remember(context, "It is blue", replaces=LONGEST)

"""Rare tools in a turn: using one is calling it, with all that holds for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.store.tables import calls
from tests.anthropic_server import AnthropicServer
from tests.room import Room
from tests.test_agent import Bench


@pytest.fixture
def bench() -> Bench:
    """The tools."""
    return Bench()


@pytest.fixture
def room(tmp_path: Path, bench: Bench) -> Iterator[Room]:
    """A room with those tools."""
    with AnthropicServer() as claude, Room(tmp_path, claude, [bench]) as made:
        yield made


def test_every_rule_holds_for_a_tool_that_is_used_by_another(room: Room, bench: Bench) -> None:
    """A call by use_tool is journalled, done and refused as a call of the tool that it uses."""
    rings = {"name": "ring_bell", "arguments": {"where": "here"}}
    room.claude.calls_tool("use_tool", rings)
    room.claude.says("Done.")
    assert room.asks("Ring the bell") == "Done."
    with room.database.read() as tx:
        assert tx.execute(select(calls.c.tool, calls.c.effect, calls.c.result)).one() == ("ring_bell", "blind", "rang here")
    room.claude.calls_tool("read_mail", {})
    room.claude.calls_tool("use_tool", rings)
    room.claude.says("I may not.")
    assert room.asks("Read my mail") == "I may not."
    assert bench.rung == ["here for Ada"]

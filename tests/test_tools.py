"""Tools: plain typed methods become forms that a model reads, and wrong marks are refused where they stand."""

import json
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import pytest
from pydantic import Field

from bot.errors import ButlersError
from bot.ports import Call
from bot.tools import Context, Effect, Toolbox, ToolError, tool, tools_of
from skills.time.tools import Time

CONTEXT = Context(
    "k", 1, 1, "Ada", "person:1", "assistant", datetime(2026, 11, 21, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin"), stranger=False
)


class Kitchen:
    """Some tools."""

    @tool(Effect.READ)
    def taste(self, dish: Annotated[str, Field(description="what to taste", max_length=20)], title: str = "Chef") -> str:
        """Taste a dish."""
        return f"{title} tasted {dish}"

    @tool(Effect.LOOK_UP, find="find_order")
    def order(self, context: Context, what: str) -> str:
        """Order something."""
        return f"ordered {what} as {context.key}"

    def find_order(self, context: Context, what: str) -> str | None:
        """Look for an order."""
        return f"found {what} as {context.key}"

    @tool(Effect.LOOK_UP, find="find_note")
    def note(self, text: str) -> str:
        """Note something."""
        return text

    def find_note(self, text: str) -> str | None:
        """Look for a note."""
        return f"found {text}"

    def not_a_tool(self) -> str:
        """Stay out of it."""
        return ""


def test_a_form_is_made_of_name_docstring_and_types() -> None:
    """The schema has descriptions and limits, no titles but an argument of that name, and no context."""
    taste = next(found for found in tools_of(Kitchen()) if found.name == "taste")
    assert taste.form.model_dump() == {
        "name": "taste",
        "description": "Taste a dish.",
        "arguments": {
            "type": "object",
            "properties": {
                "dish": {"type": "string", "description": "what to taste", "maxLength": 20},
                "title": {"type": "string", "default": "Chef"},
            },
            "required": ["dish"],
        },
    }
    assert [found.name for found in tools_of(Kitchen())] == ["note", "order", "taste"]


def test_a_look_up_finds_with_the_same_key() -> None:
    """A look-up tool is run and found again by the same arguments, with or without its context."""
    box = Toolbox([Kitchen()])
    assert box.get("order").run(CONTEXT, {"what": "tea"}) == "ordered tea as k"
    assert box.get("order").look_up(CONTEXT, {"what": "tea"}) == "found tea as k"
    assert box.get("note").look_up(CONTEXT, {"text": "x"}) == "found x"
    assert box.get("taste").look_up(CONTEXT, {"dish": "x"}) is None


def test_marks_that_make_no_sense_are_refused() -> None:
    """A look-up tool names what finds its effect, and no other does; two tools have two names."""
    with pytest.raises(TypeError, match="names the method that finds its effect again"):
        tool(Effect.LOOK_UP)
    with pytest.raises(TypeError, match="names the method that finds its effect again"):
        tool(Effect.READ, find="x")
    with pytest.raises(ButlersError, match="Two tools are named note"):
        Toolbox([Kitchen(), Kitchen()])


def test_a_tool_that_is_gone_counts_as_blind() -> None:
    """A call begun by a tool that no longer exists is never repeated."""
    assert Toolbox([]).effect("order") is Effect.BLIND


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("Tokyo", "Saturday 2026-11-21 21:00:00 JST (UTC+0900) in Asia/Tokyo"),
        ("new york", "Saturday 2026-11-21 07:00:00 EST (UTC-0500) in America/New_York"),
        ("europe/berlin", "Saturday 2026-11-21 13:00:00 CET (UTC+0100) in Europe/Berlin"),
        ("", "Saturday 2026-11-21 13:00:00 CET (UTC+0100) in Europe/Berlin"),
    ],
)
def test_the_time_elsewhere(place: str, shown: str) -> None:
    """A city or a zone, in whatever case, gives the time there; no place gives the house's."""
    assert Time().current_time(CONTEXT, place) == shown


def test_no_such_place() -> None:
    """An unknown place names the nearest known one."""
    with pytest.raises(ToolError, match=r"Tokio names no IANA zone\. Did you mean tokyo"):
        Time().current_time(CONTEXT, "Tokio")


class Cellar:
    """Some tools that are seldom needed."""

    @tool(Effect.KEYED, rare=True)
    def decant(self, wine: str) -> str:
        """Decant a bottle of wine."""
        return f"decanted {wine}"

    @tool(Effect.READ, rare=True)
    def count_bottles(self) -> str:
        """Count what lies there."""
        return "12"


def test_rare_tools_are_told_by_name_and_found_by_words() -> None:
    """A prompt holds the names of rare tools and no more of them; words of what they do bring their forms."""
    box = Toolbox([Kitchen(), Cellar()])
    assert [form.name for form in box.forms] == ["find_tool", "note", "order", "taste", "use_tool"]
    assert box.forms[0].description == "Describe more tools, by what they do: count_bottles decant."
    find = box.get("find_tool")
    assert json.loads(find.run(CONTEXT, {"words": "decanting"})) == box.get("decant").form.model_dump()
    assert len(find.run(CONTEXT, {"words": "a bottle"}).splitlines()) == 2
    assert find.run(CONTEXT, {"words": "ski"}) == "No tool's description has these words. There are: count_bottles, decant."
    assert "find_tool" not in {form.name for form in Toolbox([Kitchen()]).forms}


def test_a_use_of_a_rare_tool_is_a_call_of_it() -> None:
    """What use_tool is called with becomes the call that is meant; what cannot be meant is refused with a reason."""
    box = Toolbox([Kitchen(), Cellar()])
    meant = box.meant(Call(id="1", name="use_tool", arguments={"name": "decant", "arguments": {"wine": "Barolo"}}))
    assert (meant.name, meant.arguments) == ("decant", {"wine": "Barolo"})
    assert box.meant(Call(id="1", name="use_tool", arguments={"name": "count_bottles"})).name == "count_bottles"
    for arguments in ({"name": "use_tool"}, {"name": "decamp"}, {"name": "decant", "arguments": "Barolo"}, {}):
        assert box.meant(Call(id="1", name="use_tool", arguments=arguments)).name == "use_tool"
    with pytest.raises(ToolError, match=r"There is no tool decamp\. Did you mean decant"):
        box.get("use_tool").run(CONTEXT, {"name": "decamp"})
    with pytest.raises(ToolError, match="decant cannot be used in this way"):
        box.get("use_tool").run(CONTEXT, {"name": "decant", "arguments": {}})

"""What people write to find what was said, to correct it and to have it forgotten, and what they read."""

import re

from tests.anthropic_script import ToolCall
from tests.anthropic_server import AnthropicServer
from tests.houses import House, wait_until
from tests.telegram_people import Person


def test_on_telegram_what_was_said_is_found(ada: Person, claude: AnthropicServer) -> None:
    """/search finds both sides' words ; the butler finds them after /new, and answers from them."""
    claude.says("Noted: the spare key hangs behind the boiler.")
    ada.writes("The spare key hangs behind the boiler")
    assert ada.reads().startswith("Noted")
    ada.writes("/search spare boiler")
    found = ada.reads()
    assert found.startswith("Found 2 times:")
    assert "you, here: The spare key hangs behind the boiler" in found
    ada.writes("/new")
    ada.reads()
    claude.calls_tool("search_history", {"words": "spare key"})
    claude.says("Behind the boiler, you said.")
    ada.writes("Where did I say the spare key is?")
    assert ada.reads() == "Behind the boiler, you said."
    assert "The spare key hangs behind the boiler" in str(claude.message_requests[-1].body["messages"][-1])


def test_in_the_terminal_what_was_said_is_found(pipe: House) -> None:
    """Another run of the house finds what the one before was told, and says what to try where nothing is found."""
    pipe.run("up", lines=["the spare key hangs behind the boiler"])
    said = pipe.run("up", lines=["/search boiler", "/search umbrella", "/search boil*"]).stdout
    assert said.count("you, here: the spare key hangs behind the boiler") == 2
    assert "Nothing that was said here holds that. Try fewer words" in said


def test_on_telegram_what_is_forgotten_is_in_no_file(ada: Person, claude: AnthropicServer, house: House) -> None:
    """A fact is told, doubted, corrected and forgotten; then no database, log or queue on the disk holds it."""
    claude.calls_tool("remember", {"fact": "Ada's vault word is quetzal8842"})
    claude.says("I will remember that it is quetzal8842.")
    ada.writes("My vault word is quetzal8842")
    assert ada.reads() == "I will remember that it is quetzal8842."
    claude.calls_tool("remember", {"fact": "Ada's vault word is toucan9913"})
    claude.says("I know quetzal8842. Is it toucan9913 now?")
    ada.writes("My vault word: toucan9913")
    ada.reads()
    number = _number(claude)
    claude.calls_tools(ToolCall("remember", {"fact": "Ada's vault word is toucan9913", "replaces": number}))
    claude.says("Good, toucan9913 it is.")
    ada.writes("Yes, it changed")
    ada.reads()
    ada.writes("/memory vault")
    listed = ada.reads()
    assert "toucan9913 (told by" in listed
    assert "quetzal" not in listed
    ada.writes(f"/memory forget {number + 1}")
    forgotten = ada.reads()
    assert forgotten.endswith(", and what it replaced (1), is forgotten. I am taking it out of all that was said.")
    wait_until(lambda: "It was taken out of" in ada.sees()[-1], "all is clean", 30)
    ada.writes("/search vault word")
    assert ada.reads().startswith(("Nothing", "Found"))
    for path in house.home.rglob("*"):
        if path.is_file() and "template" not in path.name:
            kept = path.read_bytes()
            assert b"quetzal8842" not in kept, path
            assert b"toucan9913" not in kept, path


def _number(claude: AnthropicServer) -> int:
    """Return the number of the fact that was told first, by which the butler was asked about it."""
    said = re.search(r"it may contradict fact (\d+):", str(claude.message_requests[-1].body))
    assert said is not None
    return int(said[1])


def test_in_the_terminal_a_fact_is_corrected_and_forgotten(pipe: House) -> None:
    """The rehearsal model remembers, the person corrects and forgets, and the next run knows nothing of it."""
    pipe.run("up", lines=["remember that my locker code is 4711"])
    said = pipe.run("up", lines=["/memory correct 1 my locker code is 4712", "/memory history 2", "/memory forget 2"]).stdout
    assert "Fact 2 holds now: my locker code is 4712" in said
    assert "1: my locker code is 4711 (told by" in said
    assert "Fact 2, and what it replaced (1), is forgotten." in said
    assert "Nothing is known about that." in pipe.run("up", lines=["what is my locker code?"]).stdout

"""What people write to find what was said, and what they read."""

from tests.anthropic_server import AnthropicServer
from tests.houses import House
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

"""What people ask butlers to send them, and what they then have before their eyes, in which order."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.anthropic_script import ToolCall
from tests.anthropic_server import AnthropicServer
from tests.houses import SLACK_OWNER, House, wait_until
from tests.slack_server import SlackServer
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

COSTS = {"title": "Costs", "columns": ["What", "EUR"], "rows": [["rent", 1200], ["milk", 1.5]]}
SHOWN = "Costs\n\nWhat |  EUR\n-----+-----\nrent | 1200\nmilk |  1.5"
WIDE = {
    "title": "Flats",
    "columns": ["Street", "District", "Rent", "Rooms", "What is said of it"],
    "rows": [["Annenstraße 7", "Lend", 940, 3, "bright, with a balcony"], ["Am Damm 12", "Gries", 780, 2, "quiet at night"]],
}
CELLS = "Street: Annenstraße 7; District: Lend; Rent: 940; Rooms: 3; What is said of it: bright, with a balcony"
LETTER = "# Dear Ben,\n\nit is *done*.\n"
CARD = b"To the vault.\nThe word is quetzal8842.\n"
PNG = b"\x89PNG\r\n\x1a\n"


def sends(tool: str, **arguments: object) -> ToolCall:
    """Return the call by which a butler sends something."""
    return ToolCall("use_tool", {"name": tool, "arguments": arguments})


def eyes(telegram: TelegramServer, person: Person) -> list[object]:
    """Return what stands in a chat: texts, pictures with what is below them, files with what is in them."""
    found: list[object] = []
    for message in telegram.messages(person.id):
        if not message.deleted:
            shown = ("picture", message.text) if message.photo else message.text
            found.append((*message.document,) if message.document else shown)
    return found


def test_on_telegram_tables_and_a_file_come_before_the_answer(
    ada: Person, telegram: TelegramServer, claude: AnthropicServer
) -> None:
    """Asked for all at once, the narrow table comes as text, the wide one as a picture with its cells, the letter as a file."""
    claude.calls_tools(
        sends("send_table", **COSTS), sends("send_table", **WIDE), sends("send_file", name="letter.md", content=LETTER)
    )
    claude.says("Costs, flats and the letter are above.")
    ada.writes("Send me what it costs, the flats, and the letter to Ben")
    wait_until(lambda: ada.sees()[-1:] == ["Costs, flats and the letter are above."], "the answer", 40)
    costs, title, picture, letter, _ = eyes(telegram, ada)
    assert (costs, title) == (SHOWN, "Flats")
    assert isinstance(picture, tuple)
    assert picture[0] == "picture"
    assert CELLS in picture[1]
    assert letter == ("letter.md", LETTER.encode())
    assert all(message.photo.startswith(PNG) for message in telegram.messages(ada.id) if message.photo)


def test_on_telegram_what_is_asked_for_next_comes_next(ada: Person, telegram: TelegramServer, claude: AnthropicServer) -> None:
    """A second request adds its file below the first answer, and the model knows of both what it sent."""
    for name in ("first.md", "second.md"):
        claude.calls_tools(sends("send_file", name=name, content=name))
        claude.says(f"{name} is above.")
        ada.writes(f"Send me {name}")
        wait_until(lambda told=f"{name} is above.": ada.sees()[-1:] == [told], "the answer", 40)  # type: ignore[misc]
    named = [entry[0] if isinstance(entry, tuple) else entry for entry in eyes(telegram, ada)]
    assert named == ["first.md", "first.md is above.", "second.md", "second.md is above."]
    told = str(claude.message_requests[-1].body["messages"])
    assert all(f"Sent, before your answer, as {name} ({len(name)} bytes)." in told for name in ("first.md", "second.md"))


def test_on_telegram_a_file_is_sent_again_until_it_is_forgotten(
    ada: Person, telegram: TelegramServer, claude: AnthropicServer, house: House
) -> None:
    """What Ada sent comes back byte for byte; after she had forgotten what it says she reads so, and no file holds it."""
    claude.calls_tools(ToolCall("remember", {"fact": "Ada's vault word is quetzal8842"}))
    claude.says("I shall remember it.")
    ada.sends_file(CARD, "card.txt", caption="remember the vault word")
    wait_until(lambda: ada.sees() == ["I shall remember it."], "the answer", 40)
    number = int(re.findall(r"File (\d+): a file “card.txt”", str(claude.message_requests[-1].body["messages"]))[-1])
    claude.calls_tools(sends("send_file", file=number))
    claude.says("It is above.")
    ada.writes("Send me that card again")
    wait_until(lambda: ada.sees()[-1:] == ["It is above."], "the answer", 40)
    assert eyes(telegram, ada) == ["I shall remember it.", ("card.txt", CARD), "It is above."]
    ada.writes("/memory")
    wait_until(lambda: "vault word is quetzal8842" in ada.sees()[-1], "the list", 40)
    ada.writes(f"/memory forget {re.findall(r'([0-9]+): Ada', ada.sees()[-1])[-1]}")
    wait_until(lambda: "It was taken out of" in ada.sees()[-1], "all is clean", 40)
    claude.calls_tools(sends("send_file", file=number))
    claude.says("I no longer have it.")
    ada.writes("Send me that card once more")
    wait_until(lambda: ada.sees()[-1:] == ["I no longer have it."], "the answer", 40)
    assert f"File {number} was forgotten on " in str(claude.message_requests[-1].body["messages"])
    kept = [path for path in house.home.rglob("*") if path.is_file() and "template" not in path.name]
    assert [path for path in kept if b"quetzal8842" in path.read_bytes()] == []


def test_in_the_terminal_tables_are_text_and_a_file_has_a_path(tmp_path: Path, claude: AnthropicServer) -> None:
    """In a pipe both tables are text, a file is a path below the house's folder with its bytes behind it, then the answer."""
    house = House(tmp_path, None, claude)
    claude.calls_tools(
        sends("send_table", **COSTS), sends("send_table", **WIDE), sends("send_file", name="letter.md", content=LETTER)
    )
    claude.says("All of it is above.")
    done = house.run("up", lines=["Send me what it costs, the flats, and the letter to Ben"])
    assert done.returncode == 0, done.stderr
    path = tmp_path / "butlers" / "files" / "letter.md"
    said = ["rent", "Annenstraße 7", "bright, with a balcony", str(path), "All of it is above."]
    places = [done.stdout.index(words) for words in said]
    assert places == sorted(places), done.stdout
    assert path.read_text() == LETTER


def test_in_the_terminal_a_file_is_sent_again(tmp_path: Path, claude: AnthropicServer) -> None:
    """What was given by its path lies below the house's folder when it is asked for again."""
    house = House(tmp_path / "house", None, claude)
    (tmp_path / "card.txt").write_bytes(CARD)
    claude.says("Read.")
    claude.calls_tools(sends("send_file", file=1))
    claude.says("It is above.")
    done = house.run("up", lines=[f"@{tmp_path}/card.txt read it", "Send me that card again"])
    assert done.returncode == 0, done.stderr
    path = house.home / "butlers" / "files" / "card.txt"
    assert done.stdout.index(str(path)) < done.stdout.index("It is above.")
    assert path.read_bytes() == CARD


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[tuple[SlackServer, AnthropicServer]]:
    """A workspace in which a house works."""
    with SlackServer() as slack, AnthropicServer() as claude, ExitStack() as stack:
        stack.enter_context(House(tmp_path, None, claude, slack)).wait_until_ready()
        slack.wait_until(lambda: slack.connections() > 0, 20, "the socket")
        yield slack, claude
        assert slack.refusals == []


def test_on_slack_a_table_and_a_file_come_before_the_answer(workspace: tuple[SlackServer, AnthropicServer]) -> None:
    """In direct messages the table, the file and the answer stand in this order."""
    slack, claude = workspace
    olga = slack.person(SLACK_OWNER, "Olga")
    claude.calls_tools(sends("send_table", **COSTS), sends("send_file", name="letter.md", content=LETTER))
    claude.says("Both are above.")
    olga.writes("Send me what it costs, and the letter to Ben")
    wait_until(lambda: "Both are above." in "".join(olga.sees()), "the answer", 40)
    table, file, answer = olga.sees()
    assert "rent" in table
    assert (file, answer) == ("", "Both are above.")
    (kept,) = slack.files.known.values()
    assert (kept.name, kept.content) == ("letter.md", LETTER.encode())

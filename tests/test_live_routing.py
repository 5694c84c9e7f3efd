"""Stories of a running house with the six butlers that come with it: on Telegram, in the terminal, and when workers die."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.switchboard.choosing import SYSTEM
from tests.anthropic_script import Answer, ToolCall
from tests.anthropic_server import AnthropicServer
from tests.houses import OWNER, SHIPPED, House, wait_until
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

UNSURE = "Zwyrbelquax Olafsson grmpfed vyzzt knorx plomwick"  # words that no butler knows
RESTAURANTS = "what did I spend on restaurants last week?"


def is_choice(request: dict[str, object]) -> bool:
    """Tell whether a small model is asked whom a message is for."""
    return SYSTEM in str(request["system"])


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    """A Telegram of one's own."""
    with TelegramServer() as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, telegram: TelegramServer, claude: AnthropicServer) -> Iterator[House]:
    """A house with the six butlers."""
    made = House(tmp_path, telegram, claude)
    made.env["BUTLER_HOUSEHOLD"] = str(SHIPPED)
    with made:
        made.wait_until_ready()
        yield made


@pytest.fixture
def ada(house: House, telegram: TelegramServer) -> Person:
    """The owner."""
    del house
    return telegram.person(OWNER)


def test_a_day_with_six_butlers(ada: Person, claude: AnthropicServer, house: House) -> None:
    """Ada's messages find their butlers, follow-ups stay, /why says why, and what she sets right is learnt."""
    claude.says("48 euros.")
    ada.writes(RESTAURANTS)
    assert ada.reads() == "48 euros."
    ada.writes("/why")
    assert ada.reads().startswith(f"finance has “{RESTAURANTS}” because the message is most like what finance is for (")
    claude.says("31 euros.")
    ada.writes("and the week before?")
    assert ada.reads() == "31 euros."
    ada.writes("/why")
    assert "because it goes on with what finance had before" in ada.reads()
    claude.says("Allotments cost little.")
    ada.writes("compare the prices of allotment gardens around here")
    assert ada.reads() == "Allotments cost little."
    ada.writes("/butler finance")
    assert "I have learnt that “compare the prices of allotment gardens around here” is for finance" in ada.reads()
    ada.writes("/new")
    assert "A new conversation begins" in ada.reads()
    claude.says("As before.")
    ada.writes("prices of allotment gardens around here, compare them")
    assert ada.reads() == "As before."
    butlers = [butler for (butler,) in house.rows("SELECT butler FROM turns ORDER BY id")]
    assert butlers == ["finance", "finance", "research", "finance"]
    assert not any(is_choice(request.body) for request in claude.message_requests)


def test_the_terminal_says_why(tmp_path: Path) -> None:
    """From a pipe, without any account: a message finds its butler, and /why and `butler check` know of it."""
    house = House(tmp_path)
    house.env["BUTLER_HOUSEHOLD"] = str(SHIPPED)
    said = house.run("up", lines=["I slept badly and my head aches", "/why", "/butlers"]).stdout
    assert "health has “I slept badly and my head aches” because the message is most like what health is for" in said
    assert "Each message finds its butler by itself" in said
    checked = house.run("check").stdout
    assert "✓ switchboard: " in checked
    assert "0 messages that were set right" in checked


@pytest.mark.crash
def test_a_worker_dies_while_it_asks_whom_a_message_is_for(ada: Person, claude: AnthropicServer, house: House) -> None:
    """The small model is asked once: after the crash the default butler answers, and what was reserved is spent."""
    asked = []

    def script(request: dict[str, object]) -> Answer:
        if is_choice(request):
            asked.append(request)
            house.kill("worker")
            return Answer(text="finance")
        return Answer(text="Here I am.")

    claude.script = script
    ada.writes(UNSURE)
    assert ada.reads() == "Here I am."
    assert len(asked) == 1
    assert house.value("SELECT butler FROM turns") == "assistant"
    ada.writes("/why")
    assert "the small model that I asked was cut off; then assistant has it" in ada.reads()
    assert house.value("SELECT sum(held) FROM budgets") == 0
    assert house.value("SELECT count(*) FROM ledger WHERE reported = 0") == 1


@pytest.mark.crash
def test_a_worker_dies_while_another_butler_is_asked(ada: Person, claude: AnthropicServer, house: House) -> None:
    """A kill in the turn of the one who is asked loses nothing: the question is answered once, and Ada reads it once."""
    killed: list[bool] = []

    def script(request: dict[str, object]) -> Answer:
        words = str(request["messages"])
        if "<question>" in words:
            if not killed:
                killed.append(True)
                house.kill("worker")
            return Answer(text="240 euros.")
        if "<answer>" in words:
            return Answer(text="You paid 240 euros.")
        if "is asked. The answer comes" in words:
            return Answer(text="I have asked finance.")
        return Answer(tool_calls=(ToolCall("ask_butler", {"butler": "finance", "question": "What did it cost?"}),))

    claude.script = script
    ada.writes("@health what did the dentist say, and what did I pay?")
    wait_until(lambda: "You paid 240 euros." in ada.sees(), "the answer", 60)
    # The asker's own turn may have been cut off, too: then it reads the answer before it says anything.
    assert ada.sees() in (["I have asked finance.", "You paid 240 euros."], ["You paid 240 euros."])
    assert house.rows("SELECT state FROM asks") == [("answered",)]
    assert house.value("SELECT count(*) FROM inbox WHERE ask_id IS NOT NULL") == 2

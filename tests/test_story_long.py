"""Long conversations as people live them: what was promised months ago is still known, and long results are read on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.anthropic_server import AnthropicServer
from tests.houses import House
from tests.long_life import Model, facts
from tests.long_talks import FILLER, before, long, talker
from tests.telegram_people import Person


@pytest.fixture
def script(claude: AnthropicServer) -> Iterator[AnthropicServer]:
    """Claude's double, with its script given back at the end."""
    usual = claude.script
    claude.script = talker()
    yield claude
    claude.script = usual


def test_a_promise_outlives_the_prompt(tmp_path: Path) -> None:
    """In a terminal: a promise, a name and a number, then far more than a prompt holds; each question is answered rightly."""
    planted = facts(6)
    model = Model(planted)
    with AnthropicServer() as claude:
        claude.script = model
        house = House(tmp_path, claude=claude)
        talk = [long(f"Chapter {'i' * number}.", 12_000).replace("\n", " ") for number in range(1, 13)]
        lines = [*(fact.told for fact in planted), *talk, *(fact.question for fact in planted)]
        said = house.run("up", lines=lines).stdout
    answers = said.rpartition("I see.")[2]
    assert [fact.answer for fact in planted if fact.answer not in answers] == []
    assert (model.by_prompt, model.summaries > 0) == (len(planted), True)
    assert house.value("SELECT count(*) FROM summaries") == model.summaries
    assert house.value("SELECT count(*) FROM transcript WHERE withdrawn") == 0


def test_summing_up_on_telegram(ada: Person, script: AnthropicServer) -> None:
    """/compact says what it does, then what was done, and the next prompt is short and knows the promise."""
    ada.writes("/compact")
    assert ada.reads() == "There is nothing to sum up: of this conversation I read 0 messages (0 characters) at each message."
    ada.writes("Remind me to pay the gardener on 2027-03-04.")
    assert ada.reads() == "Yes: Remind me to pay the gardener on 2027-03"
    for number in range(2):
        ada.writes(f"Story {'i' * number}.\n{FILLER * 37}")
        ada.reads()
    ada.writes("/compact the stories")
    assert ada.reads().startswith("I am summing up what was said here, 6 messages (")
    assert ada.reads(20).startswith("Summed up: at each message I read a summary and 2 messages (")
    ada.writes("What did you promise?")
    ada.reads()
    assert "2026" in before(script.message_requests[-1].body)
    assert "Ada: Remind me to pay the gardener on 2027-03-04." in before(script.message_requests[-1].body)


def test_a_long_result_is_read_on_telegram(ada: Person, script: AnthropicServer) -> None:
    """A note that is too long for a prompt is found by a word in it, and the person reads the sentence."""
    note = f"{FILLER * 60}The spare key hangs behind the clock. {FILLER * 60}"
    script.calls_tool("state_set", {"key": "house", "value": note})
    script.says("Kept.")
    ada.writes("Keep this")
    assert ada.reads() == "Kept."
    script.calls_tool("state_get", {"key": "house"})
    script.calls_tool("read_result", {"handle": 1, "words": "spare key"})
    script.says("It hangs behind the clock.")
    ada.writes("Where is the spare key?")
    assert ada.reads() == "It hangs behind the clock."
    first, second = (str(record.body["messages"][-1]["content"]) for record in script.message_requests[-2:])
    assert "spare key" not in first
    assert "read_result(1, …) reads what is left out" in first
    assert "The spare key hangs behind the clock." in second

"""What people read when they write while a butler works: on Telegram, on Slack and at a terminal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.progress import ANEW, NOTED, WAITS
from tests.anthropic_script import Answer
from tests.anthropic_server import AnthropicServer
from tests.houses import SLACK_OWNER, House
from tests.slack_server import SlackServer
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer
from tests.test_terminal_chat import Typist

SOON = 5.0


def begun(claude: AnthropicServer, asked: int) -> None:
    """Wait until the model was asked once more."""
    claude.wait_until(lambda: len(claude.message_requests) > asked, 10, "a further request")


def test_interrupting(ada: Person, telegram: TelegramServer, claude: AnthropicServer, house: House) -> None:
    """A further message cuts the answer that is being written; one reply answers both, and the half answer is nobody's."""
    ada.writes("/mode interrupt")
    assert "stops it" in ada.reads()
    claude.answers(Answer(text="Paris it is. " * 300, chunk=10, pause=0.05))
    asked = len(claude.message_requests)
    ada.writes("Plan a trip to Paris")
    telegram.wait_until(lambda: "Paris" in (ada.sees_draft() or ""), SOON, "the first words")
    first = claude.message_requests[asked]
    claude.answers(Answer(text="Rome it is.", delay=1.2))
    ada.writes("No, to Rome")
    begun(claude, asked + 1)
    telegram.wait_until(lambda: ANEW in (ada.sees_draft() or ""), SOON, "the note")
    assert ada.reads() == "Rome it is."
    claude.wait_until(lambda: first.outcome == "client gone", SOON, "the socket is shut")
    told = str(claude.message_requests[-1].body["messages"])
    assert [told.count(words) for words in ("Plan a trip to Paris", "No, to Rome", "Paris it is")] == [1, 1, 0]
    assert len(ada.sees()) == 2
    states = house.rows("SELECT state FROM turns ORDER BY id DESC LIMIT 2")
    assert states == [("answered",), ("interrupted",)]


def test_steering_and_waiting_are_said(ada: Person, telegram: TelegramServer, claude: AnthropicServer) -> None:
    """In private the note stands in the draft, and goes with the answer."""
    for mode, note in (("steer", NOTED), ("queue", WAITS)):
        ada.writes(f"/mode {mode}")
        ada.reads()
        claude.says("First.")
        claude.says("Second.")
        with claude.hold():
            asked = len(claude.message_requests)
            ada.writes("Begin")
            begun(claude, asked)
            ada.writes("and go on")
            telegram.wait_until(lambda note=note: note in (ada.sees_draft() or ""), SOON, "the note")  # type: ignore[misc]
        assert [ada.reads(), ada.reads()] == ["First.", "Second."]
        assert ada.sees_draft() is None


def test_in_a_group(ada: Person, ben: Person, telegram: TelegramServer, claude: AnthropicServer) -> None:
    """What somebody else writes waits, which one silent line says as long as that is so; nothing of it stays."""
    group = telegram.group(-1005, "Home")
    claude.says("To Ada.")
    claude.says("To Ben.")
    with claude.hold():
        asked = len(claude.message_requests)
        ada.writes("@butler_bot what is for dinner?", group)
        begun(claude, asked)
        for words in ("and for lunch?", "and for breakfast?"):
            ben.writes(f"@butler_bot {words}", group)
        telegram.wait_until(lambda: group.sees() == [WAITS], SOON, "the note")
    telegram.wait_until(lambda: group.sees() == ["To Ada.", "To Ben."], SOON, "the answers")
    (line,) = [call for call in telegram.calls if call.method == "sendMessage" and call.params["text"] == WAITS]
    assert line.params["disable_notification"] == "true"


def test_a_verbose_answer(ada: Person, claude: AnthropicServer) -> None:
    """Who turned it on reads which tools were used, under the answer."""
    ada.writes("/verbose on")
    ada.reads()
    claude.calls_tool("current_time", {"place": "Tokyo"})
    claude.says("Late.")
    ada.writes("What time is it in Tokyo?")
    answer, line = ada.reads().split("\n\n")
    assert answer == "Late."
    assert line.startswith("current_time(place: Tokyo) · ")
    assert line.endswith(" s · 2 steps")


@pytest.fixture
def on_slack(tmp_path: Path, slack: SlackServer, claude: AnthropicServer) -> Iterator[SlackServer]:
    """A house on Slack."""
    with House(tmp_path, None, claude, slack):
        slack.wait_until(lambda: slack.connections() > 0, 20, "the socket")
        yield slack


def test_on_slack(on_slack: SlackServer, claude: AnthropicServer) -> None:
    """In direct messages the note is a message that goes again, and an interruption takes away the half answer."""
    olga = on_slack.person(SLACK_OWNER, "Olga")
    claude.says("First.")
    claude.says("Second.")
    with claude.hold():
        asked = len(claude.message_requests)
        olga.writes("Begin")
        begun(claude, asked)
        olga.writes("and go on")
        on_slack.wait_until(lambda: olga.sees() == [NOTED], SOON, "the note")
    on_slack.wait_until(lambda: olga.sees() == ["First.", "Second."], SOON, "the answers")
    olga.slash("/butler", "mode interrupt")
    on_slack.wait_until(lambda: len(olga.sees()) == 3, SOON, "the mode")
    claude.answers(Answer(text="Paris it is. " * 300, chunk=10, pause=0.05))
    claude.says("Rome it is.")
    olga.writes("Plan a trip to Paris")
    on_slack.wait_until(lambda: "Paris" in olga.sees()[-1], SOON, "the first words")
    olga.writes("No, to Rome")
    on_slack.wait_until(lambda: olga.sees()[3:] == ["Rome it is."], SOON, "the answer alone")


def test_at_a_terminal(tmp_path: Path, claude: AnthropicServer) -> None:
    """Above the prompt stands what becomes of a further line; in a pipe each line is answered in its order."""
    typist = Typist(House(tmp_path, None, claude), "up")
    typist.sees("Ctrl-D leaves")
    claude.says("First.")
    claude.says("Second.")
    with claude.hold():
        asked = len(claude.message_requests)
        typist.types("Begin\r")
        begun(claude, asked)
        typist.types("and go on\r")
        typist.sees(NOTED)
    typist.sees("Second.")
    typist.types("\x04")
    assert typist.leaves() == 0
    for words in ("One.", "Two."):
        claude.says(words)
    said = House(tmp_path, None, claude).run("up", lines=["/mode interrupt", "one", "two"]).stdout
    assert said.split("\n\n")[-3:-1] == ["One.", "Two."]


def test_what_is_being_done(ada: Person, telegram: TelegramServer, claude: AnthropicServer) -> None:
    """After ten seconds without a word a line says what is done, in private in the draft and in a group as a message."""
    group = telegram.group(-1006, "Home")
    with claude.hold():
        ada.writes("Think long")
        ada.writes("@butler_bot think long", group)
        telegram.wait_until(lambda: (ada.sees_draft() or "").startswith("⏳ 1"), 15, "the line in private")
        telegram.wait_until(lambda: bool(group.sees()), 15, "the line in the group")
        assert group.sees()[0].endswith(" s: thinking")
    ada.reads()
    group.reads()
    assert ada.sees_draft() is None
    assert "⏳" not in " ".join(ada.sees() + group.sees())


def test_a_long_paste(ada: Person, telegram: TelegramServer, claude: AnthropicServer) -> None:
    """What Telegram split into three messages is told to the model as one, and answered once."""
    words = " ".join(f"word{number}" for number in range(1400))
    parts = [words[:4096], words[4096:8192], words[8192:]]
    claude.says("Read.")
    for part in parts:
        ada.writes(part)
    assert ada.reads() == "Read."
    assert words in str(claude.message_requests[-1].body["messages"])
    assert telegram.refusals == []

"""What people say into their telephones, and what they read."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.switchboard.choosing import SYSTEM
from tests.anthropic_script import Answer
from tests.anthropic_server import AnthropicServer
from tests.houses import SHIPPED, SLACK_OWNER, House, wait_until
from tests.openai_server import KEY as OPENAI
from tests.openai_server import OpenAIServer
from tests.recordings import ogg
from tests.slack_server import SlackServer
from tests.telegram_server import TelegramServer

ADA = 7


def listening(house: House, openai: OpenAIServer) -> House:
    """Give a house a key for listening."""
    house.env |= {"OPENAI_API_KEY": OPENAI, "OPENAI_BASE_URL": openai.base_url}
    return house


def transcribed(house: House) -> list[tuple[object, ...]]:
    """Return the entries of the transcript that hold what was said."""
    return house.rows("SELECT content FROM transcript WHERE content LIKE '%voice note, transcribed%'")


def test_a_voice_note_on_telegram(tmp_path: Path, openai: OpenAIServer) -> None:
    """Ada speaks, and reads how she was heard and the answer, in one message."""
    with TelegramServer() as telegram, AnthropicServer() as claude, ExitStack() as stack:
        house = stack.enter_context(listening(House(tmp_path, telegram, claude), openai))
        house.wait_until_ready()
        ada = telegram.person(ADA)
        openai.hears("Remind me of the dentist.", 2)
        claude.says("When is it?")
        ada.sends_file(ogg(2), "note.oga", kind="voice")
        wait_until(lambda: "🎙 Remind me of the dentist.\n\nWhen is it?" in ada.sees(), "the answer", 40)
        assert len(ada.sees()) == 1
        assert (openai.recordings[0].name, openai.recordings[0].content) == ("voice.ogg", ogg(2))
        assert house.value("SELECT cost FROM ledger WHERE model = 'whisper-1'") == 200_000
        assert telegram.refusals == []


def test_a_voice_note_on_slack(tmp_path: Path, openai: OpenAIServer) -> None:
    """A clip that was recorded in Slack is heard as well."""
    with SlackServer() as slack, AnthropicServer() as claude, ExitStack() as stack:
        house = stack.enter_context(listening(House(tmp_path, None, claude, slack), openai))
        house.wait_until_ready()
        olga = slack.person(SLACK_OWNER, "Olga")
        slack.wait_until(lambda: slack.connections() > 0, 20, "the socket")
        openai.hears("Book the table.", 2)
        claude.says("For how many?")
        olga.uploads("audio_message.ogg", ogg(2), "audio/ogg", "")
        # The preview that is streamed before has no quotation yet.
        wait_until(lambda: "🎙 Book the table." in "".join(olga.sees()), "the answer", 40)
        assert "For how many?" in olga.sees()[-1]
        assert slack.refusals == []


@pytest.mark.crash
def test_a_kill_between_what_was_heard_and_its_note(tmp_path: Path, openai: OpenAIServer) -> None:
    """The worker is killed while a provider listens: what was reserved is spent, and what was said is read once."""
    with TelegramServer() as telegram, AnthropicServer() as claude, ExitStack() as stack:
        house = stack.enter_context(listening(House(tmp_path, telegram, claude), openai))
        house.wait_until_ready()
        ada = telegram.person(ADA)
        openai.hears("Water the plants.", 2)
        openai.hears("Water the plants.", 2)
        claude.says("Done.")
        with openai.hold():
            ada.sends_file(ogg(2), "note.oga", kind="voice")
            wait_until(lambda: bool(openai.recordings), "the provider listens", 40)
            os.kill(house.process("worker"), signal.SIGKILL)
        wait_until(lambda: "🎙 Water the plants.\n\nDone." in ada.sees(), "the answer", 40)
        assert len(transcribed(house)) == 1
        assert house.rows("SELECT reported FROM ledger WHERE model = 'whisper-1' ORDER BY id") == [(0,), (1,)]
        assert house.value("SELECT sum(held) FROM budgets") == 0
        assert telegram.refusals == []


RESTAURANTS = "What did I spend on restaurants last week?"
UNSURE = "Zwyrbelquax Olafsson grmpfed vyzzt knorx plomwick."  # words that no butler knows


def with_six_butlers(house: House) -> House:
    """Let the six butlers of the house work in it."""
    house.env["BUTLER_HOUSEHOLD"] = str(SHIPPED)
    return house


def test_what_is_said_finds_its_butler(tmp_path: Path, openai: OpenAIServer) -> None:
    """Ada speaks about money and finance answers; her knee is for health; /why shows what was heard, and why it went there."""
    with TelegramServer() as telegram, AnthropicServer() as claude, ExitStack() as stack:
        house = stack.enter_context(with_six_butlers(listening(House(tmp_path, telegram, claude), openai)))
        house.wait_until_ready()
        ada = telegram.person(ADA)
        for words, butler, answer in ((RESTAURANTS, "finance", "48 euros."), ("My knee hurts badly.", "health", "Rest it.")):
            openai.hears(words, 2)
            claude.says(answer)
            ada.sends_file(ogg(2), f"{butler}.oga", kind="voice")
            assert ada.reads() == f"🎙 {words}\n\n{answer}"
            assert f"You are {butler}" in str(claude.message_requests[-1].body["system"])
            ada.writes("/why")
            assert ada.reads().startswith(f"{butler} has “{words}” because the message is most like what {butler} is for (")
        claude.says("Since when?")
        ada.writes("and it is swollen")
        assert ada.reads() == "Since when?"
        assert house.rows("SELECT butler FROM turns ORDER BY id") == [("finance",), ("health",), ("health",)]
        assert not any(SYSTEM in str(request.body["system"]) for request in claude.message_requests)
        assert telegram.refusals == []


@pytest.mark.crash
def test_a_kill_between_what_was_heard_and_for_whom_it_is(tmp_path: Path, openai: OpenAIServer) -> None:
    """The worker is killed after it has heard and before anybody has the words: they are heard, paid and asked about once."""
    with TelegramServer() as telegram, AnthropicServer() as claude, ExitStack() as stack:
        house = stack.enter_context(with_six_butlers(listening(House(tmp_path, telegram, claude), openai)))
        house.wait_until_ready()
        ada = telegram.person(ADA)
        asked: list[str] = []

        def script(request: dict[str, object]) -> Answer:
            if SYSTEM in str(request["system"]):
                asked.append(str(request["messages"]))
                house.kill("worker")
                return Answer(text="finance")
            return Answer(text="Who is Olaf?")

        claude.script = script
        openai.hears(UNSURE, 2)
        ada.sends_file(ogg(2), "note.oga", kind="voice")
        assert ada.reads(60) == f"🎙 {UNSURE}\n\nWho is Olaf?"
        assert (len(openai.recordings), len(asked), len(transcribed(house))) == (1, 1, 1)
        assert UNSURE in asked[0]
        assert house.rows("SELECT reported FROM ledger WHERE model = 'whisper-1'") == [(1,)]
        assert house.value("SELECT sum(held) FROM budgets") == 0
        ada.writes("/why")
        assert "the small model that I asked was cut off; then assistant has it" in ada.reads()

"""Crashes: processes end with SIGKILL, and nobody is left without an answer, or with two."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tests import boundaries
from tests.anthropic_script import Answer, ToolCall
from tests.anthropic_server import AnthropicServer
from tests.counting import CountingServer
from tests.houses import SLACK_OWNER, House, wait_until
from tests.slack_server import SlackServer
from tests.storms import LONG, counting_house, do_and_tell, echo, is_settled, last_words
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.crash
ADA = 7
ANSWERED_WITHIN = 10.0
STRIDE = 1 if LONG else 5  # every so many boundaries


@pytest.fixture
def counter() -> Iterator[CountingServer]:
    """A server that counts effects."""
    with CountingServer() as server:
        yield server


@pytest.fixture
def fresh(tmp_path: Path, counter: CountingServer) -> Iterator[tuple[House, TelegramServer, AnthropicServer]]:
    """A house of its own for each test, whose assistant has the counting tools."""
    with TelegramServer() as telegram, AnthropicServer() as claude:
        with counting_house(tmp_path, counter.url, claude, telegram) as house:
            yield house, telegram, claude
        assert telegram.refusals == []


def answers(house: House, words: str) -> list[object]:
    """Return the reply that answered a message."""
    return [row[0] for row in house.rows("SELECT reply_id FROM inbox WHERE text = ? AND state = 'answered'", words)]


@pytest.mark.parametrize("victim", ["everything", "house", "worker", "bot", "valkey"])
def test_everybody_is_answered_once(fresh: tuple[House, TelegramServer, AnthropicServer], victim: str) -> None:
    """A turn runs (A), B comes during it, the victim dies, C comes meanwhile: each has exactly one answer in 10 s."""
    house, telegram, claude = fresh
    ada = telegram.person(ADA)
    with claude.hold():
        ada.writes("A")
        claude.wait_until(lambda: claude.in_flight > 0, 10, "the turn of A")
        ada.writes("B")
        telegram.wait_until(lambda: telegram.unconfirmed() == 0, 10, "B is taken in")
        kill(house, victim)
    ada.writes("C")
    started = monotonic()
    if victim in ("everything", "house"):
        house.start()
    wait_until(lambda: len(house.rows("SELECT 1 FROM inbox")) == 3 and is_settled(house), "all are answered", 30)
    assert monotonic() - started < ANSWERED_WITHIN
    for words in ("A", "B", "C"):
        (reply,) = answers(house, words)
        (text,) = house.rows("SELECT text FROM outbox WHERE id = ?", reply)[0]
        assert words in str(text).partition("Answer to ")[2].split(" and ")
    arrived = Counter(ada.sees())
    doubts = house.value("SELECT sum(doubts) FROM parts")
    assert sum(arrived.values()) - len(arrived) <= int(str(doubts or 0))


def test_what_slack_lost_is_answered_once(tmp_path: Path, counter: CountingServer) -> None:
    """A turn runs, its bot dies, and Slack gives up what is written meanwhile: it is found in the history, and answered."""
    with (
        SlackServer() as slack,
        AnthropicServer() as claude,
        counting_house(tmp_path, counter.url, claude, None, slack) as house,
    ):
        slack.wait_until(lambda: slack.connections() > 0, 20, "the socket")
        slack.ack_within, slack.retry_delays = 0.2, ()
        olga = slack.person(SLACK_OWNER, "Olga")
        with claude.hold():
            olga.writes("A")
            claude.wait_until(lambda: claude.in_flight > 0, 10, "the turn of A")
            house.kill("bot")
            slack.wait_until(lambda: slack.connections() == 0, 10, "the socket is gone")
            olga.writes("B")
            slack.wait_until(lambda: any(envelope.is_lost for envelope in slack.envelopes), 10, "Slack gives up")
        wait_until(lambda: len(house.rows("SELECT 1 FROM inbox")) == 2 and is_settled(house), "both are answered", 30)
        said = olga.sees()
        assert sorted(" and ".join(text.removeprefix("Answer to ") for text in said).split(" and ")) == ["A", "B"]
        assert slack.refusals == []


def kill(house: House, victim: str) -> None:
    """Kill the victim; Valkey is also emptied."""
    if victim == "everything":
        house.kill_all()
    elif victim == "house":
        house.kill("house")
        house.wait()
    elif victim == "valkey":
        shutil.rmtree(house.home / "butlers" / "valkey", ignore_errors=True)
        house.kill("valkey-server")
    else:
        house.kill(victim)


def test_a_message_that_kills_is_set_aside(fresh: tuple[House, TelegramServer, AnthropicServer]) -> None:
    """After one death in company and three alone the message is parked and listed; its chat and its neighbours go on."""
    house, telegram, claude = fresh
    ada = telegram.person(ADA)

    def script(request: dict[str, object]) -> Answer:
        words = last_words(request)
        return Answer(tool_calls=(ToolCall("kill"),)) if "poison" in words else echo(request)

    claude.script = script
    ada.writes("poison")
    said = ada.reads(40)
    assert said.startswith("My worker crashed 4 times over this message, so I have set it aside as number 1.")
    ada.writes("hello")
    assert ada.reads() == "Answer to hello"
    ada.writes("/failed")
    assert "1: “poison” crashed my worker; /retry 1 tries it again" in ada.reads()
    claude.script = echo
    ada.writes("/retry 1")
    assert ada.reads() == "I am trying message 1 once more."
    assert ada.reads() == "Answer to poison"
    assert "poison" not in str(house.rows("SELECT text FROM inbox WHERE state = 'parked'"))


def test_no_boundary_loses_or_doubles(
    fresh: tuple[House, TelegramServer, AnthropicServer], counter: CountingServer, tmp_path: Path
) -> None:
    """A process dies at each commit and request of a turn in its turn: one answer, no doubled effect, no silent doubt."""
    house, telegram, claude = fresh
    ada = telegram.person(ADA)
    file = tmp_path / "boundaries"
    (tmp_path / "site" / "sitecustomize.py").write_text(boundaries.SITECUSTOMIZE)
    house.stop()
    house.env[boundaries.ARMED] = str(file)
    house.start()
    house.wait_until_ready()
    claude.script = do_and_tell
    ada.writes("m0")
    wait_until(lambda: answers(house, "m0") != [] and is_settled(house), "the first turn is over", 20)
    number, died = 0, True
    while died:
        number += STRIDE
        word = f"m{number}"
        file.unlink(missing_ok=True)
        file.with_suffix(".chosen").write_text(str(number))
        ada.writes(word)
        wait_until(lambda w=word: answers(house, w) != [] and is_settled(house), f"answer after boundary {number}", 40)  # type: ignore[misc]
        died = not file.with_suffix(".chosen").exists()
        (text,) = house.rows("SELECT text FROM outbox WHERE id = ?", answers(house, word)[0])[0]
        unknown = f"blind(word: {word})" in str(text)
        assert counter.done["blind", word] == 1 or (unknown and counter.done["blind", word] == 0)
        assert counter.done["look_up", word] == counter.done["keyed", word] == 1
    assert number > 20
    repeated = sum(times - 1 for times in Counter(ada.sees()).values())
    assert repeated <= int(str(house.value("SELECT sum(doubts) FROM parts") or 0))

"""The story of a restore: two people on two chats, a back-up in the middle of their day, and a house that is lost."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.anthropic_server import AnthropicServer
from tests.houses import OWNER, House
from tests.slack_people import SlackPerson
from tests.slack_server import SlackServer
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

SHOWN = ("/memory", "/schedule", "/search locker", "/whoami", "/sessions", "/settings")
# What goes on by itself: amounts of time, and what the house does every few minutes.
PASSES = re.compile(r"\d+ (?:seconds?|minutes?|min|s|ms)\b|reverie.*\n.*|Next: .*|about \d\d:\d\d|Your time is \d\d:\d\d")


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    """A workspace."""
    with SlackServer() as server:
        yield server


def settled(person: Person, telegram: TelegramServer, claude: AnthropicServer, text: str, answer: str) -> None:
    """Let somebody ask and read the answer."""
    claude.says(answer)
    person.writes(text)
    telegram.wait_until(lambda: answer in person.sees(), 20, answer)


def shown(person: Person, telegram: TelegramServer) -> list[str]:
    """Return what the house shows of everything, without what passes."""
    return [PASSES.sub("…", _answer(person, telegram, command)) for command in SHOWN]


def _answer(person: Person, telegram: TelegramServer, command: str) -> str:
    before = len(_words(person))
    person.writes(command)
    telegram.wait_until(lambda: len(_words(person)) > before, 20, command)
    return _words(person)[before]


def _words(person: Person) -> list[str]:
    """Return what somebody sees but for pictures, which come when they are drawn."""
    return [text for text in person.sees() if not text.startswith("Spending of")]


def test_a_house_is_lost_and_comes_back(
    tmp_path: Path, telegram: TelegramServer, slack: SlackServer, claude: AnthropicServer
) -> None:
    """A house is backed up while it runs, goes on and is lost; what is restored answers as before, and does nothing twice."""
    file = tmp_path / "house.zip"
    lost, found = (House(tmp_path / name, telegram, claude, slack) for name in ("lost", "found"))
    with lost:
        telegram.wait_until(telegram.is_polled, 20, "the first poll")
        slack.wait_until(lambda: slack.connections() > 0, 20, "the socket")
        olga, ben = telegram.person(OWNER, "Olga", "olga"), slack.person("U7", "Ben")
        claude.calls_tool("remember", {"fact": "my locker code is 4711"})
        settled(olga, telegram, claude, "remember that my locker code is 4711", "I will remember that.")
        settled(olga, telegram, claude, "what is the locker code?", "It is 4711.")
        olga.writes("/remind tomorrow 8:00 take out the bread")
        olga.writes("/budget set house month 50")
        telegram.wait_until(lambda: any("50.00" in text for text in olga.sees()), 20, "the cap")
        says(slack, ben, claude, "hello", "Hello, Ben.")
        before, spent = shown(olga, telegram), _answer(olga, telegram, "/budget")
        telegram.wait_until(lambda: any(text.startswith("Spending of") for text in olga.sees()), 20, "the picture")
        with claude.hold():
            claude.says("I have sent the invitation.")
            ben.writes("send the invitation")
            claude.wait_until(lambda: claude.in_flight > 0, 10, "the turn")
            said = lost.run("backup", str(file)).stdout
            assert "2 people" in said
        slack.wait_until(lambda: "I have sent the invitation." in ben.sees(), 20, "it is sent")
        says(slack, ben, claude, "in the lost hour", "Answered in the lost hour.")
        olga.writes("/remind tomorrow 9:00 lost")
        refused = lost.run("restore", str(file))
        assert (refused.returncode, "A house runs in" in refused.stderr) == (78, True)
    asked = len(claude.message_requests)
    assert found.run("restore", str(file)).returncode == 0
    with found:
        telegram.wait_until(lambda: any(text.startswith("This house was") for text in olga.sees()), 30, "the notice")
        slack.wait_until(lambda: any("“send the invitation”" in text for text in ben.sees()), 30, "what was under way")
        assert shown(olga, telegram) == before
        _same_costs(spent, _answer(olga, telegram, "/budget"))
        assert len(claude.message_requests) == asked
        _goes_on(slack, ben, claude)


def _same_costs(before: str, now: str) -> None:
    """What was spent is known, and what was under way is counted in full."""
    of_olga = [[line for line in text.splitlines() if "Olga" in line] for text in (before, now)]
    assert of_olga[0] == of_olga[1] != []
    assert "no provider said what was used; the most it can be is counted" in now


def _goes_on(slack: SlackServer, ben: SlackPerson, claude: AnthropicServer) -> None:
    """What was said before is known, what came after is not, and what was under way is done again when that is wished."""
    says(slack, ben, claude, "and now?", "Here I am.")
    prompt = str(claude.message_requests[-1].body)
    assert "Hello, Ben." in prompt
    assert "the lost hour" not in prompt
    claude.says("I have sent it once more.")
    hint = re.search(r"`/butler (retry \d+)`", str(ben.sees()))
    assert hint is not None
    ben.slash("/butler", hint[1])
    slack.wait_until(lambda: "I have sent it once more." in ben.sees(), 20, "it is done again")


def says(slack: SlackServer, person: SlackPerson, claude: AnthropicServer, text: str, answer: str) -> None:
    """Let somebody on Slack ask and read the answer."""
    claude.says(answer)
    person.writes(text)
    slack.wait_until(lambda: answer in person.sees(), 20, answer)

"""One house, two chats: what somebody does on Telegram shows on Slack, and either goes on without the other."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.anthropic_server import AnthropicServer
from tests.houses import OWNER, SLACK_OWNER, House, wait_until
from tests.slack_people import SlackPerson
from tests.slack_server import SlackServer
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

BEN = 8
EVE = "U9"


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    """A workspace."""
    with SlackServer() as server:
        yield server


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, telegram: TelegramServer, slack: SlackServer, claude: AnthropicServer
) -> Iterator[House]:
    """A house on both, owned by Olga, whom the settings know on Telegram only."""
    home = House(tmp_path_factory.mktemp("house"), telegram, claude, slack)
    home.env["SLACK_ALLOWED_USERS"] = ""
    with home:
        telegram.wait_until(telegram.is_polled, 20, "the first poll")
        slack.wait_until(lambda: slack.connections() > 0, 20, "the socket")
        yield home


@pytest.fixture
def olga(telegram: TelegramServer, house: House) -> Person:
    """The owner, on Telegram."""
    del house
    return telegram.person(OWNER, "Olga", "olga")


@pytest.fixture
def olga_on_slack(slack: SlackServer, house: House) -> SlackPerson:
    """The same, on Slack."""
    del house
    return slack.person(SLACK_OWNER, "Olga")


def test_a_stranger_is_let_in_by_a_button(olga: Person, telegram: TelegramServer, claude: AnthropicServer) -> None:
    """A stranger reads a code, the owner sees the same code with buttons, and whom she admits is answered."""
    olga.writes("/whoami")
    assert "owner of this house" in olga.reads()
    ben = telegram.person(BEN, "Ben", "ben")
    asked = len(claude.message_requests)
    ben.writes("hello?")
    code = re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}", ben.reads())
    assert code is not None
    question = olga.reads()
    assert question.startswith(
        f"telegram id {BEN}, who calls themselves “Ben”, wants to talk with me and shows the code {code[0]}."
    )
    olga.presses("Admit as guest")
    assert ben.reads().startswith("Olga let you in")
    telegram.wait_until(lambda: "guest" in olga.sees()[-1] and "Olga" in olga.sees()[-1], 10, "what came of it")
    with pytest.raises(LookupError):
        olga.presses("Refuse")
    assert len(claude.message_requests) == asked
    claude.says("Hello, Ben.")
    ben.writes("hello!")
    assert ben.reads() == "Hello, Ben."
    telegram.wait_until(lambda: not telegram.unreleased(), 10, "the button comes up again")


def test_a_second_chat_is_joined(
    olga: Person, olga_on_slack: SlackPerson, telegram: TelegramServer, slack: SlackServer, claude: AnthropicServer
) -> None:
    """A code from Telegram typed on Slack joins the two: what was told there is known here, and the rights are the same."""
    claude.calls_tool("remember", {"fact": "my locker code is 4711"})
    claude.says("I will remember that.")
    olga.writes("remember that my locker code is 4711")
    telegram.wait_until(lambda: "I will remember that." in olga.sees(), 10, "it is remembered")
    olga.writes("/link")
    telegram.wait_until(lambda: "/link " in olga.sees()[-1], 10, "the code")
    code = re.search(r"/link ([A-Z0-9]{4}-[A-Z0-9]{4})", olga.sees()[-1])
    assert code is not None
    olga_on_slack.writes("/link AAAA-AAAA")
    assert "not right" in olga_on_slack.reads()
    olga_on_slack.slash("/butler", f"link {code[1]}")
    slack.wait_until(lambda: len(olga_on_slack.sees()) == 2, 10, "the code is taken")
    telegram.wait_until(lambda: "Is that you?" in olga.sees()[-1], 10, "the question")
    olga.presses("Yes, join us")
    slack.wait_until(lambda: len(olga_on_slack.sees()) == 3, 10, "the answer on Slack")
    olga_on_slack.slash("/memory")
    slack.wait_until(lambda: any("locker code is 4711" in text for text in olga_on_slack.sees()), 10, "the same memory")
    olga_on_slack.slash("/butler", "whoami")
    slack.wait_until(lambda: any("owner of this house (person 1)" in text for text in olga_on_slack.sees()), 10, "one person")


def test_what_slack_does_not_take_is_said_on_telegram(
    olga: Person, olga_on_slack: SlackPerson, telegram: TelegramServer, slack: SlackServer, claude: AnthropicServer
) -> None:
    """An answer into a channel from which the house was thrown out is kept, said where its asker is, and sent by /retry."""
    channel = slack.channel("C7", "work")
    channel.takes_in(olga_on_slack)
    channel.invites_bot()
    with claude.hold():
        claude.says("Here you are.")
        ts = olga_on_slack.mentions("where is it?", channel)
        claude.wait_until(lambda: claude.in_flight > 0, 10, "the turn")
        channel.kicks_bot()
    telegram.wait_until(lambda: "I could not answer you on slack" in olga.sees()[-1], 20, "it is said")
    assert "I am not a member of that channel; write /invite @butler there" in olga.sees()[-1]
    number = re.search(r"/retry (r\d+)", olga.sees()[-1])
    assert number is not None
    channel.invites_bot()
    olga.writes(f"/retry {number[1]}")
    slack.wait_until(lambda: channel.sees(ts) == ["Here you are."], 10, "it is sent after all")


def test_either_goes_on_without_the_other(
    olga: Person, olga_on_slack: SlackPerson, telegram: TelegramServer, slack: SlackServer, claude: AnthropicServer
) -> None:
    """While Slack's token is refused Telegram answers and the owner hears why; what waits on Slack arrives afterwards."""
    with claude.hold():
        claude.says("Late, but here.")
        olga_on_slack.writes("are you there?")
        claude.wait_until(lambda: claude.in_flight > 0, 10, "the turn")
        slack.revoke_token()
    telegram.wait_until(lambda: any("Slack refuses the app’s token" in text for text in olga.sees()), 20, "why")
    claude.says("Still here.")
    olga.writes("are you still there?")
    telegram.wait_until(lambda: "Still here." in olga.sees(), 10, "Telegram goes on")
    slack.restore_token()
    telegram.unavailable = True
    slack.wait_until(lambda: slack.connections() > 0, 40, "the socket is back")
    claude.says("Here, too.")
    olga_on_slack.writes("and now?")
    slack.wait_until(lambda: {"Late, but here.", "Here, too."} <= set(olga_on_slack.sees()), 60, "Slack goes on")
    telegram.unavailable = False


def test_a_house_that_one_vendor_refuses_serves_the_other(
    tmp_path: Path, telegram: TelegramServer, claude: AnthropicServer
) -> None:
    """A wrong token for one chat is told to the owners on the other, which is served."""
    with SlackServer() as slack:
        home = House(tmp_path, telegram, claude, slack)
        home.env["SLACK_BOT_TOKEN"] = "xoxb-wrong"
        with home:
            olga = telegram.person(OWNER, "Olga", "olga")
            refused = "SLACK_BOT_TOKEN: Slack refuses"
            telegram.wait_until(lambda: any(refused in text for text in olga.sees()), 20, "the reason")
            claude.says("Served.")
            olga.writes("hello")
            telegram.wait_until(lambda: "Served." in olga.sees(), 10, "the answer")
            wait_until(lambda: "Traceback" not in home.log, "no traceback")

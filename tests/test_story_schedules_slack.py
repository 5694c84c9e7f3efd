"""What people on Slack have done at times: by /butler, in threads, by buttons, and what they read."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.anthropic_server import AnthropicServer
from tests.houses import House, wait_until
from tests.slack_people import SlackChannel, SlackPerson
from tests.slack_server import SlackServer

SOON = timedelta(seconds=0.5)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, slack: SlackServer, claude: AnthropicServer) -> Iterator[House]:
    """A running house on Slack that thinks with Claude."""
    home = House(tmp_path_factory.mktemp("house"), None, claude, slack)
    home.env["SLACK_ALLOWED_USERS"] = "U7,U100,U101"
    with home:
        slack.wait_until(lambda: slack.connections() > 0, 20, "the socket")
        yield home


@pytest.fixture(scope="module")
def ada(slack: SlackServer, house: House) -> SlackPerson:
    """Somebody in Berlin, as the house is."""
    del house
    return slack.person("U100", "Ada")


@pytest.fixture(scope="module")
def ben(slack: SlackServer, house: House) -> SlackPerson:
    """Somebody in New York."""
    del house
    person = slack.person("U101", "Ben")
    assert says(person, "settings zone America/New_York").startswith("Your zone is America/New_York; it is ")
    return person


@pytest.fixture
def general(slack: SlackServer, ada: SlackPerson, ben: SlackPerson) -> SlackChannel:
    """A channel with both of them and the house."""
    channel = slack.channel("C700", "general")
    channel.takes_in(ada, ben)
    channel.invites_bot()
    return channel


def says(person: SlackPerson, command: str) -> str:
    """Give a command, and return what is seen of the house's answer, with its bold letters in asterisks."""
    person.slash("/butler", command)
    return person.reads(20).replace("\\_", "_")


def is_due(house: House, echo: str) -> None:
    """Let the clock's time for what was just made be in a moment."""
    at, number = datetime.now(UTC) + SOON, number_in(echo)
    kept = f"{at:%Y-%m-%d %H:%M:%S.%f}"
    house.execute("UPDATE schedules SET next_at = ?, fire_at = ? WHERE id = ?", kept, kept, number)
    house.execute("UPDATE schedules SET spec = ? WHERE id = ? AND form = 'once'", at.isoformat(), number)


def number_in(echo: str) -> int:
    """Return the number that the house gave to a schedule."""
    return int(re.findall(r"\(schedule (\d+)\)", echo)[0])


def test_a_reminder_and_a_task(ada: SlackPerson, ben: SlackPerson, house: House, claude: AnthropicServer) -> None:
    """Each has things done in their own zone, and is told in their direct messages; the list says what became of it."""
    echo = says(ben, "remind tomorrow 8:00 call *Ken* & <@U7>")
    assert echo.startswith(f"I shall remind you: **call Ken &amp; @\u2060U7** (schedule {number_in(echo)}). ")
    assert echo.endswith(" 08:00 (America/New_York).")
    task = says(ada, "schedule add every weekday 7:30 :: Brief me")
    assert "Every weekday at 07:30 (Europe/Berlin)" in task
    is_due(house, echo)
    assert ben.reads() == "⏰ call _Ken_ &amp; @\u2060U7"
    claude.says("Nothing **today**.")
    is_due(house, task)
    assert ada.reads() == "Nothing **today**."
    assert re.search(r"◦ Last: .+, told\. Cost so far: (under )?\$0\.\d\d\.$", says(ada, "schedule"))
    assert says(ada, "agenda").endswith(f"**Brief me** ({number_in(task)}): told")
    assert "Brief me" not in says(ben, "schedule")


def test_a_thread_is_answered_in_that_thread(
    ada: SlackPerson, ben: SlackPerson, general: SlackChannel, slack: SlackServer, house: House, claude: AnthropicServer
) -> None:
    """What was made in a thread is told there, to be talked about there, and only who made it presses its buttons."""
    ts = ada.mentions("/remind every friday 17:00 timesheet", general)
    echo = general.reads()
    ben.presses(slack.messages(general.id)[-1], "Remove", general)
    assert general.reads() == "That question is for ada; nothing was done."
    is_due(house, echo)
    assert general.reads() == "⏰ timesheet"
    claude.says("Yours, Ben, too.")
    ben.writes("whose?", general, thread_ts=ts)
    slack.wait_until(lambda: general.sees(ts)[-1] == "Yours, Ben, too.", 10, "an answer in the thread")
    assert "timesheet" in str(claude.message_requests[-1].body["messages"])
    assert len(general.sees(ts)) == len(general.sees()) == 4


def test_buttons(ada: SlackPerson, slack: SlackServer) -> None:
    """Pause and Remove change the message below which they stood, once; those of what is gone say that it is."""
    number = number_in(says(ada, "remind in 20 minutes take out the bread"))
    first = slack.messages(ada.dm)[-1]
    assert [button.label for button in first.buttons] == ["Pause", "Remove"]
    says(ada, f"schedule {number}")
    second = slack.messages(ada.dm)[-1]
    ada.presses(first, "Pause")
    slack.wait_until(
        lambda: any(f"Paused: **take out the bread** (schedule {number})" in text for text in ada.sees()), 10, "it"
    )
    with pytest.raises(LookupError):
        ada.presses(first, "Pause")
    ada.presses(second, "Remove")
    slack.wait_until(lambda: any(text.endswith(f"(schedule {number}).") for text in ada.sees()), 10, "the removal")
    assert says(ada, f"schedule resume {number}").startswith(f"You have no schedule {number} here")


def test_quiet_hours(ada: SlackPerson, house: House) -> None:
    """What came in quiet hours is one message when they are over, and stands in it once."""
    says(ada, "quiet 00:00-23:59")
    for words in ("one", "two"):
        is_due(house, says(ada, f"remind in 5 minutes {words}"))
    wait_until(lambda: house.value("SELECT count(*) FROM held") == 2, "both wait")
    assert says(ada, "quiet off") == "You have no quiet hours any more."
    assert re.fullmatch(r"While it was quiet:\n\n\*\*\d\d:\d\d\*\* ⏰ one\n\n\*\*\d\d:\d\d\*\* ⏰ two", ada.reads())

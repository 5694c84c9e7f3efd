"""Keys and money, as people on Telegram meet them: a house with four keys of three providers, one of which is away."""

import re
from collections.abc import Iterator

import pytest

from tests.anthropic_server import AnthropicServer
from tests.houses import OWNER, House
from tests.openai_server import KEY as GROQ_KEY
from tests.openai_server import OpenAIServer
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

BEN = 101
NOWHERE = "http://127.0.0.1:9/v1"  # the port to which things are thrown away, at which nobody listens
KEYS = ("sk-ant-first-of-the-house", "sk-ant-second-of-the-house")


@pytest.fixture(scope="module")
def claude() -> Iterator[AnthropicServer]:
    """Anthropic, with two accounts."""
    with AnthropicServer(KEYS) as server:
        yield server


@pytest.fixture(scope="module")
def groq() -> Iterator[OpenAIServer]:
    """Groq."""
    with OpenAIServer(flavour="groq") as server:
        yield server


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, telegram: TelegramServer, claude: AnthropicServer, groq: OpenAIServer
) -> Iterator[House]:
    """A house with two keys of Anthropic, one of OpenAI, which cannot be reached, and one of Groq."""
    home = House(tmp_path_factory.mktemp("house"), telegram, claude)
    keys = home.home / "keys.json"
    keys.write_text(f'{{"openai": "sk-of-openai-that-is-away", "groq": ["{GROQ_KEY}"]}}')
    keys.chmod(0o600)
    home.env |= {
        "TELEGRAM_ALLOWED_USERS": f"{OWNER},{BEN}",
        "ANTHROPIC_API_KEY": ", ".join(KEYS),
        "BUTLER_KEYS_PATH": str(keys),
        "OPENAI_BASE_URL": NOWHERE,
        "GROQ_BASE_URL": groq.base_url,
    }
    with home:
        for number, name in ((OWNER, "Olga"), (BEN, "Ben")):
            person = telegram.person(number, name, name.lower())
            person.writes("/start")
            assert f"Good day, {name}" in person.reads()
        yield home


@pytest.fixture
def olga(telegram: TelegramServer, house: House) -> Person:
    """The owner."""
    del house
    return telegram.person(OWNER, "Olga", "olga")


@pytest.fixture
def ben(telegram: TelegramServer, house: House) -> Person:
    """A member."""
    del house
    return telegram.person(BEN, "Ben", "ben")


def test_one_answer_through_three_troubles(ben: Person, olga: Person, claude: AnthropicServer, groq: OpenAIServer) -> None:
    """A limit, an empty account and a dead provider in one turn: the person reads one answer, the owner what to mend."""
    claude.fail(1, status=429, type="rate_limit_error", message="Too fast, please", headers={"retry-after": "3000"})
    claude.fail(1, status=402, type="billing_error", message="Your credit balance is too low.")
    groq.says("Good morning, sir.")
    ben.writes("Good morning")
    assert ben.reads() == "Good morning, sir."
    assert len(ben.sees()) == 2
    assert olga.reads().startswith("The key anthropic-2 rests until ")
    assert "Its provider says: Your credit balance is too low." in olga.sees()[-1]


def test_the_history_shows_the_rotations(ben: Person, olga: Person) -> None:
    """/usage shows three rotations with their reasons, and /keys who rests until when, in whose words."""
    ben.writes("/usage")
    told = ben.reads()
    history = re.findall(r"(\S+ → \S+), rotated: (.+)", told)
    assert history == [
        ("openai-1 → groq-1", f"no connection to openai: {history[0][1].partition('openai: ')[2]}"),
        ("anthropic-2 → openai-1", "Your credit balance is too low."),
        ("anthropic-1 → anthropic-2", "Too fast, please"),
    ]
    assert "Key: groq-1 (openai/gpt-oss-120b)" in told
    olga.writes("/keys")
    shown = olga.reads()
    assert re.search(
        r"anthropic-1 \(claude-sonnet-5-5\): rests for claude-sonnet-5-5 until .+ \(rate limited\): “Too fast", shown
    )
    assert re.search(r"anthropic-2 .+: rests until .+ \(no credit\): “Your credit balance is too low", shown)
    assert re.search(r"openai-1 \(gpt-6-sol\): usable", shown)  # one failure is no reason to leave it alone
    assert "groq-1 (openai/gpt-oss-120b): usable; " in shown


def test_the_owner_probes_and_rotates(olga: Person, ben: Person, claude: AnthropicServer) -> None:
    """A key whose account was filled up is asked about and used again; a member may not."""
    olga.writes("/keys probe anthropic-2")
    assert olga.reads().startswith("I am asking the provider of anthropic-2")
    assert olga.reads() == "The provider of anthropic-2 accepts the key, and it is used again."
    ben.writes("/keys")
    assert ben.reads() == "Only owners may set budgets and look after keys."
    claude.says("By the second key.")
    ben.writes("And now?")
    assert ben.reads() == "By the second key."


def test_the_budget_is_seen(olga: Person, ben: Person, telegram: TelegramServer) -> None:
    """/budget shows the owner all in words and as a picture, and a member their own."""
    olga.writes("/budget")
    told = olga.reads()
    assert "The house has spent under $0.01 today of $5.00." in told
    assert "Ben: under $0.01 today" in told
    assert "groq-1: under $0.01 today" in told
    assert olga.reads(20).startswith("Spending of the last 30 days, ")
    assert telegram.messages(OWNER)[-1].photo
    ben.writes("/budget")
    told = ben.reads()
    assert told.startswith("You have spent under $0.01 today, without a cap.")
    assert "Olga" not in told


def test_caps_are_set_and_hold(olga: Person, ben: Person, claude: AnthropicServer, groq: OpenAIServer) -> None:
    """An owner sets a cap for a person, who is told which cap it is; raising the house's asks first."""
    asked = len(claude.message_requests) + len(groq.message_requests)
    olga.writes("/budget set person Ben day 0.01")
    assert olga.reads().startswith("From here on, Ben may spend $0.01 a day; ")
    ben.writes("Tell me a very long story")
    assert ben.reads().startswith("You may spend $0.01 a day, and this could cost up to $")
    assert len(claude.message_requests) + len(groq.message_requests) == asked
    olga.writes("/budget raise 2")
    assert olga.reads().startswith("Shall the house be allowed to spend $2.00 more, $7.00 in all, until ")
    olga.presses("Raise it to $7.00")
    olga.writes("/status")
    assert "of $7.00 spent" in olga.reads()
    assert "Today the house may spend $7.00." in "\n".join(olga.sees())


def test_the_books_balance(house: House) -> None:
    """Afterwards `butler check` finds the ledger in order."""
    assert "✓ ledger: it balances" in house.run("check").stdout

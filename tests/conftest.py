"""What every test may ask for: loopback vendors, and houses."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from adapters.chats.slack.manifest import SCOPES
from bot.store.database import Database
from tests.anthropic_server import AnthropicServer
from tests.houses import OWNER, House
from tests.nursery import Nursery
from tests.openai_server import OpenAIServer
from tests.postgres import PostgresServer
from tests.room import Room
from tests.slack_server import SlackServer
from tests.spenders import books
from tests.stores import KINDS, USUAL, Files, Server, used
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

MEMBERS = range(100, 200)
# The same examples in every run, so that a change is judged by what it changes; BUTLERS_FUZZ looks for new ones.
settings.register_profile("house", derandomize="BUTLERS_FUZZ" not in os.environ)
settings.load_profile("house")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let what is marked so run on both stores, or on the second."""
    for mark, kinds in (("both_stores", list(KINDS)), ("on_postgresql", ["postgresql"])):
        if metafunc.definition.get_closest_marker(mark) is not None:
            metafunc.parametrize("_store", kinds, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files with long tests begin first, so that no core waits for one of them in the end; their own order stays."""
    long = {item.path for item in items if item.get_closest_marker("crash") is not None}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started when a test first needs it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def on_postgres(postgres: PostgresServer) -> Server:
    """The databases on that server."""
    return Server(postgres)


@pytest.fixture(scope="session")
def in_files() -> Files:
    """The databases in files."""
    return Files()


@pytest.fixture(scope="session", autouse=True)
def _nursery() -> Iterator[None]:
    with Nursery() as House.nursery:
        yield
    House.nursery = None


@pytest.fixture(scope="session", autouse=True)
def _usual_store(request: pytest.FixtureRequest) -> Iterator[None]:
    with used(request.getfixturevalue(KINDS[USUAL])):
        yield


@pytest.fixture(autouse=True)
def _store(request: pytest.FixtureRequest) -> Iterator[None]:
    stores = request.getfixturevalue(KINDS[getattr(request, "param", USUAL)])
    with used(stores), stores.tidied():
        yield


@pytest.fixture(scope="module")
def telegram() -> Iterator[TelegramServer]:
    """A Bot API server; nothing that the house sends may be refused without a test having asked for it."""
    with TelegramServer() as server:
        yield server
        # To an edit that changes nothing the vendor's refusal is the expected answer.
        assert [call for call in server.refusals if "not modified" not in call.description] == []


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    """A workspace; nothing that the house sends may be refused without a test having asked for it."""
    with SlackServer() as server:
        server.scopes.intersection_update(SCOPES)  # those of the manifest are enough
        yield server
        assert server.refusals == []
        assert server.protocol_errors == []


@pytest.fixture(scope="module")
def claude() -> Iterator[AnthropicServer]:
    """A Messages API server."""
    with AnthropicServer() as server:
        yield server


@pytest.fixture
def openai() -> Iterator[OpenAIServer]:
    """A provider that listens."""
    with OpenAIServer() as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, telegram: TelegramServer, claude: AnthropicServer) -> Iterator[House]:
    """A running house on Telegram that thinks with Claude, for all the stories of a file."""
    home = House(tmp_path_factory.mktemp("house"), telegram, claude)
    home.env["TELEGRAM_ALLOWED_USERS"] = ",".join(map(str, (OWNER, *MEMBERS)))
    with home:
        olga = telegram.person(OWNER, "Olga", "olga")
        olga.writes("/start")  # a bot may write only to those who wrote to it
        assert "Good day, Olga" in olga.reads()
        yield home


@pytest.fixture(scope="module")
def _numbers() -> Iterator[int]:
    return iter(MEMBERS)


@pytest.fixture
def ada(telegram: TelegramServer, house: House, _numbers: Iterator[int]) -> Person:
    """Somebody whom the house knows, and who has not written yet."""
    del house
    number = next(_numbers)
    return telegram.person(number, "Ada", f"ada{number}")


@pytest.fixture
def ben(telegram: TelegramServer, house: House, _numbers: Iterator[int]) -> Person:
    """Somebody else whom the house knows."""
    del house
    number = next(_numbers)
    return telegram.person(number, "Ben", f"ben{number}")


@pytest.fixture
def owner(telegram: TelegramServer, house: House) -> Person:
    """The owner of the house."""
    del house
    return telegram.person(OWNER, "Olga", "olga")


@pytest.fixture
def pipe(tmp_path: Path) -> House:
    """A house without any account, for the terminal."""
    return House(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A house's database with one turn in it."""
    with closing(books(tmp_path / "house.db")) as made:
        yield made


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A room."""
    with AnthropicServer() as claude, Room(tmp_path, claude) as made:
        yield made

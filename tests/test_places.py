"""Where databases lie: each butler has its own, and what a server lacks is said with its cure."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text

from bot.errors import ConfigurationError
from bot.settings import load
from bot.store.faults import StoreAway
from tests.postgres import OWNER, PostgresServer
from workers.home import Home
from workers.places import Server
from workers.stores import Stores

SECRET = "p@ss/word:4711"


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    """The address of a fresh database."""
    postgres.create("places")
    yield postgres.url("places")
    postgres.drop("places")


@pytest.fixture
def weak(postgres: PostgresServer, url: str) -> Iterator[str]:
    """The same for somebody who may make no databases."""
    postgres.execute(f"CREATE ROLE weak LOGIN PASSWORD '{SECRET}'")
    postgres.execute("ALTER DATABASE places OWNER TO weak")
    yield url.replace(f"//{OWNER}@", "//weak@")
    postgres.execute(f"ALTER DATABASE places OWNER TO {OWNER}")
    postgres.execute("DROP OWNED BY weak", "places")
    for (name,) in postgres.execute("SELECT datname FROM pg_database WHERE datname ~ '^places_butler_'"):
        postgres.execute(f'ALTER DATABASE "{name}" OWNER TO {OWNER}')
        postgres.execute("DROP OWNED BY weak", name)
    postgres.execute("DROP ROLE weak")


def test_each_butler_has_a_database(url: str, tmp_path: Path) -> None:
    """Databases are made when they are missing, hold nothing of each other, and are known when a butler has left."""
    with closing(Stores(Home(tmp_path), url)) as first:
        first.prepare(["cook", "two-words"])
        with first.of("cook").write() as tx:
            tx.execute(text("CREATE TABLE soups (name VARCHAR)"))
        with first.of("two-words").read() as tx:
            assert tx.scalar(text("SELECT to_regclass('soups')")) is None
        with first.of("late").read() as tx:
            assert tx.scalar(text("SELECT current_database()")) == "places_butler_late"
    with closing(Stores(Home(tmp_path / "other"), url)) as second:
        second.prepare(["cook"])
        assert second.places.butlers() == ["cook", "late", "two-words"]
        with second.of("cook").read() as tx:
            assert tx.scalar(text("SELECT to_regclass('soups')")) is not None


def test_two_hosts_make_the_same(url: str) -> None:
    """A database that another host made a moment ago is taken as it is."""
    server = Server(url)
    server.make(["cook"])
    assert server._made("places_butler_cook")  # noqa: SLF001 - as if it had not been there a moment before
    assert server.butlers() == ["cook"]


def test_who_may_make_no_database_is_told_how(weak: str, postgres: PostgresServer, tmp_path: Path) -> None:
    """All statements that an administrator has to run are said at once; then the house begins."""
    with closing(Stores(Home(tmp_path), weak)) as found:
        with pytest.raises(ConfigurationError, match=r"weak may make none at .* ALTER ROLE") as refusal:
            found.prepare(["cook", "maid"])
        statements = str(refusal.value).splitlines()[1:]
        assert len(statements) == 2
        for statement in statements:
            postgres.execute(statement)
        found.prepare(["cook", "maid"])
        assert found.places.butlers() == ["cook", "maid"]


def test_a_database_that_belongs_to_somebody_else(weak: str, postgres: PostgresServer, tmp_path: Path) -> None:
    """Whose tables may not be made is told whose the database should be."""
    postgres.execute(f"ALTER DATABASE places OWNER TO {OWNER}")
    refusal = pytest.raises(ConfigurationError, match="permission denied for schema public")
    with closing(Stores(Home(tmp_path), weak)) as found, refusal:
        found.prepare([])


@pytest.mark.parametrize(
    ("change", "complaint", "passes"),
    [
        (
            ("/places", "/nowhere"),
            'cannot be opened: database "nowhere" does not exist. Make it on the server with CREATE',
            False,
        ),
        ((f"//{OWNER}@", "//nobody@"), 'role "nobody" does not exist. Make it on the server with CREATE ROLE', False),
        (("host=/", "host=/nowhere/"), "cannot be reached: .*No such file or directory. Start its server, or correct", True),
    ],
)
def test_what_is_wrong_is_said(url: str, change: tuple[str, str], complaint: str, passes: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Each fault comes with its cure, and only for what passes the house waits."""
    with closing(Stores(Home(tmp_path), url.replace(*change))) as found:
        with pytest.raises(ConfigurationError, match=complaint) as error:
            found.prepare([])
        assert isinstance(error.value, StoreAway) == passes


def test_too_long_a_name() -> None:
    """A butler's database whose name PostgreSQL would cut off is refused."""
    with pytest.raises(ConfigurationError, match="too long a name"):
        Server(f"postgresql+psycopg://u@/{'x' * 40}").of("a-butler-with-a-long-name")


@pytest.mark.parametrize("url", ["mysql://u@h/d", "postgresql://host", "no address", "postgresql+asyncpg://u@h/d"])
def test_a_wrong_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no address of a PostgreSQL database is refused with an example."""
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ConfigurationError, match=r"DATABASE_URL: .*postgresql\+psycopg://user:password@host/database"):
        load()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_an_address_as_others_write_it(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every usual form of an address is taken, and its password is a secret."""
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://u:{quote(SECRET, safe='')}@h:5433/d")
    settings = load()
    assert (settings.database_url or "").startswith("postgresql+psycopg://u:")
    assert SECRET in settings.secrets

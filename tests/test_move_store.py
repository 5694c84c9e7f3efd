"""`butler move-store`, and `restore` to a server: a house goes on there as if nothing were, or nothing of it is there."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.store.database import Database, sqlite_url
from bot.treasury.audit import imbalances
from tests.filling import Rows, rows
from tests.houses import House
from tests.left_homes import Files, copy_of, lived_in_home
from tests.postgres import PostgresServer
from tests.test_money_shell import Here, says

REFUSED = 78
# Runs a command and kills itself before one of the statements that it gives the server.
KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
left = int(sys.argv[1])
@event.listens_for(Engine, "before_cursor_execute")
def count(connection, *_):
    global left
    if connection.dialect.name == "postgresql":
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
from bot.__main__ import main
status = main(sys.argv[2:])
print(f"left {left}")
sys.exit(status)
"""


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a house to which somebody has spoken."""
    return lived_in_home(tmp_path_factory.mktemp("lived-in"))


@pytest.fixture
def house(tmp_path: Path, lived_in: Path) -> Here:
    """A copy of that home, in which commands run in this process."""
    return copy_of(lived_in, tmp_path / "files")


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    """The address of a fresh database."""
    postgres.create("moved")
    yield postgres.url("moved")
    postgres.drop("moved")


def held(address: str) -> Rows:
    """Return all that a database holds."""
    with closing(Database(address)) as database, database.read() as tx:
        return rows(tx)


def in_files(house: House) -> dict[str, Rows]:
    """Return all that a house in files holds."""
    home = house.home / "butlers"
    paths = {"house": home / "house.db", **{path.stem: path for path in (home / "butlers").glob("*.db")}}
    return {name: held(sqlite_url(path)) for name, path in paths.items()}


def on_server(url: str, names: set[str]) -> dict[str, Rows]:
    """Return all that a house on a server holds."""
    return {name: held(url if name == "house" else url.replace("/moved?", f"/moved_butler_{name}?")) for name in names}


def test_a_house_moves(house: Here, url: str, postgres: PostgresServer) -> None:
    """Every row of every table is on the server, its numbers go on, and a house goes on there as if nothing were."""
    was = in_files(house)
    print_of = sha256((house.home / "butlers" / "house.db").read_bytes()).hexdigest()
    said = says(house, "move-store", url)
    assert said.startswith(
        f"moved on PostgreSQL at {postgres.folder} holds the house now: 1 person, 1 conversation, 2 messages"
    )
    assert on_server(url, set(was)) == was
    with closing(Database(url)) as database, database.read() as tx:
        assert imbalances(tx) == []
    assert sha256((house.home / "butlers" / "house.db").read_bytes()).hexdigest() == print_of
    assert not list((house.home / "butlers").glob("*.zip*"))
    refused = says(house, "sessions", status=REFUSED)
    assert refused.startswith(f"butler: The house in {house.home / 'butlers'} was moved to moved on PostgreSQL at")
    assert f"delete {house.home / 'butlers' / 'moved-to-postgresql'}." in refused
    assert "was moved to" in says(house, "move-store", url, status=REFUSED)
    there = House(house.home)
    there.env["DATABASE_URL"] = url
    told = there.run("up", lines=["what is my locker code?", "/schedule"]).stdout
    assert "my locker code is 4711" in told
    assert "take out the bread" in told
    assert "restored" not in told


def test_and_back(house: Here, url: str, tmp_path: Path) -> None:
    """From the server a house comes back into files by its back-up."""
    says(house, "move-store", url)
    house.env["DATABASE_URL"] = url
    assert "1 person, 1 conversation, 2 messages" in says(house, "backup", str(tmp_path / "a.zip"))
    files = Files(tmp_path / "new")
    files.home.mkdir()
    says(files, "restore", str(tmp_path / "a.zip"))
    there, back = on_server(url, {"assistant", "general"}), in_files(files)
    assert {name: back[name] for name in there} == there
    assert len(back["house"]["inbox"]) == 2


def test_a_restore_to_a_server(house: Here, url: str, tmp_path: Path) -> None:
    """A back-up fills an empty database on a server, as it does a home, and nothing that is lived in."""
    says(house, "backup", str(tmp_path / "a.zip"))
    house.env["DATABASE_URL"] = url
    house.run("check")  # the tables are there, and nobody has spoken
    said = says(house, "restore", str(tmp_path / "a.zip"))
    assert said.startswith("moved on PostgreSQL at ")
    assert house.value("SELECT count(*) FROM inbox") == 2
    again = says(house, "restore", str(tmp_path / "a.zip"), status=REFUSED)
    assert "holds conversations already, and only an empty database is filled. Name another one in DATABASE_URL." in again


def test_a_server_on_which_somebody_works(house: Here, url: str) -> None:
    """Where another program is at the database, wherever it runs, nothing is moved."""
    with closing(Database(url)) as database, database.read() as tx:
        tx.execute(text("SELECT 1"))
        said = says(house, "move-store", url, status=REFUSED)
    assert "A house, or another program, uses moved on PostgreSQL at" in said
    assert not (house.home / "butlers" / "moved-to-postgresql").exists()
    looks_in(house)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "Say where to, such as `butler move-store postgresql+psycopg://user@host/butlers`, or set DATABASE_URL."),
        (("mysql://host/house",), "an address of a database is written like postgresql+psycopg://"),
        (("postgresql://ada@127.0.0.1:1/house",), "cannot be reached"),
    ],
)
def test_nowhere_to_move_to(house: Here, arguments: tuple[str, ...], complaint: str) -> None:
    """Without an address, with a wrong one and where nobody is, nothing is moved, and why is said."""
    assert complaint in says(house, "move-store", *arguments, status=REFUSED)
    looks_in(house)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("UPDATE inbox SET received_at = 'yesterday'", "The house could not be read: Invalid isoformat string: 'yesterday'."),
        ("UPDATE parts SET doubts = 99999999999", "The table parts cannot be filled: integer out of range. Nothing was"),
    ],
)
def test_a_fault_half_way(house: Here, url: str, wrong: str, complaint: str) -> None:
    """What cannot be read, and what the server does not take, leave an empty database, which takes the mended house."""
    path = house.home / "butlers" / "house.db"
    right = path.read_bytes()
    with closing(Database(sqlite_url(path))) as files, files.write() as tx:
        tx.execute(text(wrong))
    assert complaint in says(house, "move-store", url, status=REFUSED)
    with closing(Database(url)) as database, database.read() as tx:
        assert rows(tx) == {}
    path.write_bytes(right)
    says(house, "move-store", url)


def looks_in(house: House) -> None:
    """Let a house be looked at, by another process."""
    done = House.run(house, "sessions")
    assert done.returncode == 0, done.stderr


def killed_at(house: House, moment: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that ends itself before one of its statements."""
    command = [sys.executable, "-c", KILLED, str(moment), *arguments]
    return subprocess.run(command, env=house.env, cwd=house.home, capture_output=True, text=True, timeout=90, check=False)


def test_a_move_that_is_killed(house: Here, postgres: PostgresServer) -> None:
    """Whenever a move is killed, no house starts from the half of it, the files go on, and a second move begins anew."""
    was = in_files(house)
    postgres.create("moved")
    done = killed_at(house, 10**6, "move-store", postgres.url("moved"))
    assert done.returncode == 0, done.stderr
    count = 10**6 - int(done.stdout.split("left ")[1])
    postgres.drop("moved")
    (house.home / "butlers" / "moved-to-postgresql").unlink()
    for share in (0.3, 0.95):
        postgres.create("moved")
        there = House(house.home)
        there.env["DATABASE_URL"] = url = postgres.url("moved")
        assert killed_at(house, int(count * share), "move-store", url).returncode == -signal.SIGKILL
        said = says(there, "sessions", status=REFUSED)
        assert "is being filled, or a restore or a move to it was cut off" in said
        looks_in(house)
        says(house, "move-store", url)
        assert on_server(url, set(was)) == was
        (house.home / "butlers" / "moved-to-postgresql").unlink()
        postgres.drop("moved")

"""`butler backup` and `butler restore`: what they say, what they refuse, and what a kill in their middle leaves."""

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import text

from bot.archive import manifest, writing
from bot.archive.reading import Archive
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from tests.houses import House
from tests.left_homes import Files, copy_of, lived_in_home
from tests.test_money_shell import Here, says
from workers.home import Home
from workers.occupancy import READY, enter
from workers.stores import BUTLER_HISTORIES

REFUSED = 78
FULL = Path("/dev/full")
# Runs a command and kills itself at one of the moments in which it changes what is on the disk.
KILLED = """
import os, signal, sys
left = int(sys.argv[1])
def watch(event, arguments):
    global left
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if writes or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "sqlite3.connect"):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
from bot.__main__ import main
import workers.backup, workers.restore, alembic.command
sys.addaudithook(watch)
status = main(sys.argv[2:])
print(f"left {left}")
sys.exit(status)
"""


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a house to which somebody has spoken."""
    return lived_in_home(tmp_path_factory.mktemp("lived-in"))


@pytest.fixture
def old(tmp_path: Path, lived_in: Path) -> Here:
    """A copy of that home, in which commands run in this process."""
    return copy_of(lived_in, tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Here:
    """A home in which nothing is."""
    house = Files(tmp_path / "new")
    house.home.mkdir()
    return house


def facts(house: House) -> list[tuple[object, ...]]:
    """Return what the assistant was told."""
    with closing(Database(sqlite_url(house.home / "butlers" / "butlers" / "assistant.db"))) as store, store.read() as tx:
        return [tuple(row) for row in tx.execute(text("SELECT text FROM facts"))]


def test_there_and_back(old: Here, new: Here, tmp_path: Path) -> None:
    """A house goes through its file into an empty home, and each command says what it did and what it did not do."""
    said = says(old, "backup", str(tmp_path))
    (file,) = tmp_path.glob("butlers-20*.zip")
    assert said.startswith(f"{file} holds the house as it was on ")
    assert "1 person, 1 conversation, 2 messages, 2 butlers' own stores.\n" in said
    assert "read back and found whole" in said
    assert "Not in it: settings and keys (.env), the household folder, logs." in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = says(new, "restore", str(file))
    assert said.startswith(f"{new.home / 'butlers'} holds the house as it was on ")
    assert sorted(path.name for path in (new.home / "butlers").iterdir()) == ["butlers", "house.db", "run"]
    assert facts(new) == [("my locker code is 4711",)]
    assert new.value("SELECT text FROM inbox ORDER BY id LIMIT 1") == "remember that my locker code is 4711"
    assert not list(tmp_path.rglob("*.part"))


def test_a_file_that_is_there(old: Here, tmp_path: Path) -> None:
    """No file is written over."""
    (tmp_path / "mine.zip").write_text("mine")
    said = says(old, "backup", str(tmp_path / "mine.zip"), status=REFUSED)
    assert said == f"butler: {tmp_path / 'mine.zip'} is there already, and nothing in it was changed. Name another file."
    assert (tmp_path / "mine.zip").read_text() == "mine"


def test_no_house(new: Here, tmp_path: Path) -> None:
    """Where there is nothing to keep, nothing is kept."""
    said = says(new, "backup", str(tmp_path / "a.zip"), status=REFUSED)
    assert said == f"butler: There is no house in {new.home / 'butlers' / 'house.db'}, so there is nothing to keep."
    assert says(new, "backup", "/nowhere/a.zip", status=REFUSED)


@pytest.mark.parametrize("what", ["write", "flush"])
def test_a_disk_that_is_full(old: Here, tmp_path: Path, mocker: MockerFixture, what: str) -> None:
    """Where there is no room, that is said, and no half of a file stays."""
    del what
    mocker.patch("bot.archive.writing.private", lambda path: path.touch() or FULL.open("wb", buffering=0))
    said = says(old, "backup", str(tmp_path / "a.zip"), status=REFUSED)
    assert said == (
        f"butler: {tmp_path / 'a.zip'} could not be written: there is no room left on that disk. No back-up was made."
    )
    assert not list(tmp_path.glob("*.zip*"))


def test_a_home_that_is_lived_in(old: Here, new: Here, tmp_path: Path) -> None:
    """A restore fills no home in which somebody has spoken, nor one in which a butler keeps something."""
    says(old, "backup", str(tmp_path / "a.zip"))
    before = old.value("SELECT count(*) FROM inbox")
    said = says(old, "restore", str(tmp_path / "a.zip"), status=REFUSED)
    assert "holds conversations already, and a restore fills an empty home only" in said
    assert old.value("SELECT count(*) FROM inbox") == before
    shutil.copytree(old.home / "butlers" / "butlers", new.home / "butlers" / "butlers")
    assert "assistant.db holds effects already" in says(new, "restore", str(tmp_path / "a.zip"), status=REFUSED)
    assert not (new.home / "butlers" / "house.db").exists()


def test_a_home_in_which_nobody_has_spoken(old: Here, new: Here, tmp_path: Path) -> None:
    """Whoever only looked around with `butler check` may restore."""
    says(old, "backup", str(tmp_path / "a.zip"))
    new.run("check")
    assert (new.home / "butlers" / "house.db").exists()
    says(new, "restore", str(tmp_path / "a.zip"))
    assert facts(new) == [("my locker code is 4711",)]


def test_a_running_house(old: Here, new: Here, tmp_path: Path) -> None:
    """Nothing is restored under the feet of any process of a house, and none starts during a restore."""
    says(old, "backup", str(tmp_path / "a.zip"))
    home = Home(new.home / "butlers")
    home.make()
    with os.fdopen(enter(home)):
        said = says(new, "restore", str(tmp_path / "a.zip"), status=REFUSED)
        assert said == (
            f"butler: A house runs in {home.folder}. Stop it first: a restore fills an empty home only. Nothing was changed."
        )
    home.lock("house").parent.mkdir(exist_ok=True)
    with home.lock("house").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "A house runs in" in says(new, "restore", str(tmp_path / "a.zip"), status=REFUSED)
    with home.lock("use").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "is just being restored or moved. Wait until that is done." in says(new, "sessions", status=REFUSED)
    assert not home.database.exists()


def test_no_room_for_a_house(old: Here, new: Here, tmp_path: Path, mocker: MockerFixture) -> None:
    """Where a house would not fit, that is known before anything is written."""
    says(old, "backup", str(tmp_path / "a.zip"))
    mocker.patch("workers.arrival.ROOM", 1e12)
    assert "MB are free. Nothing was changed." in says(new, "restore", str(tmp_path / "a.zip"), status=REFUSED)
    assert not (new.home / "butlers" / "house.db").exists()


def test_an_older_house(new: Here, tmp_path: Path) -> None:
    """The back-up of a house of long ago is taken in and brought to the newest state of its tables."""
    steps = {"house": migrate.HOUSE[0], "butler": migrate.BUTLER[0], "memory": BUTLER_HISTORIES[1]}
    for name, folder in steps.items():
        (tmp_path / name).mkdir()
        shutil.copy(folder / f"{name}_0001.py", tmp_path / name)
    house, cook = (Database(sqlite_url(tmp_path / name)) for name in ("old.db", "cook.db"))
    with closing(house), closing(cook):
        migrate.upgrade_here({house.url: [tmp_path / "house"], cook.url: [tmp_path / "butler", tmp_path / "memory"]})
        with house.write() as tx:
            tx.execute(text("INSERT INTO people VALUES (1, 'Ada', 'owner', '2026-11-21 12:00:00.000000')"))
        with cook.write() as tx:
            tx.execute(text("INSERT INTO facts VALUES (1, 'person:1', 'likes soup', 'ada', 0, '2026-11-21 12:00:00')"))
        with writing.private(tmp_path / "a.zip") as out:
            writing.write(out, {manifest.HOUSE: house, "butler:cook": cook})
    says(new, "restore", str(tmp_path / "a.zip"))
    assert new.value("SELECT name FROM people") == "Ada"
    with closing(Database(sqlite_url(new.home / "butlers" / "butlers" / "cook.db"))) as cook:
        assert migrate.is_current(cook, BUTLER_HISTORIES)
        with cook.read() as tx:
            assert tx.scalars(text("SELECT text FROM facts")).all() == ["likes soup"]


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ("house_9999", "it was written by a newer version of Butlers. Install that first"),
        ("letters_0001", "it holds what letters kept for the house, and letters is not installed here"),
    ],
)
def test_a_newer_house(old: Here, new: Here, tmp_path: Path, step: str, complaint: str) -> None:
    """What this version cannot know is not taken in, and what it is is said."""
    with closing(Database(sqlite_url(old.home / "butlers" / "house.db"))) as house:
        with house.write() as tx:
            tx.execute(text("UPDATE alembic_version SET version_num = :step"), {"step": step})
        with writing.private(tmp_path / "a.zip") as out:
            writing.write(out, {manifest.HOUSE: house})
    said = says(new, "restore", str(tmp_path / "a.zip"), status=REFUSED)
    assert said == f"butler: {tmp_path / 'a.zip'} cannot be restored here: {complaint}. Nothing was changed."


def killed_at(house: House, moment: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that ends itself at one of its changes to the disk."""
    command = [sys.executable, "-c", KILLED, str(moment), *arguments]
    return subprocess.run(command, env=house.env, cwd=house.home, capture_output=True, text=True, timeout=60, check=False)


def moments(house: House, *arguments: str) -> int:
    """Run a command to its end and return how often it changes what is on the disk."""
    done = killed_at(house, 10**6, *arguments)
    assert done.returncode == 0, done.stderr
    return 10**6 - int(done.stdout.split("left ")[1])


def test_a_back_up_that_is_killed(old: Here, tmp_path: Path) -> None:
    """Whenever a back-up is killed, the house is as it was, and a file of that name is whole or not there."""
    count = moments(old, "backup", str(tmp_path / "whole.zip"))
    assert count > 3
    for moment in (1, count // 2, count - 1):
        file = tmp_path / f"{moment}.zip"
        assert killed_at(old, moment, "backup", str(file)).returncode == -signal.SIGKILL
        if file.exists():
            with Archive(file) as archive:
                archive.check()
    says(old, "backup", str(tmp_path / "after.zip"))
    assert facts(old) == [("my locker code is 4711",)]


def test_a_restore_that_is_killed(old: Here, tmp_path: Path) -> None:
    """Whenever a restore is killed, the home is empty still and takes a second one, or all of it is there."""
    says(old, "backup", str(tmp_path / "a.zip"))
    first = Files(tmp_path / "first")
    first.home.mkdir()
    count = moments(first, "restore", str(tmp_path / "a.zip"))
    seen = set()
    for moment in (count // 2, count - 5, count - 3, count - 1):
        house = Files(tmp_path / f"killed-{moment}")
        house.home.mkdir()
        assert killed_at(house, moment, "restore", str(tmp_path / "a.zip")).returncode == -signal.SIGKILL
        is_whole = (house.home / "butlers" / "arriving" / READY).exists() or (house.home / "butlers" / "house.db").exists()
        seen.add(is_whole)
        if is_whole:
            says(house, "failed")  # whatever looks in finishes what was begun
        else:
            says(house, "restore", str(tmp_path / "a.zip"))
        assert facts(house) == [("my locker code is 4711",)]
        assert house.value("SELECT count(*) FROM inbox") == 2
        assert not (house.home / "butlers" / "arriving").exists()
    assert seen == {True, False}


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """A back-up holds what people said in private: only its owner reads it, whatever the umask."""
    before = os.umask(0)
    try:
        with writing.private(tmp_path / "a.zip"):
            assert stat.S_IMODE((tmp_path / "a.zip").stat().st_mode) == 0o600
    finally:
        os.umask(before)

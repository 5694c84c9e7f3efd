"""Archives: a house comes out of its file as it went in, and no file that is not whole is believed."""

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy import inspect, text

from bot.archive import loading, manifest, tables, writing
from bot.archive.reading import Archive
from bot.errors import ConfigurationError
from bot.search import history, looking
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from skills.memory import facts
from skills.memory.facts import Telling
from tests.filling import Rows, fill, rows
from tests.room import Room
from tests.stores import Server, address
from workers.arrival import INDEXES
from workers.stores import BUTLER_HISTORIES

HISTORIES = {manifest.HOUSE: migrate.HOUSE, "butler:cook": BUTLER_HISTORIES}
FUZZ = int(os.environ.get("BUTLERS_FUZZ", "0"))
SEEDS = [Random().randrange(2**32) for _ in range(FUZZ // 100)] or [1, 2]  # noqa: S311


@dataclass
class Empty:
    """A folder with the databases of a house in which nothing happened yet, to be copied."""

    folder: Path

    @contextmanager
    def house(self, chance: Random | None = None) -> Iterator[dict[str, Database]]:
        """Give the databases of a house, with rows in every table."""
        names = {name: self.folder / f"{name.replace(':', '-')}.db" for name in HISTORIES}
        with contextmanager(_opened)(names) as found:
            for database in found.values():
                with database.write() as tx:
                    tx.execute(text("PRAGMA defer_foreign_keys = ON"))
                    for table in tables.tables(tx):
                        tx.execute(table.delete())
                    if chance is not None:
                        fill(tx, chance)
            yield found


def _opened(paths: dict[str, Path]) -> Iterator[dict[str, Database]]:
    found = {name: Database(sqlite_url(path)) for name, path in paths.items()}
    try:
        yield found
    finally:
        for database in found.values():
            database.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Empty:
    """The databases of a house."""
    folder = tmp_path_factory.mktemp("empty")
    made = Empty(folder)
    for name, histories in HISTORIES.items():
        migrate.upgrade_here({sqlite_url(folder / f"{name.replace(':', '-')}.db"): histories})
    return made


@pytest.fixture(scope="module")
def written(empty: Empty, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a house with rows in every table."""
    path = tmp_path_factory.mktemp("written") / "house.zip"
    with empty.house(Random(7)) as house:  # noqa: S311 - the same rows each time
        keep(house, path)
    return path


def keep(house: dict[str, Database], path: Path) -> None:
    """Write an archive."""
    with writing.private(path) as out:
        writing.write(out, house)


def load(path: Path, folder: Path) -> dict[str, Rows]:
    """Load an archive into new databases and return all their rows."""
    found = {}
    with Archive(path) as archive:
        archive.check()
        for one in archive.manifest.databases:
            place = folder / f"{one.name.replace(':', '-')}.db"
            with closing(Database(sqlite_url(place))) as database, database.write() as tx:
                loading.load(tx, archive, one, HISTORIES[one.name], INDEXES)
                found[one.name] = rows(tx)
    return found


def test_no_table_is_left_out(empty: Empty, tmp_path: Path) -> None:
    """Whatever table a database has is in its archive, but for the indexes that are made anew."""
    with empty.house() as house:
        keep(house, tmp_path / "house.zip")
        with Archive(tmp_path / "house.zip") as archive:
            for one in archive.manifest.databases:
                with house[one.name].read() as tx:
                    there = set(inspect(tx).get_table_names()) - {tables.VERSIONS}
                    left_out = there - {table.name for table in one.tables}
                    assert tables.indexes(tx) <= set(INDEXES)
                assert {name for name in left_out if not any(name.startswith(index) for index in INDEXES)} == set()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_goes_in_comes_out(empty: Empty, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Any rows of any table are the same after the way through an archive, to the letter."""
    folder = tmp_path_factory.mktemp("way")
    with empty.house(Random(seed)) as house:  # noqa: S311
        keep(house, folder / "house.zip")
        was = {name: _rows(database) for name, database in house.items()}
    (folder / "new").mkdir()
    assert load(folder / "house.zip", folder / "new") == was


def test_an_archive_is_one_moment(empty: Empty) -> None:
    """What is written while it is read is not in it, in no database."""
    with empty.house(Random(1)) as house, writing.one_state(house) as (_, readers):  # noqa: S311
        with house[manifest.HOUSE].write() as tx:
            tx.execute(text("DELETE FROM notices"))
        with house["butler:cook"].write() as tx:
            tx.execute(text("DELETE FROM facts"))
        assert readers[manifest.HOUSE].scalar(text("SELECT count(*) FROM notices"))
        assert readers["butler:cook"].scalar(text("SELECT count(*) FROM facts"))


@pytest.mark.parametrize("seed", SEEDS[:1])
def test_the_same_from_store_to_store(
    empty: Empty, on_postgres: Server, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Any rows are the same on PostgreSQL, and the same again after the way back, to the letter."""
    folder = tmp_path_factory.mktemp("way")
    with empty.house(Random(seed)) as house:  # noqa: S311
        keep(house, folder / "there.zip")
        was = {name: _rows(database) for name, database in house.items()}
    with on_postgres.tidied(), Archive(folder / "there.zip") as archive:
        there = {one.name: Database(on_postgres.address(folder / one.name)) for one in archive.manifest.databases}
        for one in archive.manifest.databases:
            with there[one.name].write() as tx:
                loading.load(tx, archive, one, HISTORIES[one.name], INDEXES)
        assert {name: _rows(database) for name, database in there.items()} == was
        keep(there, folder / "back.zip")
        for database in there.values():
            database.close()
    assert load(folder / "back.zip", folder) == was


def _rows(database: Database) -> Rows:
    with database.read() as tx:
        return rows(tx)


@pytest.mark.both_stores
def test_words_are_found_again(room: Room, tmp_path: Path) -> None:
    """What an archive leaves out, the indexes of words, are there again after loading, and let go of what is forgotten."""
    room.takes_in("the locker code is 4711")
    room.asks("remember it")
    with room.store.write() as tx:
        facts.tell(tx, "person:1", Telling("it is 4711", "ada", room.clock(), about="locker code"))
    keep({manifest.HOUSE: room.database, "butler:cook": room.store}, tmp_path / "house.zip")
    with Archive(tmp_path / "house.zip") as archive:
        new = [Database(address(tmp_path / one.name)) for one in archive.manifest.databases]
        for database, one in zip(new, archive.manifest.databases, strict=True):
            with database.write() as tx:
                loading.load(tx, archive, one, HISTORIES[one.name], INDEXES)
    house, cook = new
    with house.write() as tx:
        (row, *_) = looking.find(tx, "person:1", "locker", room.now).rows
        assert row.text == "the locker code is 4711"
        history.withdraw(tx, row.turn_id)
        assert not looking.find(tx, "person:1", "locker", room.now).rows
    assert [fact.text for fact in facts.find(cook, "person:1", "locker")] == ["it is 4711"]
    with cook.write() as tx:
        facts.forget_all(tx, "person:1")
    assert facts.find(cook, "person:1", "locker") == []
    for database in new:
        database.close()


@settings(max_examples=60, deadline=None)
@given(some.data())
def test_no_damaged_archive_is_believed(written: Path, tmp_path_factory: pytest.TempPathFactory, data: some.DataObject) -> None:
    """A bit that is flipped, wherever, or an end that is missing is noticed, unless it says nothing."""
    content = bytearray(written.read_bytes())
    if data.draw(some.booleans()):
        del content[data.draw(some.integers(0, len(content) - 1)) :]
    else:
        place = data.draw(some.integers(0, len(content) - 1))
        content[place] ^= 1 << data.draw(some.integers(0, 7))
    path = tmp_path_factory.mktemp("damaged") / "house.zip"
    path.write_bytes(content)
    try:
        with Archive(path) as archive, Archive(written) as right:
            archive.check()
            assert archive.manifest == right.manifest  # it was in a part that says nothing, such as a date
    except ConfigurationError as error:
        assert "damaged" in str(error) or "no back-up" in str(error)  # noqa: PT017 - either is right


def change(path: Path, to: Path, member: str, how: Callable[[bytes], bytes | None]) -> None:
    """Write an archive in which one member is another, or missing."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name in [*old.namelist(), *([] if member in old.namelist() else [member])]:
            content = old.read(name) if name in old.namelist() else b""
            made = how(content) if name == member else content
            if made is not None:
                new.writestr(name, made)


def said(**values: object) -> Callable[[bytes], bytes]:
    """Return what changes a manifest."""
    return lambda content: json.dumps(json.loads(content) | values).encode()


def renamed(content: bytes) -> bytes:
    """Let a manifest name a database of which the file would stand elsewhere."""
    return content.replace(b"butler:cook", b"butler:../../evil")


@pytest.mark.parametrize(
    ("member", "how", "complaint"),
    [
        ("house/people.jsonl", lambda _: None, "house/people.jsonl is missing, or should not be there"),
        ("../../evil.db", lambda _: b"x", "../../evil.db is missing, or should not be there"),
        ("house/people.jsonl", lambda old: old + old, "house/people.jsonl is not as it was written"),
        ("house/people.jsonl", lambda _: bytes(1 << 28), "house/people.jsonl is not as it was written"),
        ("house/blobs.data.bin", lambda old: old[:-1], "house/blobs.data.bin is not as it was written"),
        ("manifest.json", lambda _: None, "no back-up of a house"),
        ("manifest.json", lambda _: b"{", "its manifest cannot be read"),
        ("manifest.json", lambda _: b"[]", "its manifest cannot be read"),
        ("manifest.json", lambda _: bytes(1 << 25), "no back-up of a house"),
        ("manifest.json", said(format=2), "was written in form 2, and this house reads form 1"),
        ("manifest.json", said(databases=[]), "its manifest cannot be read"),
        ("manifest.json", said(more=1), "its manifest cannot be read"),
        ("manifest.json", renamed, "its manifest cannot be read"),
    ],
)
def test_no_forged_archive_is_believed(
    written: Path, tmp_path: Path, member: str, how: Callable[[bytes], bytes | None], complaint: str
) -> None:
    """What is missing, what is too much, what is larger than it says and what would land elsewhere is refused by name."""
    change(written, tmp_path / "forged.zip", member, how)
    with pytest.raises(ConfigurationError, match=complaint), Archive(tmp_path / "forged.zip") as archive:
        archive.check()


def test_what_is_no_archive(tmp_path: Path) -> None:
    """Another file, and none, are named as what they are."""
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(ConfigurationError, match="no back-up of a house, or it was cut off"):
        Archive(tmp_path / "notes.txt")
    with pytest.raises(ConfigurationError, match="cannot be read: No such file or directory"):
        Archive(tmp_path / "none.zip")


def test_a_column_that_no_archive_knows(tmp_path: Path) -> None:
    """A module's table with a type that cannot be kept is refused by name, and not kept in part."""
    with closing(Database(sqlite_url(tmp_path / "odd.db"))) as database:
        with database.write() as tx:
            tx.execute(text("CREATE TABLE odd (id INTEGER PRIMARY KEY, at TIME)"))
        with pytest.raises(ConfigurationError, match="The column at of the table odd holds what no back-up can hold"):
            keep({manifest.HOUSE: database}, tmp_path / "odd.zip")

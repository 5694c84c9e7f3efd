"""Bringing tables to their newest state: whole or not at all, in a process of its own, and never back."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from bot.errors import ConfigurationError
from bot.store import migrate
from bot.store.database import Database
from bot.store.faults import StoreAway
from tests import stores

pytestmark = pytest.mark.both_stores
STEP = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = {revision!r}, {before!r}

def upgrade():
    op.create_table({table!r}, sa.Column("n", sa.Integer()))
    {then}
"""


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A history of one good step, and one that fails half-way."""
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "pets_0001.py").write_text(STEP.format(revision="pets_0001", before=None, table="cats", then=""))
    broken = STEP.format(
        revision="pets_0002", before="pets_0001", table="dogs", then="op.execute('INSERT INTO nothing VALUES (1)')"
    )
    (folder / "pets_0002.py").write_text(broken)
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    with closing(Database(stores.address(tmp_path / "empty.db"))) as made:
        yield made


def tables(database: Database) -> set[str]:
    """Return the tables that there are."""
    with database.read() as tx:
        return set(inspect(tx).get_table_names())


def test_a_step_that_fails_half_way_changes_nothing(database: Database, history: Path) -> None:
    """Not even the good step before it stays, the reason is said, and mended all goes well."""
    with pytest.raises(ConfigurationError, match=r"were left as they were: .*nothing.* please report this") as error:
        migrate.upgrade({database.url: [history]})
    assert not isinstance(error.value, StoreAway)
    assert tables(database) == set()
    (history / "pets_0002.py").write_text(STEP.format(revision="pets_0002", before="pets_0001", table="dogs", then=""))
    migrate.upgrade({database.url: [history]})
    assert tables(database) == {"alembic_version", "cats", "dogs"}
    assert migrate.is_current(database, [history])


def test_a_house_of_before_does_not_use_what_a_later_one_made(database: Database, history: Path) -> None:
    """A database with a step that this version does not know is refused by name."""
    with database.write() as tx:
        tx.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        tx.execute(text("INSERT INTO alembic_version VALUES ('pets_0003')"))
    with pytest.raises(ConfigurationError, match=r"made by a later version of Butlers \(pets_0003\)"):
        migrate.is_current(database, [history])

"""Bring a database to the newest state of its tables; `python -m bot.store.migrate` is the process that does it.

A history is a folder of steps named <history>_<number>.py, whose names are their revisions. A database may follow several
histories side by side: a butler's follows its own and one for each skill that keeps tables. Alembic costs 0.2 s and 12 MB,
so it is imported only in a process of its own, and only when a look at the database says that a step is missing.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot.errors import ConfigurationError
from bot.store.database import Database

Wanted = Mapping[str, Sequence[Path]]  # the histories that a database follows, by its address
_HERE = Path(__file__).parent / "migrations"
HOUSE = (_HERE / "house",)
BUTLER = (_HERE / "butler",)


def heads(histories: Sequence[Path]) -> set[str]:
    """Return the newest revision of each history."""
    return {max(step.stem for step in folder.glob("*_[0-9]*.py")) for folder in histories}


def is_current(database: Database, histories: Sequence[Path]) -> bool:
    """Tell whether a database has had every step of its histories."""
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return set(connection.scalars(text("SELECT version_num FROM alembic_version"))) == heads(histories)


def upgrade(wanted: Wanted) -> None:
    """Bring databases to the newest state of their histories, in a process of its own. Raises ConfigurationError."""
    task = json.dumps({url: [str(folder) for folder in histories] for url, histories in wanted.items()})
    done = subprocess.run(
        [sys.executable, "-m", "bot.store.migrate"],
        input=task,  # not an argument: the whole machine may read those, and an address may hold a password
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason was given"]
        raise ConfigurationError(f"The database could not be prepared: {last[0]}")


def upgrade_here(wanted: Wanted) -> None:
    """Do the same in this process, which had better be a short one."""
    for url, histories in wanted.items():
        database = Database(url)
        with database.write() as connection:
            step(connection, histories)
        database.close()


def step(connection: Connection, histories: Sequence[Path], revisions: Sequence[str] = ("heads",)) -> None:
    """Take the steps of histories up to these, within somebody's transaction."""
    from alembic import command  # noqa: PLC0415 - see the module's sentence
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(folder) for folder in histories))
    config.attributes["connection"] = connection
    for revision in revisions:
        command.upgrade(config, revision)


if __name__ == "__main__":
    upgrade_here({address: [Path(folder) for folder in folders] for address, folders in json.load(sys.stdin).items()})

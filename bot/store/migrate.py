"""Bring a database to the newest state of its tables; `python -m bot.store.migrate` is the process that does it.

A history is a folder of steps named <history>_<number>.py, whose names are their revisions. A database may follow several
histories side by side: a butler's follows its own and one for each skill that keeps tables. Alembic costs 0.2 s and 12 MB,
so it is imported only in a process of its own, and only when a look at the database says that a step is missing.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.errors import ConfigurationError
from bot.store.database import Database
from bot.store.faults import StoreAway, of_access, said

Wanted = Mapping[str, Sequence[Path]]  # the histories that a database follows, by its address
_HERE = Path(__file__).parent / "migrations"
HOUSE = (_HERE / "house",)
BUTLER = (_HERE / "butler",)
_AWAY = 75  # as sysexits.h has it: the same may go well later


def heads(histories: Sequence[Path]) -> set[str]:
    """Return the newest revision of each history."""
    return {max(step.stem for step in folder.glob("*_[0-9]*.py")) for folder in histories}


def is_current(database: Database, histories: Sequence[Path]) -> bool:
    """Tell whether a database has had every step of its histories. Raises ConfigurationError for one of a later version."""
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        found = set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    if later := found - {step.stem for folder in histories for step in folder.glob("*_[0-9]*.py")}:
        raise ConfigurationError(
            f"The database {make_url(database.url).database} was made by a later version of Butlers "
            f"({', '.join(sorted(later))}). Start that one, or put a back-up in its place."
        )
    return found == heads(histories)


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
        raise (StoreAway if done.returncode == _AWAY else ConfigurationError)(last[0])


def upgrade_here(wanted: Wanted) -> None:
    """Do the same in this process, which had better be a short one. Raises ConfigurationError."""
    from alembic.util import CommandError  # noqa: PLC0415 - see the module's sentence

    for url, histories in wanted.items():
        with closing(Database(url)) as database:
            try:
                with database.write() as connection:  # on a server, another host that has the same in mind waits
                    step(connection, histories)
            except (SQLAlchemyError, CommandError) as error:
                raise _stopped(error, url) from error


def step(connection: Connection, histories: Sequence[Path], revisions: Sequence[str] = ("heads",)) -> None:
    """Take the steps of histories up to these, within somebody's transaction."""
    from alembic import command  # noqa: PLC0415 - see the module's sentence
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(folder) for folder in histories))
    if connection.dialect.name != "sqlite":
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a step may have a million rows before it
    config.attributes["connection"] = connection
    for revision in revisions:
        command.upgrade(config, revision)


def _stopped(error: Exception, url: str) -> ConfigurationError:
    found = of_access(error, url) if isinstance(error, DBAPIError) else None
    return found or ConfigurationError(
        f"The tables of {make_url(url).database} could not be brought into order, and were left as they were: "
        f"{said(error) if isinstance(error, DBAPIError) else error}. Start the version from before, and please report this."
    )


def _main() -> int:
    try:
        upgrade_here({address: [Path(folder) for folder in folders] for address, folders in json.load(sys.stdin).items()})
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - upgrade reads it
        return _AWAY if isinstance(error, StoreAway) else 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())

"""What it takes to keep a house in one file and to restore it: time, size and memory, with a long life in it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from sqlalchemy import text

from benchmarks.table import Figure, at_most
from bot.store.database import Database, sqlite_url
from tests.houses import BUTLER, House

ROWS = 200_000  # half of them messages, half entries of transcripts
_OF_BEFORE = (
    (
        "WITH RECURSIVE n(i, at) AS (SELECT 1, '2026-10-01 12:00:00.000000' UNION ALL SELECT i + 1, at FROM n WHERE i < :rows) "
        "INSERT INTO inbox (conversation_id, channel, external_id, native_id, person_id, text, origin, sent_at, received_at, "
        "state, kills) SELECT 1, 'old', '7:' || i, CAST(i AS TEXT), 1, 'number ' || i || ' of a long life, ' || "
        "abs(random()) % 1000 || ' words of which are much like those of before', 'person', at, at, 'answered', 0 FROM n"
    ),
    (
        "WITH RECURSIVE n(i, at) AS (SELECT 1, '2026-10-01 12:00:00.000000' UNION ALL SELECT i + 1, at FROM n WHERE i < :rows) "
        "INSERT INTO transcript (conversation_id, turn_id, role, content, origin, at, withdrawn) SELECT 1, 1, 'user', "
        "json_array(json_object('type', 'text', 'text', 'number ' || i || ' of a long life, ' || abs(random()) % 1000 || "
        "' words of which are much like those of before')), 'person', at, 1 FROM n"
    ),
)


class Run(NamedTuple):
    """What a command took."""

    seconds: float
    megabytes: float  # of memory, at most


def back_and_forth(folder: Path) -> Iterator[Figure]:
    """Measure both commands, and how much more memory each needs for ten times as much."""
    few, many = (_both(folder / str(rows), rows) for rows in (ROWS // 10, ROWS))
    for name, of_few, of_many in zip(("back-up", "restore"), few, many, strict=True):
        yield at_most(f"{name} of {ROWS:,} rows", of_many.seconds, 60, "s", f" ({of_many.megabytes:.0f} MB of memory)")
        more = of_many.megabytes - of_few.megabytes
        yield at_most(f"{name}: more memory than for a tenth of it", more, 16, "MB")


def _both(folder: Path, rows: int) -> tuple[Run, Run]:
    old, new = House(folder / "old"), House(folder / "new")
    for house in (old, new):
        house.home.mkdir(parents=True)
    old.run("up", lines=["hello"])
    with closing(Database(sqlite_url(old.home / "butlers" / "house.db"))) as database, database.write() as tx:
        for statement in _OF_BEFORE:
            tx.execute(text(statement), {"rows": rows // 2})
    return _run(old, "backup", str(folder / "house.zip")), _run(new, "restore", str(folder / "house.zip"))


def _run(house: House, *arguments: str) -> Run:
    begun = perf_counter()
    process = subprocess.Popen([*BUTLER, *arguments], env=house.env, cwd=house.home, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"butler {arguments[0]} failed")
    return Run(perf_counter() - begun, used.ru_maxrss / 1024)

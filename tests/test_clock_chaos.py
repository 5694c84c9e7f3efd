"""Clocks that jump, die and are two: each due time is carried out once, or left out with the reason, and none comes early."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Row, func, select

from bot.schedules import book, when
from bot.schedules.book import CatchUp, Draft, Purpose, Schedule, Source
from bot.schedules.ending import LATE
from bot.schedules.firing import BUSY, MOST_CAUGHT_UP, OFF
from bot.store.database import Database
from bot.store.schedule_tables import ON, runs, schedules
from bot.store.tables import outbox
from tests.fast_clock import Wall
from tests.houses import LOOK, ROOT, children, wait_until
from tests.spenders import books
from tests.storms import LONG

pytestmark = pytest.mark.crash
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
HOUR = timedelta(hours=1)
RATE, AROUND, DUE_TIMES = (900, 12 * HOUR, 10_000) if LONG else (1800, 1.5 * HOUR, 2_000)  # around each change of the clocks
CALM = 60  # times as fast as time itself
CHANGES = [
    pytest.param(BERLIN, datetime(2027, 3, 28, 1, tzinfo=UTC), id="spring in Berlin"),
    pytest.param(NEW_YORK, datetime(2026, 11, 1, 6, tzinfo=UTC), id="autumn in New York"),
]
if LONG:
    CHANGES += [
        pytest.param(BERLIN, datetime(2026, 10, 25, 1, tzinfo=UTC), id="autumn in Berlin"),
        pytest.param(NEW_YORK, datetime(2027, 3, 14, 7, tzinfo=UTC), id="spring in New York"),
    ]
TAKEN = ("done", "waiting")


@dataclass(frozen=True)
class Fast:
    """A house in which time runs fast."""

    database: Database
    wall: Wall

    @contextmanager
    def clocks(self) -> Iterator[int]:
        """Let its two clocks run; give the process that keeps them."""
        command = [sys.executable, "-m", "tests.fast_clock", self.database.url, str(self.wall.path)]
        with (
            (self.wall.path.parent / "clocks.log").open("a") as log,
            subprocess.Popen(command, cwd=ROOT, stderr=log) as process,
        ):
            try:
                wait_until(lambda: bool(list(children(process.pid))), "the clocks begin")
                yield process.pid
            finally:
                process.terminate()


@contextmanager
def fast(folder: Path, start: datetime) -> Iterator[Fast]:
    """Give a house in which it is a moment now."""
    with closing(books(folder / "house.db")) as database:
        yield Fast(database, Wall.starting_at(folder / "wall", start, RATE))


def fill(house: Fast, zone: ZoneInfo) -> list[Schedule]:
    """Keep schedules of every kind; the greater part is due each minute."""
    now = house.wall()
    minutely = [(when.cron("* * * * *", zone, now), rule) for rule in CatchUp for _ in range(5)]
    others = [
        *((when.every(timedelta(minutes=minutes), zone, now), CatchUp.LATEST) for minutes in (1, 7, 45)),
        *((when.cron(f"{minute} * * * *", zone, now), CatchUp.LATEST) for minute in (0, 0, 0, 1, 30, 59)),
        *((when.cron(f"30 {hour} * * *", zone, now), rule) for hour in (1, 2, 3) for rule in CatchUp),
        (when.once(now + AROUND, zone), CatchUp.LATEST),
    ]
    kept = []
    with house.database.write() as tx:
        for number, (due, rule) in enumerate((*minutely, *others)):
            purpose = Purpose.TASK if number % 5 == 4 else Purpose.REMINDER  # a task is never over here
            more: dict[str, Any] = {"exact": number % 2 == 0 or due.spec == "* * * * *", "catch_up": rule, "purpose": purpose}
            values: dict[str, Any] = {"butler": "assistant", "source": Source.CHAT, "person_id": 1, "conversation_id": 1}
            kept.append(book.add(tx, Draft(name=f"s{number}", when=due, prompt=f"s{number}", **values, **more), now))
    return kept


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_each_due_time_is_accounted_for_once(tmp_path: Path, zone: ZoneInfo, change: datetime) -> None:
    """Over a change of the clocks, jumps of an hour both ways, two clocks and a kill each second: none twice, lost or early."""
    with fast(tmp_path, change - AROUND) as house:
        kept = fill(house, zone)
        suffer(house, change)
        with house.database.read() as tx:
            rows = tx.execute(select(runs).order_by(runs.c.schedule_id, runs.c.due_at)).all()
            now = {one.id: book.get(tx, one.id) for one in kept}
            said = Counter(tx.scalars(select(outbox.c.text)))
        end, times = house.wall(), 0
        for one in kept:
            mine = [row for row in rows if row.schedule_id == one.id]
            times += accounts_for(one, mine, getattr(now[one.id], "next_at", None) or end)
            if one.purpose is Purpose.REMINDER:
                assert sum(said[text] for text in said if text.endswith(f"⏰ {one.prompt}")) == taken(mine)
        assert times >= DUE_TIMES / len(CHANGES)
        assert "Traceback" not in (tmp_path / "clocks.log").read_text()


def suffer(house: Fast, change: datetime) -> None:
    """Let time pass around a change of the clocks, with all that can go wrong."""
    dice = Random(5)  # noqa: S311 - the same misfortunes each time
    jumps = [(change - AROUND / 2, HOUR), (change + AROUND / 4, -HOUR), (change + AROUND / 2, HOUR)]
    with house.clocks() as pid:
        kill_at = monotonic() + 1
        while house.wall() < change + AROUND:
            if jumps and house.wall() > jumps[0][0]:
                house.wall.jump(jumps.pop(0)[1])
            if monotonic() > kill_at:
                kill_at += 1
                kill_a_clock(pid, dice)
            sleep(LOOK)
        house.wall.run_at(CALM)  # a slow machine cannot keep pace with the storm
        wait_until(lambda: is_caught_up(house), "the clocks catch up", 60)


def kill_a_clock(pid: int, dice: Random) -> None:
    """End one of the clocks with SIGKILL."""
    clocks = list(children(pid))
    if clocks:
        with suppress(ProcessLookupError):
            os.kill(dice.choice(clocks), signal.SIGKILL)


def is_caught_up(house: Fast) -> bool:
    """Tell whether nothing is due any more."""
    with house.database.read() as tx:
        first = tx.scalar(select(func.min(schedules.c.fire_at)).where(ON))
    return first is None or first > house.wall()


def taken(rows: list[Row[Any]]) -> int:
    """Count the runs that were carried out."""
    return len([row for row in rows if row.state in TAKEN])


def accounts_for(one: Schedule, rows: list[Row[Any]], until: datetime) -> int:
    """Assert that rows stand for each due time of a schedule, once, and keep to its rule; return how many those are."""
    due = list(takewhile(lambda at: at < until, one.when.times(one.made_at)))
    seen: list[datetime] = []
    for row, after in zip(rows, [*rows, None][1:], strict=True):
        covered = [at for at in due if row.due_at <= at <= (row.through or row.due_at)]
        assert len(covered) == row.times
        assert (covered[0], covered[-1]) == (row.due_at, row.through or row.due_at)
        assert row.fired_at >= covered[-1]
        seen += covered
        if row.state in TAKEN:
            assert row.times == 1
            continue
        assert row.why in (OFF, BUSY)
        if one.catch_up is CatchUp.ALL:  # on a machine so slow that more were missed than are made up for
            assert len([other for other in rows if other.fired_at == row.fired_at and other.state in TAKEN]) == MOST_CAUGHT_UP
        if row.why == OFF and one.catch_up is CatchUp.LATEST:
            assert after is not None  # the latest of them was carried out, or found the one before it at work
            assert after.state in TAKEN or after.why == BUSY
        if row.why == OFF and one.catch_up is CatchUp.SKIP:
            # By one that was not too late.
            is_followed = after is not None and (after.fired_at == row.fired_at or after.why == BUSY)
            assert is_followed or row.fired_at - row.due_at > LATE
    assert seen == due
    return len(due)

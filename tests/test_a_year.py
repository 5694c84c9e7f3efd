"""A year on a stepped clock: what is due in three zones is done as often as the calendar says, whatever the clocks do."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from bot.people import Gate
from bot.schedules import book, when
from bot.schedules.book import Draft, Purpose, Source
from bot.schedules.firing import Firing
from bot.schedules.when import When
from bot.store.database import Database
from bot.store.schedule_tables import runs
from tests.spenders import books
from tests.storms import LONG

BEGIN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
END = datetime(2027, 11, 21, 12, 0, tzinfo=UTC)
BERLIN, NEW_YORK, KOLKATA = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata"))
OFTEN_UNTIL = END if LONG else BEGIN + timedelta(days=30)  # what is due so often needs no year to be wrong
HALF_AN_HOUR = timedelta(minutes=30)


def at_wall(zone: ZoneInfo, hour: int, minute: int, is_day: Callable[[date], bool] = lambda _: True) -> list[datetime]:
    """Return when a clock in a zone shows this, once on each of these days; what is left out comes when the gap is over.

    This is arithmetic with the zone's offsets alone, and knows nothing of cron.
    """
    found = []
    day = BEGIN.astimezone(zone).date()
    while day <= END.astimezone(zone).date():
        if is_day(day):
            shown = datetime.combine(day, time(hour, minute), zone)  # the first of two
            at = shown.astimezone(UTC)
            if at.astimezone(zone).replace(tzinfo=None) != shown.replace(tzinfo=None):  # no clock shows it on that day
                at = next(
                    hour for hour in hours(at - timedelta(hours=2)) if hour.astimezone(zone).utcoffset() != before(at, zone)
                )
            found.append(at)
        day += timedelta(days=1)
    return [at for at in found if BEGIN < at <= END]


def before(at: datetime, zone: ZoneInfo) -> timedelta | None:
    """Return the zone's offset some hours before a moment."""
    return (at - timedelta(hours=4)).astimezone(zone).utcoffset()


def hours(first: datetime) -> Iterator[datetime]:
    """Give full hours, and what follows in half hours."""
    at = first.replace(minute=0)
    while True:
        yield at
        at += HALF_AN_HOUR


def steady(step: timedelta, first: datetime, until: datetime = END) -> list[datetime]:
    """Return points in time at equal distances, whatever clocks show."""
    return [first + step * number for number in range((until - first) // step + 1)]


def is_workday(day: date) -> bool:
    """Tell whether a day is none of a weekend."""
    return day.isoweekday() <= 5


def cases() -> list[tuple[When, list[datetime]]]:
    """Return due times of every form beside what another computation says that they are."""
    found: list[tuple[When, list[datetime]]] = []

    def cron(expression: str, zone: ZoneInfo, due: list[datetime]) -> None:
        found.append((when.cron(expression, zone, BEGIN), due))

    for zone in (BERLIN, NEW_YORK, KOLKATA):
        cron("0 8 * * *", zone, at_wall(zone, 8, 0))
        cron("30 2 * * *", zone, at_wall(zone, 2, 30))  # left out on one night, and twice there on another
        cron("30 7 * * 1-5", zone, at_wall(zone, 7, 30, is_workday))
        cron("0 0 1 * *", zone, at_wall(zone, 0, 0, lambda day: day.day == 1))
        cron("15 1 * * 0", zone, at_wall(zone, 1, 15, lambda day: day.isoweekday() == 7))
    cron("0 9 31 * *", BERLIN, at_wall(BERLIN, 9, 0, lambda day: day.day == 31))
    cron("0 12 25 12 *", NEW_YORK, at_wall(NEW_YORK, 12, 0, lambda day: (day.month, day.day) == (12, 25)))
    for zone, first in ((BERLIN, timedelta(hours=1)), (KOLKATA, HALF_AN_HOUR)):  # where hours begin at our half hours
        cron("0 * * * *", zone, steady(timedelta(hours=1), BEGIN + first, OFTEN_UNTIL))
    for minutes in (1, 45):
        step = timedelta(minutes=minutes)
        found.append(
            (when.every(step, BERLIN, BEGIN), steady(step, BEGIN + step, BEGIN + (OFTEN_UNTIL - BEGIN) * minutes / 45))
        )
    day = timedelta(days=1)
    found.append((when.every(day, NEW_YORK, BEGIN), steady(day, BEGIN + day)))
    christmas = datetime(2026, 12, 24, 18, 0, tzinfo=BERLIN)
    found.append((when.once(christmas, BERLIN), [christmas.astimezone(UTC)]))
    return found


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A house's books that need not survive a power cut."""
    with closing(books(tmp_path / "house.db")) as made:
        yield made


def test_a_year_passes(database: Database) -> None:
    """Each schedule has exactly the runs that the calendar gives, at those times, and not one was left out."""
    kept: dict[int, list[datetime]] = {}
    with database.write() as tx:
        for number, (due, wanted) in enumerate(cases()):
            values: dict[str, Any] = {"butler": "assistant", "source": Source.CHAT, "purpose": Purpose.REMINDER, "person_id": 1}
            draft = Draft(name=f"s{number}", when=due, prompt="now", exact=True, until=wanted[-1], **values)
            kept[book.add(tx, draft, BEGIN).id] = wanted
    now = BEGIN
    firing = Firing(database, Gate({}, frozenset()), lambda _, __: "", lambda: now)
    while (at := firing.next_at()) is not None and at <= END:
        now = max(now, at)
        firing.fire()
    with database.read() as tx:
        rows = tx.execute(select(runs.c.schedule_id, runs.c.due_at, runs.c.fired_at, runs.c.state, runs.c.times)).all()
        assert tx.scalar(select(func.count()).select_from(runs)) == sum(map(len, kept.values()))
    assert {(row.state, row.times) for row in rows} == {("done", 1)}
    assert all(row.fired_at == row.due_at for row in rows)
    times = Counter(row.schedule_id for row in rows)
    for schedule_id, wanted in kept.items():
        came = [row.due_at for row in rows if row.schedule_id == schedule_id]
        assert (times[schedule_id], came) == (len(wanted), wanted)

"""What tests of schedules need: schedules in a line, and what became of them."""

from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.schedules import book
from bot.schedules.book import Draft, Purpose, Schedule, Source
from bot.schedules.when import When, cron, every, once
from bot.store.schedule_tables import runs
from tests.room import Room

BERLIN = ZoneInfo("Europe/Berlin")


def keeps(room: Room, when: When | str, name: str = "briefing", **more: Any) -> Schedule:
    """Keep a schedule of Ada's and return it; a text is a cron expression in Berlin."""
    due = cron(when, BERLIN, room.now) if isinstance(when, str) else when
    values: dict[str, Any] = {"butler": "assistant", "name": name, "source": Source.CHAT, "person_id": 1, "prompt": "Brief me."}
    with room.database.write() as tx:
        return book.add(tx, Draft(when=due, **values | more), room.now)


def each(room: Room, minutes: int, **more: Any) -> Schedule:
    """Keep a schedule that is due every so many minutes from now on."""
    return keeps(room, every(timedelta(minutes=minutes), BERLIN, room.now), **more)


def reminds(room: Room, at: datetime, words: str, **more: Any) -> Schedule:
    """Keep a reminder of Ada's and return it."""
    return keeps(room, once(at, BERLIN), words, prompt=words, purpose=Purpose.REMINDER, **more)


def stands(room: Room, schedule: Schedule) -> Schedule:
    """Return a schedule as it stands by now."""
    with room.database.read() as tx:
        found = book.get(tx, schedule.id)
    assert found is not None
    return found


def became(room: Room, schedule: Schedule) -> list[tuple[str, int, str]]:
    """Return what became of a schedule's runs: each state, for how many due times, and why."""
    with room.database.read() as tx:
        rows = tx.execute(select(runs).where(runs.c.schedule_id == schedule.id).order_by(runs.c.due_at)).all()
    return [(row.state, row.times, row.why or "") for row in rows]


def local(moment: datetime | None) -> str:
    """Return a moment as a clock in Berlin shows it."""
    return f"{moment.astimezone(BERLIN):%Y-%m-%d %H:%M}" if moment else "never"


def next_three(when: When, now: datetime) -> list[datetime]:
    """Return the first three due times after a moment."""
    return list(islice(when.times(now), 3))

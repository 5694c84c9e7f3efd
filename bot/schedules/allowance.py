"""The allowance: how often a day butlers may write to a person of their own accord."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, bindparam, func, select

from bot import people
from bot.schedules.book import Purpose, Schedule
from bot.store.schedule_tables import RUN_OPEN, runs, schedules

CHOICES = (0, 1, 3, 5)
USUAL = 3
COOLDOWN = timedelta(hours=1)
NOT_AGAIN_FOR = timedelta(days=7)
A_MOMENT = timedelta(minutes=1)  # in which a butler that is writing just now will have written
_TOLD = select(runs.c.id).join(schedules)
_MINE = and_(
    schedules.c.person_id == bindparam("person"),
    schedules.c.purpose == Purpose.NUDGE,
    runs.c.told.in_(("told", "held")),
)
_WRITING = (
    select(runs.c.id)
    .join(schedules)
    .where(schedules.c.person_id == bindparam("person"), schedules.c.purpose == Purpose.NUDGE, ~schedules.c.silent, RUN_OPEN)
)


def of(person: people.Person) -> int:
    """Return how often a day butlers may write to a person of their own accord."""
    return USUAL if person.allowance is None else person.allowance


def why_not(tx: Connection, schedule: Schedule, now: datetime) -> str | None:
    """Return why a butler may not write to a person today any more, or nothing when it may."""
    if schedule.person_id is None:
        return None
    person = people.person(tx, schedule.person_id)
    most = of(person)
    if most == 0:
        return "you want to hear nothing that butlers say of their own accord"
    midnight = _midnight(person.zone or schedule.when.zone, now)
    today = tx.scalar(_TOLD.with_only_columns(func.count()).where(_MINE, runs.c.ended_at >= midnight), {"person": person.id})
    return f"that day’s allowance of {most} was used up" if (today or 0) >= most else None


def wait_until(tx: Connection, schedule: Schedule, now: datetime) -> datetime | None:
    """Return when a butler may write to a person again that has just done so; None when that is now."""
    newest = _TOLD.with_only_columns(func.max(runs.c.ended_at)).where(_MINE)
    last: datetime | None = tx.scalar(newest, {"person": schedule.person_id})
    if last is not None and last + COOLDOWN > now:
        return last + COOLDOWN
    return now + A_MOMENT if tx.execute(_WRITING, {"person": schedule.person_id}).first() is not None else None


def was_said(tx: Connection, schedule: Schedule, fingerprint: str, now: datetime) -> bool:
    """Tell whether a butler wrote the same to a person not long ago."""
    same = (_MINE, runs.c.fingerprint == fingerprint, runs.c.ended_at > now - NOT_AGAIN_FOR)
    return tx.execute(_TOLD.where(*same).limit(1), {"person": schedule.person_id}).first() is not None


def _midnight(zone: ZoneInfo, now: datetime) -> datetime:
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)

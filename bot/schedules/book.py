"""The book of schedules: what is to be done when, by which butler, for whom."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSimError
from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, select, update

from bot.names import bold
from bot.ports import Json
from bot.schedules.when import Form, When
from bot.store.schedule_tables import schedules
from bot.treasury import caps


class Source(StrEnum):
    """Who keeps a schedule."""

    TOML = "toml"  # the butler's file
    CHAT = "chat"  # a person, or a butler for them
    HOUSE = "house"  # the house, for a file in the butler's folder


class Purpose(StrEnum):
    """What happens when a schedule is due."""

    TASK = "task"  # a turn, of which a person knows
    REMINDER = "reminder"  # its words are said as they are; no model is asked
    NUDGE = "nudge"  # a turn that a butler wished for by itself
    TRIGGER = "trigger"  # a turn that another one began


class CatchUp(StrEnum):
    """What becomes of times at which the house was off."""

    LATEST = "latest"
    ALL = "all"
    SKIP = "skip"


class OffBy(StrEnum):
    """Why a schedule is off."""

    PERSON = "person"  # somebody paused it
    TOML = "toml"  # it stands in butler.toml no more
    FILE = "file"  # the file of its prompt is gone or empty
    BUTLER = "butler"  # its butler is gone
    FAILURES = "failures"  # too many in a row
    DONE = "done"  # its last time has come
    REMOVED = "removed"  # somebody removed it; what it did is still listed


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a schedule says; `person_id` is nobody's as long as the owner never wrote."""

    butler: str
    name: str
    source: Source
    purpose: Purpose = Purpose.TASK
    person_id: int | None
    conversation_id: int | None = None  # none: the person's main chat
    when: When
    follows: bool = True  # its zone is the person's, and changes with it
    prompt: str = ""
    prompt_file: str | None = None  # in the butler's folder, read at each run
    check: Json | None = None
    silent: bool = False
    urgent: bool = False
    exact: bool = False
    catch_up: CatchUp = CatchUp.LATEST
    until: datetime | None = None
    max_cost: int | None = None  # nano-dollars
    max_cost_month: int | None = None  # nano-dollars
    root_id: int | None = None
    made_by: str | None = None

    def times(self, moment: datetime) -> Iterator[datetime]:
        """Give the times at which it is due after a moment, until its last one."""
        return takewhile(lambda at: self.until is None or at <= self.until, self.when.times(moment))

    def next_after(self, moment: datetime) -> datetime | None:
        """Return when it is due after a moment; None when its last time has come."""
        return next(self.times(moment), None)


@dataclass(frozen=True, kw_only=True)
class Schedule(Draft):
    """A schedule as it stands."""

    id: int
    place_id: int | None
    cursor: Any
    is_on: bool
    off_by: OffBy | None
    next_at: datetime | None
    fire_at: datetime | None
    failures: int
    made_at: datetime

    @property
    def title(self) -> str:
        """Its name and number, as people read them."""
        return f"{bold(self.name)} (schedule {self.id})"

    @property
    def job(self) -> str:
        """Its name in the books of the treasury."""
        return str(self.id)


_DRAFT = [field.name for field in fields(Draft) if field.name != "when"]
_STANDING = [field.name for field in fields(Schedule) if field.name not in (*_DRAFT, "when")]
_ENUMS = {"source": Source, "purpose": Purpose, "catch_up": CatchUp}
_NEXT = (
    update(schedules).where(schedules.c.id == bindparam("schedule")).values(next_at=bindparam("at"), fire_at=bindparam("at"))
)
_BY_ID = select(schedules).where(schedules.c.id == bindparam("schedule_id"))
# What a row gives that somebody damaged, or that another version wrote.
UNREADABLE = (ValueError, LookupError, TypeError, OverflowError, CronSimError)
log = logging.getLogger(__name__)
NEVER = "That time is past, so it would never come."
LISTED: ColumnElement[bool] = schedules.c.off_by.is_distinct_from(OffBy.REMOVED)


def add(tx: Connection, draft: Draft, now: datetime) -> Schedule:
    """Keep a schedule. Raises ValueError when it would never be due."""
    next_at = draft.next_after(now)
    if next_at is None:
        raise ValueError(NEVER)
    values = {**_values(draft), "is_on": True, "next_at": next_at, "fire_at": next_at, "failures": 0, "made_at": now}
    made = _schedule(tx.execute(insert(schedules).values(values).returning(schedules)).one())
    caps.limit_job(tx, made.job, made.max_cost_month)
    return made


def change(tx: Connection, schedule: Schedule, draft: Draft, now: datetime) -> Schedule:
    """Let a schedule say something else; where its times change, the next one is after now. Raises ValueError for none."""
    values = _values(draft)
    if schedule.is_on and not (draft.when.is_like(schedule.when) and draft.until == schedule.until):
        next_at = draft.next_after(now)
        if next_at is None:
            raise ValueError(NEVER)
        values |= {"next_at": next_at, "fire_at": next_at}
    changed = _update(tx, schedule.id, values)
    caps.limit_job(tx, changed.job, changed.max_cost_month)
    return changed


def switch_on(tx: Connection, schedule: Schedule, now: datetime) -> Schedule:
    """Let a schedule be due again, after now. Raises ValueError when its last time has come."""
    next_at = schedule.next_after(now)
    if next_at is None:
        raise ValueError(NEVER)
    again = {"is_on": True, "off_by": None, "next_at": next_at, "fire_at": next_at, "failures": 0}
    return _update(tx, schedule.id, again)


def switch_off(tx: Connection, schedule_id: int, why: OffBy) -> Schedule:
    """Let a schedule be due no more, and keep it."""
    return _update(tx, schedule_id, off(why))


def off(why: OffBy) -> dict[str, Any]:
    """Return what a row says of a schedule that is due no more."""
    return {"is_on": False, "off_by": why, "next_at": None, "fire_at": None}


def set_next(tx: Connection, schedule: Schedule, next_at: datetime | None) -> None:
    """Note when a schedule is due next; one that is due no more is done."""
    if next_at is None:
        switch_off(tx, schedule.id, OffBy.DONE)
    else:
        tx.execute(_NEXT, {"schedule": schedule.id, "at": next_at})


def get(tx: Connection, schedule_id: int) -> Schedule | None:
    """Return a schedule, also one that is off."""
    row = tx.execute(_BY_ID, {"schedule_id": schedule_id}).first()
    return None if row is None else _schedule(row)


def find(tx: Connection, *where: ColumnElement[bool], limit: int | None = None) -> list[Schedule]:
    """Return the schedules of which these conditions hold and that nobody removed, what is due first before the others."""
    statement = select(schedules).where(*where, LISTED)
    ordered = statement.order_by(schedules.c.next_at.is_(None), schedules.c.next_at, schedules.c.id).limit(limit)
    return list(_readable(tx.execute(ordered).all()))


def move_zone(tx: Connection, person_id: int, zone: ZoneInfo, now: datetime) -> int:
    """Let the schedules that follow a person's zone follow this one; return how many do."""
    mine = find(tx, schedules.c.person_id == person_id, schedules.c.follows)
    for one in mine:
        when = replace(one.when, zone=zone)
        values: dict[str, Any] = {"zone": zone.key}
        if one.is_on and when.form is Form.CRON and when.zone != one.when.zone:
            next_at = replace(one, when=when).next_after(now)
            values |= {"next_at": next_at, "fire_at": next_at} if next_at is not None else off(OffBy.DONE)
        _update(tx, one.id, values)
    return len([one for one in mine if one.is_on])


def read(rows: Sequence[Row[Any]]) -> list[Schedule]:
    """Return schedules of their rows."""
    return [_schedule(row) for row in rows]


def _readable(rows: Sequence[Row[Any]]) -> Iterator[Schedule]:
    """Give the schedules of rows, without those that somebody damaged."""
    for row in rows:
        try:
            yield _schedule(row)
        except UNREADABLE as error:
            log.error("schedule %s cannot be read: %s", row.id, error)


def _values(draft: Draft) -> dict[str, Any]:
    when = {"form": draft.when.form, "spec": draft.when.spec, "zone": draft.when.zone.key, "anchor": draft.when.anchor}
    return {name: getattr(draft, name) for name in _DRAFT} | when


def _update(tx: Connection, schedule_id: int, values: dict[str, Any]) -> Schedule:
    changed = update(schedules).where(schedules.c.id == schedule_id).values(values).returning(schedules)
    return _schedule(tx.execute(changed).one())


def _schedule(row: Row[Any]) -> Schedule:
    values = {name: getattr(row, name) for name in (*_DRAFT, *_STANDING)}
    values |= {name: kind(values[name]) for name, kind in _ENUMS.items()}
    when = When(Form(row.form), row.spec, ZoneInfo(row.zone), row.anchor)
    when.check()
    return Schedule(**values | {"when": when, "off_by": OffBy(row.off_by) if row.off_by else None})

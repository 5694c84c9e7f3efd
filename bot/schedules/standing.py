"""How schedules stand, in words: when they are due, what became of them, what they cost, and why one is off."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select

from bot import people
from bot.names import bold, one_line
from bot.people import Person
from bot.schedules import book, english
from bot.schedules import runs as runs_book
from bot.schedules.book import OffBy, Purpose, Schedule, Source
from bot.schedules.ending import LATE
from bot.schedules.firing import MOST_COUNTED
from bot.schedules.naming import LIVE
from bot.schedules.when import Form
from bot.store.schedule_tables import runs, schedules
from bot.store.tables import outbox
from bot.store.treasury_tables import budgets
from bot.treasury.budgets import money

MOST = 20  # a phone shows no more
LONGEST_WHY = 200  # characters
_RUN = (runs, outbox.c.state.label("reply_state"), outbox.c.error)
_WHY_OFF = {
    OffBy.PERSON: "it was paused",
    OffBy.TOML: "it stands in butler.toml no more",
    OffBy.FILE: "the file of its words is gone or empty",
    OffBy.BUTLER: "its butler is gone",
    OffBy.FAILURES: "it failed too often in a row",
    OffBy.DONE: "its last time has come",
    OffBy.REMOVED: "it was removed",
}
_ENDS = {"silent": "done, and kept in the log", "nothing": "done, with nothing to tell"}


def listed(tx: Connection, zone: ZoneInfo, now: datetime, *where: ColumnElement[bool], costs: bool) -> list[str]:
    """Return schedules that are not done for good, two lines each, what is due first before the others, and how many more."""
    found = book.find(tx, *where, LIVE, limit=MOST)
    spent = costs_of(tx, [one.id for one in found]) if costs else {}
    lines = [line for one in found for line in _lines(tx, one, zone, now, spent)]
    more = (tx.scalar(select(func.count()).select_from(schedules).where(*where, LIVE)) or 0) - len(found)
    return [*lines, f"- and {more} more; `/schedule show ID` shows one"] if more > 0 else lines


def _lines(tx: Connection, one: Schedule, zone: ZoneInfo, now: datetime, spent: dict[int, int]) -> list[str]:
    costs = spent.get(one.id, 0)
    dear = f" Cost so far: {money(costs)}." if costs or (spent and one.purpose is not Purpose.REMINDER) else ""
    last = last_run(tx, one.id)
    became = f"Last: {english.moment(last.due_at, zone, now)}, {outcome(last, zone, now)}." if last else "Not due so far."
    said = f"- {bold(one.name)} ({one.id}, {kind(one)}): {when(one, zone, now)}"
    # That the only time of a reminder is still to come, its first line says.
    return [said] if last is None and not dear and one.when.form is Form.ONCE else [said, f"  - {became}{dear}"]


def kind(one: Schedule) -> str:
    """Return in a word or two what a schedule is: a reminder, or whose task, and whether anybody asked for it."""
    if one.purpose is Purpose.REMINDER:
        return "reminder"
    return f"{one.butler}, of its own accord" if one.source is Source.HOUSE or one.purpose is Purpose.NUDGE else one.butler


def when(one: Schedule, zone: ZoneInfo, now: datetime) -> str:
    """Return when a schedule is due, or why it is not."""
    words = english.in_words(one, zone, now)
    if one.is_on:
        return words
    if one.off_by is OffBy.PERSON:
        return f"{words} Paused."
    how = "Over" if one.off_by in (OffBy.DONE, OffBy.REMOVED) else "Paused"
    return f"{words} {how}: {why_off(one)}."


def why_off(one: Schedule) -> str:
    """Return why a schedule is off."""
    if one.off_by is OffBy.FILE:
        return f"{one.prompt_file} of {one.butler} is gone or empty"
    return _WHY_OFF[one.off_by or OffBy.PERSON]


def held_until(tx: Connection, one: Schedule, person: Person, at: datetime) -> datetime | None:
    """Return until when quiet hours keep a person from hearing of what is due at a time; None: nothing does."""
    if one.urgent or one.silent:
        return None
    place = runs_book.answers_in(tx, one)
    return person.quiet_until(at) if place is not None and place.address.private else None


def last_run(tx: Connection, schedule_id: int) -> Row[Any] | None:
    """Return what became of a schedule's last due time."""
    return tx.execute(_LAST, {"schedule": schedule_id}).first()


def last_runs(tx: Connection, schedule_id: int, most: int) -> Sequence[Row[Any]]:
    """Return what became of a schedule's last due times, the last one first."""
    return tx.execute(run_rows().where(runs.c.schedule_id == schedule_id).order_by(runs.c.due_at.desc()).limit(most)).all()


def in_a_line(tx: Connection, one: Schedule, zone: ZoneInfo, now: datetime) -> str:
    """Return a schedule as the shell lists it: whose it is, when it is due next, what became of it last and what it cost."""
    whose = people.person(tx, one.person_id).name if one.person_id is not None else "the owner"
    due = f"next {english.moment(one.next_at, zone, now)}" if one.next_at is not None else f"off: {why_off(one)}"
    last = last_run(tx, one.id)
    became = f"last {english.moment(last.due_at, zone, now)}, {outcome(last, zone, now)}" if last else "never due yet"
    rule = f"{english.rhythm(one.when, now)} ({one.when.zone})"
    cost = money(costs_of(tx, [one.id])[one.id])
    return f"{one.id}: {one.name}, {one.butler} for {whose}, {rule}, {due}, {became}, cost {cost}"


def run_rows() -> Select[Any]:
    """Return the statement for runs with how their replies fared."""
    return select(*_RUN).outerjoin(outbox, outbox.c.id == runs.c.reply_id)


_LAST = run_rows().where(runs.c.schedule_id == bindparam("schedule")).order_by(runs.c.due_at.desc()).limit(1)


def costs_of(tx: Connection, schedule_ids: Sequence[int]) -> dict[int, int]:
    """Return what schedules have cost so far, in nano-dollars."""
    scopes = [f"job:{one}" for one in schedule_ids]
    mine = (budgets.c.scope.in_(scopes), budgets.c.period.startswith("month:"))
    rows = tx.execute(select(budgets.c.scope, func.sum(budgets.c.spent).label("sum")).where(*mine).group_by(budgets.c.scope))
    spent = {row.scope: int(row.sum) for row in rows}
    return {one: spent.get(f"job:{one}", 0) for one in schedule_ids}


def outcome(row: Row[Any], zone: ZoneInfo, now: datetime) -> str:
    """Return what became of a due time."""
    is_late = row.state != "skipped" and not row.by_hand and row.fired_at - row.due_at > LATE
    if not is_late:
        return _became(row, zone)
    begun, due = row.fired_at.astimezone(zone), row.due_at.astimezone(zone)
    when_begun = f"{begun:%H:%M}" if begun.date() == due.date() else english.moment(begun, zone, now)
    return f"late, begun {when_begun}, {_became(row, zone)}"


def _became(row: Row[Any], zone: ZoneInfo) -> str:
    why = one_line(row.why or "", LONGEST_WHY).rstrip(".")
    match row.state:
        case "done":
            return _told(row, why)
        case "failed":
            return f"failed: {why}"
        case "retrying":
            return f"failed, tried again at {row.retry_at.astimezone(zone):%H:%M}: {why}"
        case "skipped":
            times = f", more than {MOST_COUNTED:,} times" if not row.times else f", {row.times} times" if row.times > 1 else ""
            return f"skipped: {why}{times}"
        case "stopped":
            return "stopped" if why == runs_book.STOPPED else f"stopped: {why}"
        case _:
            return "is being done"


def _told(row: Row[Any], why: str) -> str:
    if row.told == "held":
        return "waits for the end of quiet hours"
    if row.told == "withheld":
        return f"withheld: {why}"
    if row.told in _ENDS:
        return _ENDS[row.told]
    if row.reply_state == "gone":
        return f"undelivered: {row.error}; `/retry r{row.reply_id}` sends it again"
    if row.reply_state == "pending" and row.error:
        return f"undelivered so far: {row.error}"
    return "told"

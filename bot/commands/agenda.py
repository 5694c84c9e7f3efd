"""/agenda: what is due in the next 24 hours, and what became of what was due in the last 24."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from sqlalchemy import ColumnElement, Row, or_

from bot.commands.book import Asking, Command
from bot.names import bold
from bot.roles import Role
from bot.schedules import book, english, standing
from bot.schedules.book import Schedule
from bot.store.schedule_tables import ON, runs, schedules

SPAN = timedelta(hours=24)
MOST = 20  # lines of a kind
MOST_COUNTED = 100  # due times of one schedule
MOST_READ = 1_000  # due times that have come


def agenda_command() -> Command:
    """Return /agenda."""
    return Command("agenda", "", "shows what is due, and what became of what was", _agenda)


def _agenda(asking: Asking) -> str:
    to_come = "\n".join(_to_come(asking)) or "Nothing is due."
    been = "\n".join(_been(asking)) or "Nothing was due."
    return f"**Next 24 hours** ({asking.zone})\n{to_come}\n\n**Last 24 hours**\n{been}"


def mine(asking: Asking, whose: ColumnElement[int] = schedules.c.person_id) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for the schedules that somebody sees here: in a group, theirs that were made there."""
    theirs = whose == asking.person.id
    if asking.is_private and asking.person.role is Role.OWNER:  # what a file says before an owner ever wrote is theirs
        theirs = or_(theirs, whose.is_(None))
    return (theirs,) if asking.is_private else (theirs, schedules.c.conversation_id == asking.conversation.id)


def _to_come(asking: Asking) -> Iterator[str]:
    end = asking.now + SPAN
    found = book.find(asking.tx, *mine(asking), ON, schedules.c.next_at <= end, limit=MOST + 1)
    coming = [(times, one) for one in found[:MOST] if (times := _times(asking, one, end))]
    # What is due just now comes first in the book, and its next time may be a later one.
    for times, one in sorted(coming, key=lambda each: each[0][0]):
        more = _often(asking, times) + _held(asking, one, times[0])
        yield f"- {_moment(asking, times[0])} {bold(one.name)} ({one.id}){more}"
    if len(found) > MOST:
        yield "- and more; `/schedule` lists them"


def _times(asking: Asking, one: Schedule, end: datetime) -> list[datetime]:
    return list(islice(takewhile(lambda at: at <= end, one.times(asking.now)), MOST_COUNTED))


def _often(asking: Asking, times: Sequence[datetime]) -> str:
    if len(times) == 1:
        return ""
    if len(times) >= MOST_COUNTED:
        return f", {MOST_COUNTED} times or more"
    return f", {len(times)} times until {_moment(asking, times[-1])}"


def _held(asking: Asking, one: Schedule, at: datetime) -> str:
    until = standing.held_until(asking.tx, one, asking.person, at)
    return "" if until is None else f", told at {_moment(asking, until)} when your quiet hours are over"


def _been(asking: Asking) -> Iterator[str]:
    """Give what became of due times: those of one schedule that ended alike are one line."""
    statement = standing.run_rows().add_columns(schedules.c.name).join(schedules, schedules.c.id == runs.c.schedule_id)
    # A day has few runs, and a person's schedules have had many: of the two indexes, the other one is not to be taken.
    recent = statement.where(*mine(asking, schedules.c.person_id + 0), runs.c.fired_at > asking.now - SPAN).order_by(
        runs.c.fired_at.desc(), runs.c.due_at.desc()
    )
    rows = asking.tx.execute(recent.limit(MOST_READ)).all()
    alike: dict[tuple[int, str], list[Row[Any]]] = {}
    for row in rows:
        alike.setdefault((row.schedule_id, standing.outcome(row, asking.zone, asking.now)), []).append(row)
    for (schedule_id, outcome), some in list(alike.items())[:MOST]:
        since = f", {len(some)} times since {_moment(asking, some[-1].due_at)}" if len(some) > 1 else ""
        yield f"- {_moment(asking, some[0].due_at)} {bold(some[0].name)} ({schedule_id}): {outcome}{since}"
    if len(alike) > MOST or len(rows) == MOST_READ:
        yield "- and more before; `/schedule show ID` shows one’s last times"


def _moment(asking: Asking, at: datetime) -> str:
    local, today = at.astimezone(asking.zone), asking.now.astimezone(asking.zone).date()
    return f"{local:%H:%M}" if local.date() == today else english.moment(at, asking.zone, asking.now)

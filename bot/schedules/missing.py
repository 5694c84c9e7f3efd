"""What came due between a back-up and its restoring: it may have been carried out, so it is not, and that is recorded."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from bot import unasked
from bot.messages import Origin, ReplyKind
from bot.schedules import book, firing, runs
from bot.schedules.book import UNREADABLE, CatchUp, Purpose, Schedule
from bot.schedules.runs import Span
from bot.schedules.when import Form
from bot.store.schedule_tables import ON, schedules
from bot.unasked import Word

WHY = "the house was restored from a back-up, and it may have been done then"
_DUE = select(schedules).where(ON, schedules.c.next_at <= bindparam("now")).order_by(schedules.c.id)


def pass_over(tx: Connection, when: str, now: datetime) -> int:
    """Record what came due as passed over; return how many schedules that are.

    What is said only once, or is only words, is told with the doubt, so that nobody misses it.
    """
    count = 0
    for row in tx.execute(_DUE, {"now": now}).all():
        try:
            (schedule,) = book.read([row])
            due = firing.due(schedule, now)
        except UNREADABLE:
            continue  # the clock sets it aside
        came = (*due.missed, *due.taken)
        runs.skip(tx, schedule.id, Span(came[0], came[-1], 0 if due.uncounted else len(came)), WHY, now)
        _tell(tx, schedule, came[-1], when, now)
        book.set_next(tx, schedule, due.next_at)
        count += 1
    return count


def _tell(tx: Connection, schedule: Schedule, at: datetime, when: str, now: datetime) -> None:
    is_once = schedule.when.form is Form.ONCE
    is_words = schedule.purpose is Purpose.REMINDER
    place = runs.answers_in(tx, schedule)
    if place is None or schedule.silent or not (is_once or is_words) or schedule.catch_up is CatchUp.SKIP:
        return
    due = f"{at.astimezone(schedule.when.zone):%a %d %b %H:%M}"
    if is_words:
        doubt = f"_This was due on {due}, after the back-up of {when} from which I was restored; you may have heard it._"
        text = f"{doubt}\n\n{unasked.REMINDS}{schedule.prompt}"
    else:
        text = (
            f"{schedule.title} was due on {due}, after the back-up of {when} from which I was restored. It may have been done "
            f"then, so I do not do it by myself: `/schedule run {schedule.id}` does it."
        )
    kind = ReplyKind.ANSWER if is_words else ReplyKind.NOTICE
    unasked.say(tx, runs.person_of(tx, schedule), place, Word(schedule.name, text, Origin.HOUSE, kind, schedule.urgent), now)

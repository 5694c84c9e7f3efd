"""Runs: what became of each time at which a schedule was due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, exists, insert, select, update

from bot import conversations, people, unasked
from bot.conversations import Conversation
from bot.messages import Address
from bot.schedules import book
from bot.schedules.book import Schedule
from bot.store.schedule_tables import CHECKING, RETRYING, RUN_OPEN, runs, schedules
from bot.store.tables import inbox, turns

NOTHING_NEW = "nothing was new"
STOPPED = "it was stopped"
SHARED_FOR = timedelta(days=1)
HOUSE = "house"  # the channel of conversations in which nobody writes
_OPEN = select(exists().where(runs.c.schedule_id == bindparam("schedule"), RUN_OPEN))
_TAKE = insert(runs).returning(runs.c.id)
_LAST = select(runs).where(runs.c.schedule_id == bindparam("schedule")).order_by(runs.c.due_at.desc()).limit(1)
_TO_RETRY = select(runs.c.id).where(RETRYING, runs.c.retry_at <= bindparam("now")).order_by(runs.c.retry_at)
_JOB = select(turns.c.job).where(turns.c.id == bindparam("root"))
# They are for the same person, so that not all schedules are looked through.
_BEGAN = (
    select(schedules.c.id)
    .join(turns, turns.c.person_id == schedules.c.person_id)
    .where(turns.c.id == bindparam("turn"), schedules.c.root_id == turns.c.id)
    .limit(1)
)
_GET = select(runs).where(runs.c.id == bindparam("run"))


@dataclass(frozen=True)
class Run:
    """One time at which a schedule is carried out."""

    id: int
    schedule: Schedule
    due_at: datetime
    fired_at: datetime
    state: str
    tries: int
    note: str
    is_looked: bool  # somebody looked whether anything is new, and it is
    tainted: bool
    by_hand: bool

    @property
    def is_urgent(self) -> bool:
        """Whether its answer waits for no end of quiet hours; what somebody asks for by hand they want to hear."""
        return self.schedule.urgent or self.by_hand

    @property
    def trigger(self) -> str:
        """What began its turn, as lists of turns show it."""
        return f"{self.schedule.purpose.replace('task', 'schedule')}:{self.schedule.name}"


@dataclass(frozen=True)
class Span:
    """Due times in a row; 0 of them are more than were counted."""

    first: datetime
    last: datetime
    times: int = 1


@dataclass(frozen=True)
class Frame:
    """What a turn needs to know of the run that it is: where its answer goes and whose memory counts there."""

    run: Run
    place: Conversation  # where the answer goes; the run's own conversation where nobody is to hear it
    subject: str
    job: str  # the schedule that pays for it


def take(tx: Connection, schedule_id: int, due_at: datetime, state: str, now: datetime, **more: Any) -> int:  # noqa: ANN401
    """Note a run and return its id; the table refuses a second one of the same due time."""
    values = {"schedule_id": schedule_id, "due_at": due_at, "state": state, "fired_at": now}
    standing = {"times": 1, "tainted": False, "by_hand": False, "tries": 0}
    return int(tx.execute(_TAKE, {**values, **standing, **more}).scalar_one())


def skip(tx: Connection, schedule_id: int, span: Span, why: str, now: datetime) -> None:
    """Record due times that are not carried out; those that follow others of the same reason share their row for a day."""
    last = tx.execute(_LAST, {"schedule": schedule_id}).first()
    is_same = last is not None and last.state == "skipped" and last.why == why and last.due_at > now - SHARED_FOR
    if last is not None and is_same and last.times and span.times:
        note(tx, last.id, through=span.last, times=last.times + span.times, fired_at=now, ended_at=now)
        return
    take(tx, schedule_id, span.first, "skipped", now, through=span.last, times=span.times, why=why, ended_at=now)


def nothing_new(tx: Connection, run: Run, now: datetime) -> None:
    """Record that a look found nothing for which a turn would be worth its money."""
    tx.execute(delete(runs).where(runs.c.id == run.id))
    skip(tx, run.schedule.id, Span(run.due_at, run.due_at), NOTHING_NEW, now)


def is_open(tx: Connection, schedule_id: int) -> bool:
    """Tell whether a run of a schedule is not over."""
    return bool(tx.scalar(_OPEN, {"schedule": schedule_id}))


def get(tx: Connection, run_id: int) -> Run:
    """Return a run with its schedule."""
    row = tx.execute(_GET, {"run": run_id}).one()
    schedule = book.get(tx, row.schedule_id)
    if schedule is None:
        raise LookupError(f"run {run_id} has no schedule")
    seen = (row.note or "", row.note is not None, row.tainted)
    return Run(row.id, schedule, row.due_at, row.fired_at, row.state, row.tries, *seen, row.by_hand)


def before(tx: Connection, run: Run) -> Row[Any] | None:
    """Return the run of the same schedule before this one."""
    earlier = (runs.c.schedule_id == run.schedule.id, runs.c.due_at < run.due_at)
    return tx.execute(select(runs).where(*earlier).order_by(runs.c.due_at.desc()).limit(1)).first()


def note(tx: Connection, run_id: int, **values: Any) -> None:  # noqa: ANN401 - columns
    """Note how a run stands."""
    tx.execute(update(runs).where(runs.c.id == run_id).values(**values))


def ask(tx: Connection, run: Run, text: str, origin: str, now: datetime) -> int:
    """Put what is to be done into the inbox of the schedule's own conversation, and return that."""
    place_id = open_place(tx, run.schedule)
    tries = run.tries + 1
    row = {"conversation_id": place_id, "channel": HOUSE, "external_id": f"run:{run.id}:{tries}", "native_id": f"run:{run.id}"}
    words = {"text": text, "origin": origin, "butler": run.schedule.butler, "person_id": run.schedule.person_id}
    tx.execute(insert(inbox).values(**row, **words, sent_at=now, received_at=now, state="waiting", kills=0, run_id=run.id))
    note(tx, run.id, state="waiting", tries=tries, retry_at=None)
    conversations.note_rung(tx, [place_id], now)
    return place_id


def frame(tx: Connection, run_id: int, own: Conversation) -> Frame:
    """Return what a turn needs to know of its run."""
    run = get(tx, run_id)
    place = answers_in(tx, run.schedule) or own
    subject = place.address.subject(run.schedule.person_id or 0)
    return Frame(run, own if run.schedule.silent else place, subject, payer(tx, run.schedule))


def payer(tx: Connection, schedule: Schedule) -> str:
    """Return the job that pays for a schedule: what a run of another one began is paid by that one."""
    job: str | None = tx.scalar(_JOB, {"root": schedule.root_id}) if schedule.root_id is not None else None
    return job or schedule.job


def began_others(tx: Connection, turn_id: int) -> bool:
    """Tell whether a turn began others, which spend what it may spend."""
    return tx.execute(_BEGAN, {"turn": turn_id}).first() is not None


def answers_in(tx: Connection, schedule: Schedule) -> Conversation | None:
    """Return where a schedule's answers go: where it says, or its person's main chat."""
    if schedule.conversation_id is not None:
        return conversations.get(tx, schedule.conversation_id)
    return _home(tx, schedule)


def give_up(tx: Connection, run_id: int, now: datetime) -> None:
    """Note that a run failed whose schedule cannot be read."""
    note(tx, run_id, state="failed", why="its schedule cannot be read", ended_at=now, retry_at=None)


def stop(tx: Connection, conversation_id: int, now: datetime) -> None:
    """Note that somebody stopped what is done in a schedule's own conversation."""
    mine = select(schedules.c.id).where(schedules.c.place_id == conversation_id)
    stop_all(tx, runs.c.schedule_id.in_(mine), STOPPED, now)


def stop_of(tx: Connection, schedule_id: int, now: datetime) -> None:
    """Note that somebody stopped what is done for a schedule."""
    stop_all(tx, runs.c.schedule_id == schedule_id, STOPPED, now)


def stop_all(tx: Connection, which: ColumnElement[bool], why: str, now: datetime) -> None:
    """Note that those of these runs that are not over were stopped."""
    tx.execute(update(runs).where(which, RUN_OPEN).values(state="stopped", why=why, ended_at=now, retry_at=None))


def to_check(tx: Connection) -> list[int]:
    """Return the runs before which somebody has to look whether there is anything new."""
    return list(tx.scalars(select(runs.c.id).where(CHECKING).order_by(runs.c.id)))


def to_retry(tx: Connection, now: datetime) -> list[int]:
    """Return the runs that are to be tried again."""
    return list(tx.scalars(_TO_RETRY, {"now": now}))


def open_place(tx: Connection, schedule: Schedule) -> int:
    """Return the conversation in which a schedule's turns take place, and open it before the first of them."""
    if schedule.place_id is not None:
        return schedule.place_id
    address = Address(channel=HOUSE, chat=f"schedule:{schedule.id}")
    place_id = conversations.find_or_open(tx, address).id
    tx.execute(update(schedules).where(schedules.c.id == schedule.id).values(place_id=place_id))
    return place_id


def _home(tx: Connection, schedule: Schedule) -> Conversation | None:
    return unasked.home_of(tx, schedule.person_id) if schedule.person_id is not None else None


def person_of(tx: Connection, schedule: Schedule) -> people.Person | None:
    """Return for whom a schedule works, as long as somebody does."""
    return people.person(tx, schedule.person_id) if schedule.person_id is not None else None

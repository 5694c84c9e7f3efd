"""Firing: carries out what is due, each due time once, and records what is not carried out with the reason."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from bot import people, unasked
from bot.messages import Origin, ReplyKind
from bot.people import Gate, Person
from bot.roles import Right, Role
from bot.schedules import allowance, book, ending, runs
from bot.schedules.book import UNREADABLE, CatchUp, OffBy, Purpose, Schedule
from bot.schedules.ending import LATE
from bot.schedules.runs import Span
from bot.schedules.when import Form
from bot.store.database import Database
from bot.store.schedule_tables import ON, RETRYING, schedules
from bot.store.schedule_tables import held as held_rows
from bot.store.schedule_tables import runs as run_rows
from bot.store.tables import conversations, identities
from bot.store.tables import people as person_rows
from bot.turn import Clock
from bot.unasked import Word

AT_ONCE = 50  # schedules in one transaction: others write in between
SPREAD = timedelta(minutes=1)
MOST_COUNTED = 1000  # missed times of one schedule
MOST_CAUGHT_UP = 100  # of them carried out where all are wanted
OFF = "the house was off"
BUSY = "the run before it was not over"
log = logging.getLogger(__name__)
_DUE = select(schedules).where(ON, schedules.c.fire_at <= bindparam("until")).order_by(schedules.c.fire_at).limit(AT_ONCE)
_PUT_OFF = update(schedules).where(schedules.c.id == bindparam("schedule")).values(fire_at=bindparam("later"))
_GIVE_WAY = (
    update(run_rows)
    .where(run_rows.c.schedule_id == bindparam("schedule"), RETRYING)
    .values(state="failed", retry_at=None, ended_at=bindparam("now"))
)
# Whose private chat it is in which something is to be told, if they are served no longer.
_SHUT_OUT = (
    select(person_rows.c.name)
    .join(identities, identities.c.person_id == person_rows.c.id)
    .join(conversations, and_(conversations.c.channel == identities.c.channel, conversations.c.chat == identities.c.home))
    .where(conversations.c.id == bindparam("place"), conversations.c.private, person_rows.c.role == Role.REMOVED)
)
_FIRST = select(func.min(schedules.c.fire_at)).where(ON)
_FIRST_RETRY = select(func.min(run_rows.c.retry_at)).where(RETRYING)
_FIRST_HELD = select(func.min(held_rows.c.until))


@dataclass
class Fired:
    """Conversations that need a turn, and those in which there is something to be delivered."""

    turns: list[int] = field(default_factory=list)
    replies: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Due:
    """The due times of a schedule that have come: those to be carried out, and those that were missed."""

    taken: tuple[datetime, ...]
    missed: tuple[datetime, ...]
    uncounted: bool  # so many were missed that they were not counted
    next_at: datetime | None


@dataclass(frozen=True)
class Firing:
    """Carries out what is due; `read_prompt` gives the words of a butler's file, or nothing where there are none."""

    database: Database
    gate: Gate
    read_prompt: Callable[[str, str], str]
    clock: Clock
    serves: Callable[[str], bool] = lambda _: True  # whether a butler is at work in this house now

    def next_at(self) -> datetime | None:
        """Return when there is something to be done next."""
        with self.database.read() as tx:
            found = [tx.scalar(first) for first in (_FIRST, _FIRST_RETRY, _FIRST_HELD)]
        return min((at for at in found if at is not None), default=None)

    def fire(self, patience: timedelta = timedelta(0)) -> Fired:
        """Do what is due now, or was due some time ago already; one transaction's worth of it."""
        now = self.clock()
        fired = Fired()
        with self.database.write() as tx:
            rows = tx.execute(_DUE, {"until": now - patience}).all()
            for one in self._spread(tx, _readable(tx, rows), now):
                with _alone(tx, one):
                    self._fire(tx, one, now, fired)
            for run_id in runs.to_retry(tx, now - patience)[:AT_ONCE]:
                with _given_up(tx, run_id, now):
                    self.go_on(tx, run_id, now, fired)
            fired.replies += unasked.release(tx, now)
        return fired

    def by_hand(self, tx: Connection, schedule: Schedule, now: datetime) -> list[int]:
        """Carry a schedule out although it is not due; return the conversations to ring. Raises ValueError with the reason."""
        if runs.is_open(tx, schedule.id):
            raise ValueError("It is being carried out just now.")
        if why_not := self._why_not(tx, schedule):
            raise ValueError(f"It cannot be carried out: {why_not}.")
        fired = Fired()
        self._run(tx, schedule, now, now, fired, by_hand=True)
        return [*fired.turns, *fired.replies]

    def _spread(self, tx: Connection, due: Sequence[Schedule], now: datetime) -> Iterable[Schedule]:
        """Return what is carried out now; others of the same moment follow over a minute, unless they are exact."""
        crowd = [one for one in due if not one.exact and one.fire_at == one.next_at and one.when.form is not Form.ONCE]
        later = {one.id: _room(one, now) * place / len(crowd) for place, one in enumerate(crowd) if place}
        for schedule_id, pause in later.items():
            tx.execute(_PUT_OFF, {"schedule": schedule_id, "later": now + pause})
        return [one for one in due if one.id not in later]

    def _fire(self, tx: Connection, schedule: Schedule, now: datetime, fired: Fired) -> None:
        is_unasked = schedule.purpose is Purpose.NUDGE and not schedule.silent
        if is_unasked and (until := allowance.wait_until(tx, schedule, now)) is not None:
            tx.execute(_PUT_OFF, {"schedule": schedule.id, "later": until})
            return
        came = due(schedule, now)
        why_not = self._why_not(tx, schedule) or (allowance.why_not(tx, schedule, now) if is_unasked else None)
        if came.missed:
            times = 0 if came.uncounted else len(came.missed)
            runs.skip(tx, schedule.id, Span(came.missed[0], came.missed[-1], times), OFF, now)
        for at in came.taken:
            if why_not:
                runs.skip(tx, schedule.id, Span(at, at), why_not, now)
            elif schedule.catch_up is not CatchUp.ALL and self._is_busy(tx, schedule, now):
                runs.skip(tx, schedule.id, Span(at, at), BUSY, now)
            else:
                why_not = self._run(tx, schedule, at, now, fired)
        standing = book.get(tx, schedule.id)
        if standing is not None and standing.is_on:
            book.set_next(tx, schedule, came.next_at)

    def _why_not(self, tx: Connection, schedule: Schedule) -> str | None:
        """Return why a schedule is not carried out for its person, or nothing."""
        if not self.serves(schedule.butler):
            return f"{schedule.butler} is not at work here"
        person = self._person(tx, schedule)
        if person is None:
            return "no owner has written to this house yet"
        if schedule.conversation_id is not None and (gone := tx.scalar(_SHUT_OUT, {"place": schedule.conversation_id})):
            return f"it is told in the chat of {gone}, who is served no longer"
        return None if person.may(Right.SCHEDULE) else f"{person.name} may have nothing done at times any more"

    def _person(self, tx: Connection, schedule: Schedule) -> Person | None:
        if schedule.person_id is not None:
            return people.person(tx, schedule.person_id)
        found = next((owner for _, owner in people.owners(tx, self.gate) if owner is not None), None)
        if found is not None:
            tx.execute(update(schedules).where(schedules.c.id == schedule.id).values(person_id=found.id))
        return found

    def _is_busy(self, tx: Connection, schedule: Schedule, now: datetime) -> bool:
        """Tell whether a run is not over; one that waits for another try gives way."""
        if not runs.is_open(tx, schedule.id):
            return False
        tx.execute(_GIVE_WAY, {"schedule": schedule.id, "now": now})
        return runs.is_open(tx, schedule.id)

    def _run(
        self, tx: Connection, schedule: Schedule, at: datetime, now: datetime, fired: Fired, *, by_hand: bool = False
    ) -> str | None:
        """Carry out one due time; return why no further one can be, or nothing."""
        if schedule.purpose is Purpose.REMINDER:
            fired.replies += _remind(tx, schedule, runs.take(tx, schedule.id, at, "waiting", now, by_hand=by_hand), now)
            return None
        state = "checking" if schedule.check and not by_hand else "waiting"
        run_id = runs.take(tx, schedule.id, at, state, now, by_hand=by_hand)
        return self._ask(tx, run_id, now, fired) if state == "waiting" else None

    def go_on(self, tx: Connection, run_id: int, now: datetime, fired: Fired) -> None:
        """Go on with a run that had to wait: look first whether anything is new, where nobody did, and then begin."""
        run = runs.get(tx, run_id)
        is_wanted = run.schedule.is_on or run.by_hand or run.schedule.off_by is OffBy.DONE
        why_not = self._why_not(tx, run.schedule) if is_wanted else "its schedule was switched off"
        if why_not:
            runs.note(tx, run_id, state="stopped", why=why_not, ended_at=now, retry_at=None)
        elif run.schedule.check and not run.is_looked and not run.by_hand:
            runs.note(tx, run_id, state="checking", retry_at=None)
        else:
            self._ask(tx, run_id, now, fired)

    def _ask(self, tx: Connection, run_id: int, now: datetime, fired: Fired) -> str | None:
        """Let a butler begin with a run; a file without words pauses its schedule, and that is said and returned."""
        run = runs.get(tx, run_id)
        words = self.words(run.schedule)
        if words:
            fired.turns.append(runs.ask(tx, run, words, Origin.HOUSE, now))
            return None
        why = f"{run.schedule.prompt_file} of {run.schedule.butler} is gone or empty"
        runs.note(tx, run_id, state="skipped", why=why, ended_at=now)
        book.switch_off(tx, run.schedule.id, OffBy.FILE)
        place = runs.answers_in(tx, run.schedule)
        if place is not None:
            text = f"I have paused {run.schedule.title}: {why}. It goes on when the file has words."
            unasked.say(tx, runs.person_of(tx, run.schedule), place, Word(run.schedule.name, text), now)
            fired.replies.append(place.id)
        return why

    def words(self, schedule: Schedule) -> str:
        """Return what a butler is asked to do."""
        return self.read_prompt(schedule.butler, schedule.prompt_file) if schedule.prompt_file else schedule.prompt


def _readable(tx: Connection, rows: Sequence[Row[Any]]) -> list[Schedule]:
    """Return the schedules of rows; one that cannot be read is set aside and harms no other."""
    found = []
    for row in rows:
        try:
            found += book.read([row])
        except UNREADABLE as error:
            _set_aside(tx, row.id, error)
    return found


@contextmanager
def _alone(tx: Connection, schedule: Schedule) -> Iterator[None]:
    """Let what goes wrong with one schedule harm no other."""
    try:
        with tx.begin_nested():
            yield
    except UNREADABLE as error:
        _set_aside(tx, schedule.id, error)
    except IntegrityError as error:
        log.error("schedule %s: that time is noted already: %s", schedule.id, error.orig)
        book.set_next(tx, schedule, schedule.next_after(schedule.next_at or schedule.made_at))


@contextmanager
def _given_up(tx: Connection, run_id: int, now: datetime) -> Iterator[None]:
    """Let a run whose schedule cannot be read end, and harm nothing."""
    try:
        with tx.begin_nested():
            yield
    except UNREADABLE as error:
        log.error("run %s cannot be gone on with: %s", run_id, error)
        runs.give_up(tx, run_id, now)


def _set_aside(tx: Connection, schedule_id: int, error: Exception) -> None:
    log.error("schedule %s cannot be carried out and is switched off: %s", schedule_id, error)
    tx.execute(update(schedules).where(schedules.c.id == schedule_id).values(book.off(OffBy.FAILURES)))


def _room(schedule: Schedule, now: datetime) -> timedelta:
    """Return over how long a schedule may be put off: what is due each minute is not put off to its next time."""
    following = schedule.next_after(now)
    return SPREAD if following is None else min(SPREAD, (following - now) / 2)


def due(schedule: Schedule, now: datetime) -> Due:
    """Sort the due times that have come by the schedule's rule for those that were missed."""
    first = schedule.next_at or now
    end = now if schedule.until is None else min(now, schedule.until)
    last = schedule.when.last_before(end, first)
    came = [first, *islice(takewhile(lambda at: at <= end, schedule.when.times(first)), MOST_COUNTED)]
    uncounted = len(came) > MOST_COUNTED and came[-1] < last
    came += [last] if uncounted else []
    in_time = now - came[-1] <= LATE
    match schedule.catch_up:
        case CatchUp.ALL:
            count = MOST_CAUGHT_UP
        case CatchUp.LATEST:
            count = 1
        case CatchUp.SKIP:
            count = int(in_time)
    taken = came[-count:] if count else []
    return Due(tuple(taken), tuple(came[: len(came) - len(taken)]), uncounted, schedule.next_after(max(now, came[-1])))


def _remind(tx: Connection, schedule: Schedule, run_id: int, now: datetime) -> list[int]:
    """Say what somebody wanted to be reminded of; return the conversation."""
    run = runs.get(tx, run_id)
    place = runs.answers_in(tx, run.schedule)
    done = {"state": "done", "ended_at": now}
    if place is None:
        runs.note(tx, run_id, **done, told="silent")
        return []
    text = f"{ending.lateness(run, now)}{unasked.REMINDS}{schedule.prompt}"
    word = Word(schedule.name, text, Origin.HOUSE, ReplyKind.ANSWER, run.is_urgent, run_id)
    reply_id = unasked.say(tx, runs.person_of(tx, run.schedule), place, word, now)
    runs.note(tx, run_id, **done, reply_id=reply_id, told="told" if reply_id else "held")
    return [place.id]

"""What becomes of a run when its turn is over: its answer is told, or it is tried again, or somebody hears that it failed."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, update

from bot import asks, transcript, unasked
from bot.conversations import Conversation
from bot.messages import Origin, ReplyKind
from bot.names import escaped
from bot.schedules import allowance, book, runs
from bot.schedules.book import OffBy, Purpose
from bot.schedules.runs import HOUSE, Frame, Run
from bot.schedules.when import Form
from bot.store.schedule_tables import schedules
from bot.treasury import caps
from bot.unasked import Word

RETRIES = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30))
LATE = timedelta(minutes=2)  # what begins sooner is on time: where many are due, they are spread over a minute
TELLS_AT, PAUSES_AT = 2, 10  # failures in a row
NOTHING = ("(nothing)", "nothing", "")  # what a butler says when there is nothing to tell


class Fault(StrEnum):
    """Why a run failed, by what follows."""

    PASSING = "passing"  # the same may work a little later
    LASTING = "lasting"  # it may work when it is due next
    SPENT = "spent"  # there is no money for it: that says nothing about the schedule


@dataclass(frozen=True)
class Outcome:
    """How the turn of a run ended; without a fault, its words are the answer."""

    turn_id: int
    words: str
    fault: Fault | None = None


def end(tx: Connection, frame: Frame, outcome: Outcome, now: datetime) -> int | None:
    """Note how a run ended and tell of it what is to be told; return the reply, if there is one by now."""
    if not runs.began_others(tx, outcome.turn_id) and not asks.is_asking(tx, outcome.turn_id):
        caps.limit_turn(tx, outcome.turn_id, None)
    if outcome.fault is None:
        return _tell(tx, frame, outcome, now)
    if outcome.fault is Fault.SPENT:
        return _go_without(tx, frame, outcome, now)
    return fail(tx, frame, outcome, now)


def fail(tx: Connection, frame: Frame, outcome: Outcome, now: datetime) -> int | None:
    """Note that a run failed; tell of it once when that is no longer an exception, and pause what never works."""
    run, failures = frame.run, frame.run.schedule.failures + 1
    _count(tx, run, failures)
    is_paused = failures >= PAUSES_AT
    may_pass = outcome.fault is Fault.PASSING
    pause = RETRIES[run.tries - 1] if may_pass and not is_paused and 0 < run.tries <= len(RETRIES) else None
    if pause is not None:
        runs.note(tx, run.id, state="retrying", why=outcome.words, retry_at=now + pause)
    else:
        runs.note(tx, run.id, state="failed", why=outcome.words, ended_at=now)
    if is_paused:
        book.switch_off(tx, run.schedule.id, OffBy.FAILURES)
    is_last = pause is None and run.schedule.when.form is Form.ONCE and failures < TELLS_AT
    if not (is_paused or is_last or failures == TELLS_AT):
        return None
    return _say(tx, frame, Word(f"{run.schedule.name} failed", _complaint(frame, outcome, pause, is_paused=is_paused)), now)


def _go_without(tx: Connection, frame: Frame, outcome: Outcome, now: datetime) -> int | None:
    """Leave out a run for which there is no money; that is told once, and not each time."""
    before = runs.before(tx, frame.run)
    runs.note(tx, frame.run.id, state="skipped", why=outcome.words, ended_at=now, told="spent")
    if before is not None and before.told == "spent":
        return None
    schedule = frame.run.schedule
    how = "is left out as long as there is no money for it"
    if schedule.when.form is Form.ONCE:
        how = f"was left out, since there is no money for it; `/schedule run {schedule.id}` does it later"
    text = f"{schedule.title} {how}. {outcome.words}"
    return _say(tx, frame, Word(f"{schedule.name} is left out", text), now)


def _tell(tx: Connection, frame: Frame, outcome: Outcome, now: datetime) -> int | None:
    run = frame.run
    _count(tx, run, 0)
    words = outcome.words.strip()
    fingerprint = hashlib.sha256(" ".join(words.casefold().split()).encode()).hexdigest()
    done = {"state": "done", "ended_at": now, "why": None}
    if run.schedule.silent or frame.place.address.channel == HOUSE:
        runs.note(tx, run.id, **done, told="silent")
        return None
    if words.rstrip(".").casefold() in NOTHING:
        runs.note(tx, run.id, **done, told="nothing")
        return None
    if run.schedule.purpose is Purpose.NUDGE and allowance.was_said(tx, run.schedule, fingerprint, now):
        runs.note(tx, run.id, **done | {"why": "the same was said before"}, told="withheld")
        return None
    origin = Origin.STRANGER if transcript.stranger_in(tx, outcome.turn_id) else Origin.HOUSE
    text = lateness(run, now) + outcome.words
    word = Word(run.schedule.name, text, origin, ReplyKind.ANSWER, run.is_urgent, run.id, outcome.turn_id)
    reply_id = _say(tx, frame, word, now)
    runs.note(tx, run.id, **done, reply_id=reply_id, told="told" if reply_id else "held", fingerprint=fingerprint)
    return reply_id


def lateness(run: Run, now: datetime) -> str:
    """Return a line that says that a run is late, or nothing when it is not."""
    if run.by_hand or run.schedule.purpose is Purpose.NUDGE or run.fired_at - run.due_at <= LATE:
        return ""
    due = run.due_at.astimezone(run.schedule.when.zone)
    day = "" if due.date() == now.astimezone(run.schedule.when.zone).date() else f"{due:%Y-%m-%d} "
    return f"_{escaped(run.schedule.name)} was due at {day}{due:%H:%M}; the house was not there then._\n\n"


def _complaint(frame: Frame, outcome: Outcome, pause: timedelta | None, *, is_paused: bool) -> str:
    schedule = frame.run.schedule
    if is_paused:
        then = f"It failed {PAUSES_AT} times in a row, so I have paused it. `/schedule resume {schedule.id}` takes it up again."
    elif pause is not None:
        then = f"I try again in {pause // timedelta(minutes=1)} minutes."
    elif schedule.when.form is Form.ONCE:
        then = f"`/schedule run {schedule.id}` tries it again."
    else:
        then = "I try again when it is due next."
    return f"{schedule.title} failed. {outcome.words} {then}"


def _say(tx: Connection, frame: Frame, word: Word, now: datetime) -> int | None:
    """Tell a schedule's person something; also what failed of a silent one."""
    place: Conversation | None = frame.place
    if frame.place.address.channel == HOUSE:
        place = runs.answers_in(tx, frame.run.schedule)
    return None if place is None else unasked.say(tx, runs.person_of(tx, frame.run.schedule), place, word, now)


def _count(tx: Connection, run: Run, failures: int) -> None:
    tx.execute(update(schedules).where(schedules.c.id == run.schedule.id).values(failures=failures))

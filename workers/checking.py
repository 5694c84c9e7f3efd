"""Checking: looks, without a model, whether there is anything new for a run, and only then lets its turn begin."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import update

from bot import conversations
from bot.checks import CheckContext, Checks, Finding, WrongCheck
from bot.redaction import Redactor
from bot.schedules import ending, runs
from bot.schedules.book import UNREADABLE
from bot.schedules.ending import Fault, Outcome
from bot.schedules.firing import Fired, Firing
from bot.store.database import Database
from bot.store.schedule_tables import schedules
from bot.turn import Clock

CHECKING = "checking"
NO_TURN = 0  # a look is no turn, and spends nothing
log = logging.getLogger(__name__)


@dataclass
class Checking:
    """What a worker looks at; a run whose look a crash cut off is looked at again, by whoever comes first."""

    database: Database
    checks: Callable[[str], Checks]
    firing: Firing
    redactor: Redactor
    announce: Callable[[Fired], object]
    clock: Clock
    _under_way: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, pool: Executor) -> list["Future[Finding]"]:
        """Begin every look that is due and not under way, each in a thread."""
        with self.database.read() as tx:
            due = runs.to_check(tx)
        begun = []
        for run_id in due:
            with self._lock:
                if run_id in self._under_way:
                    continue
                self._under_way.add(run_id)
            future = pool.submit(self._look, run_id)
            future.add_done_callback(partial(self._conclude, run_id))
            begun.append(future)
        return begun

    def _look(self, run_id: int) -> Finding:
        with self.database.read() as tx:
            schedule = runs.get(tx, run_id).schedule
        if schedule.check is None:  # it was taken away meanwhile
            return Finding(new=True, cursor=schedule.cursor)
        context = CheckContext(schedule.butler, schedule.person_id, self.clock())
        return self.checks(schedule.butler).look(schedule.check, context, schedule.cursor)

    def _conclude(self, run_id: int, future: "Future[Finding]") -> None:
        """Note what a look found, or how it failed; what cannot be noted now is looked at again."""
        try:
            error = future.exception()
            fired = Fired()
            if error is None:
                self._note(run_id, future.result(), fired)
            else:
                log.error("the look before run %s failed: %s", run_id, error, exc_info=error)
                self._fail(run_id, error, fired)
            self.announce(fired)
        finally:
            with self._lock:
                self._under_way.discard(run_id)

    def _note(self, run_id: int, found: Finding, fired: Fired) -> None:
        now = self.clock()
        with self.database.write() as tx:
            run = runs.get(tx, run_id)
            if run.state != CHECKING:  # somebody stopped it, or looked sooner
                return
            if found.cursor != run.schedule.cursor:
                tx.execute(update(schedules).where(schedules.c.id == run.schedule.id).values(cursor=found.cursor))
            if found.new:
                runs.note(tx, run_id, note=self.redactor.clean(found.note), tainted=found.stranger)
                self.firing.go_on(tx, run_id, now, fired)
            else:
                runs.nothing_new(tx, run, now)

    def _fail(self, run_id: int, error: BaseException, fired: Fired) -> None:
        """Let a run fail whose look did; what was only wrong for a moment is tried again."""
        is_wrong = isinstance(error, WrongCheck)
        sentence = str(error) if is_wrong else f"Its check failed: {type(error).__name__}: {error}."
        now = self.clock()
        with self.database.write() as tx:
            try:
                run = runs.get(tx, run_id)
            except UNREADABLE:
                runs.give_up(tx, run_id, now)
                return
            if run.state != CHECKING:
                return
            runs.note(tx, run_id, tries=run.tries + 1)
            frame = runs.frame(tx, run_id, conversations.get(tx, runs.open_place(tx, run.schedule)))
            outcome = Outcome(NO_TURN, self.redactor.clean(sentence), Fault.LASTING if is_wrong else Fault.PASSING)
            if ending.fail(tx, frame, outcome, now) is not None:
                place = runs.answers_in(tx, run.schedule)
                fired.replies += [place.id] if place is not None else []

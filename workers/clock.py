"""`butler clock`: carries out what is due, rings when a wait is over, and looks after the house."""

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import ConfigurationError
from bot.schedules.firing import Fired, Firing
from bot.turn import Clock as Now
from workers.alarms import AlarmClock
from workers.sweep import Sweep

TICK = 0.5
SWEEP_EVERY = 3.0
BEAT_EVERY = 60.0
# Where another clock leads, this one does only what that should have done so long ago.
PATIENCE = timedelta(seconds=2)
log = logging.getLogger(__name__)


@dataclass
class Clock:
    """The loop of the clock. Several may run: what is due is noted in SQL once, whoever comes first."""

    alarms: AlarmClock
    sweep: Sweep
    firing: Firing
    beat: Callable[[], Sequence[int]]  # looks after every butler; returns where there is something to be delivered
    synchronise: Callable[[], Sequence[int]]  # brings the schedules into line with the household; returns likewise
    announce: Callable[[Fired], bool]  # tells who has to do something, and whether its rings were heard
    now: Now
    stopping: threading.Event = field(default_factory=threading.Event)
    _leads: bool = True
    _sweep_at: float = 0.0
    _beat_at: float = 0.0
    _next_at: datetime | None = None

    def run(self) -> None:
        """Work until told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        while not self.stopping.wait(self._pause()):
            self._leads = self.alarms.leads()
            for work in (self._synchronise, self._fire, self._look_after, self._wake):
                self._try(work)
        self.alarms.remove_lock()

    def _pause(self) -> float:
        """Return how long to wait: a moment, or less when something is due before."""
        if self._next_at is None:
            return TICK
        return min(TICK, max((self._next_at - self.now()).total_seconds(), 0.0))

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except RedisError as error:
            log.warning("the queue cannot be reached: %s", error)
        except (SQLAlchemyError, ConfigurationError):
            log.exception("the clock could not do everything")
            self._next_at = None

    def _synchronise(self) -> None:
        self.announce(Fired(replies=[*self.synchronise()]))

    def _fire(self) -> None:
        """Carry out what is due; what does not fit one transaction follows in the next."""
        self._next_at = self.firing.next_at()
        patience = timedelta(0) if self._leads else PATIENCE
        while self._next_at is not None and self._next_at <= self.now() - patience:
            self.announce(self.firing.fire(patience))
            self._next_at = self.firing.next_at()
        if self._next_at is not None:
            self._next_at += patience

    def _look_after(self) -> None:
        if monotonic() >= self._sweep_at:
            self._sweep_at = monotonic() + SWEEP_EVERY
            found = self.sweep.find()
            if found and self.announce(Fired(turns=found)):
                self.sweep.note_rung(found)
        if monotonic() >= self._beat_at:
            self._beat_at = monotonic() + BEAT_EVERY
            self.announce(Fired(replies=[*self.beat()]))

    def _wake(self) -> None:
        """Ring for the waits that are over."""
        if self._leads:
            self.alarms.enqueue_jobs()

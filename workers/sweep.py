"""The sweep: finds the work of dead workers, every ring that nobody heard, and what butlers are to hand over or forget."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic

from bot import conversations, moves, release, takeover
from bot.compaction import record
from bot.store.database import Database
from bot.treasury.treasury import Treasury
from bot.turn import Clock
from skills.belongings import Belongings
from workers.forgetting import Forgetting
from workers.liveness import Watch, note_death

TIDIES_EVERY = 600.0  # seconds
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sweep:
    """Looks through the house every few seconds."""

    database: Database
    treasury: Treasury
    watch: Watch
    home: Path
    clock: Clock
    belongings: Belongings
    _tidied_at: list[float] = field(default_factory=list)

    def find(self, after: timedelta = conversations.RING_AGAIN_AFTER) -> list[int]:
        """Return the conversations that wait for a worker, or for a summary, and must be rung again: `note_rung` is next."""
        self._bury()
        self._move()
        self._tidy()
        Forgetting(self.database, self.belongings, self.clock).go_on()
        now = self.clock()
        with self.database.read() as tx:
            found = conversations.unheard(tx, now, after)
            to_be_summed_up = record.due(tx, now)
        if found:
            log.info("%s conversations waited without being heard", len(found))
        return list(dict.fromkeys((*found, *to_be_summed_up)))

    def note_rung(self, found: Sequence[int]) -> None:
        """Note that a ring for these was heard, so that nobody rings for them in the next seconds.

        For one that was not heard nothing is noted: with Redis away, a worker's own sweep must find what the clock's found.
        """
        with self.database.write() as tx:
            conversations.note_rung(tx, found, self.clock())

    def _tidy(self) -> None:
        """Let go of files that were sent long ago, some at a time."""
        if self._tidied_at and monotonic() - self._tidied_at[-1] < TIDIES_EVERY:
            return
        self._tidied_at[:] = [monotonic()]
        now = self.clock()
        with self.database.read() as tx:
            if not release.is_due(tx, now):
                return
        with self.database.write() as tx:
            log.info("%s files were sent long ago and are no longer kept", release.expire(tx, now))

    def _bury(self) -> None:
        """Free what dead workers held, and what those held of which nothing is heard from another home."""
        with self.database.read() as tx:
            dead = self.watch.dead(tx)
            # A thread may have claimed something in the moment in which its worker said goodbye.
            strange = (takeover.workers_with_claims(tx) | record.workers_at_it(tx)) - self.watch.known
        for worker in dead:
            self._take_over(worker)
        for worker in (*self.watch.lapsed, *strange):
            self._take_over(worker, is_certain=False)

    def _take_over(self, worker: str, *, is_certain: bool = True) -> None:
        with self.database.write() as tx:
            if worker in self.watch.lapsed and not self.watch.is_still_silent(tx, worker):
                return
            freed = takeover.take_over(tx, worker, self.treasury, self.clock(), is_certain=is_certain)
            record.abandon(tx, worker, self.treasury, self.clock())
            note_death(tx, self.home, worker)
        what = "dead" if is_certain else "silent"
        log.warning("worker %s is %s; %s conversations are taken up again", worker, what, len(freed))

    def _move(self) -> None:
        """Carry out in the butlers' stores what was decided in the house; no lock of the house is held meanwhile."""
        with self.database.read() as tx:
            wanted = moves.undone(tx)
        done = self.belongings.carry_out(wanted) if wanted else ()
        if done:
            with self.database.write() as tx:
                moves.note_done(tx, done, self.clock())

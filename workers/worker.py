"""`butler worker`: answers each ring in a thread of its own."""

import logging
import os
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bot import conversations
from bot.store.database import Database
from bot.turn import Clock
from workers.checking import Checking
from workers.interrupts import Interrupts
from workers.key_probes import KeyProbes
from workers.liveness import note_beat
from workers.memory import give_back
from workers.queue import Doorbell
from workers.sweep import Sweep
from workers.turns import TurnRunner

THREADS = 256
LISTEN_SECONDS = 2
TICK = 0.25  # seconds: how soon a stop reaches a request that is under way
SWEEP_EVERY = 2.0
CHECK_EVERY = 1.0
BEAT_EVERY = 5.0
DRAIN_SECONDS = 3.0  # what is not finished by then goes on at the next start
log = logging.getLogger(__name__)


@dataclass
class Worker:
    """One process: a loop that listens, threads that answer, and a beat that looks after both."""

    name: str
    home: Path
    database: Database
    doorbell: Doorbell
    runner: TurnRunner
    sweep: Sweep
    probes: KeyProbes
    checking: Checking
    interrupts: Interrupts
    clock: Clock
    stopping: threading.Event
    answered: int = 0  # since memory was last given back
    pool: Executor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="turn"))
    # Suspects run here, one at a time: whichever kills the worker is then known by name.
    suspects: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="suspect"))

    def run(self) -> None:
        """Answer rings until told to stop; then let running turns finish, or give them back."""
        beat = threading.Thread(target=self._beat, name="beat", daemon=True)
        beat.start()
        while not self.stopping.is_set():
            try:
                conversation_id = self.doorbell.listen(LISTEN_SECONDS)
            except RedisError as error:
                if not self.stopping.wait(1):
                    log.warning("the queue cannot be listened to: %s", error)
            else:
                if conversation_id is not None:
                    self.answer(conversation_id)
        self._drain()

    def answer(self, conversation_id: int) -> None:
        """Run a turn of a conversation in a thread."""
        self.answered += 1
        self.pool.submit(self.runner.run_turn, conversation_id, self.answer_alone).add_done_callback(_log_failure)

    def answer_alone(self, conversation_id: int) -> None:
        """Run a turn over which a worker died before, when no other such turn runs."""
        self.suspects.submit(self.runner.run_turn, conversation_id, None).add_done_callback(_log_failure)

    def _beat(self) -> None:
        sweep_at, beat_at, check_at = 0.0, 0.0, 0.0
        after = timedelta(0)  # at the start every ring counts as unheard: Redis may have been emptied
        lost: set[str] = set()
        while not self.stopping.wait(TICK):
            try:
                self._cut_what_was_stopped()
                if monotonic() >= sweep_at:
                    sweep_at = monotonic() + SWEEP_EVERY
                    self._ring(self.sweep.find(after))
                    after = conversations.RING_AGAIN_AFTER
                    for key_id in self.probes.asked():
                        self.pool.submit(self.probes.probe, key_id).add_done_callback(_log_failure)
                if monotonic() >= check_at:
                    check_at = monotonic() + CHECK_EVERY
                    self.checking.look(self.pool)
                if monotonic() >= beat_at:
                    beat_at = monotonic() + BEAT_EVERY
                    lost = self._show_life(lost)
                    if self.answered and not self.interrupts.tokens():
                        self.answered = 0
                        give_back()
            except SQLAlchemyError:
                log.exception("the beat cannot use the database")
        self.doorbell.wake()

    def _ring(self, found: list[int]) -> None:
        """Ring for what nobody heard; without Redis, answer it right here."""
        if not found:
            return
        self.sweep.note_rung(found)  # first, as who answers takes the note away
        if not self.doorbell.ring(found):
            for conversation_id in found:
                self.answer(conversation_id)

    def _cut_what_was_stopped(self) -> None:
        tokens = self.interrupts.tokens()
        if tokens:
            with self.database.read() as tx:
                held = conversations.held(tx, list(tokens))
            for token in tokens - held:
                self.interrupts.fire(token)

    def _show_life(self, lost_before: set[str]) -> set[str]:
        """Beat, and give back claims of threads that ended without being able to write so; return those found now."""
        with self.database.write() as tx:
            note_beat(tx, self.name, self.clock(), self.home)
            lost = conversations.claims_of(tx, self.name) - self.interrupts.tokens()
            # A claim is taken a moment before its turn is known to run: only one that is lost twice is lost.
            conversations.give_back(tx, lost & lost_before)
        return lost

    def _drain(self) -> None:
        log.info("the worker stops")
        deadline = monotonic() + DRAIN_SECONDS
        while self.interrupts.tokens() and monotonic() < deadline:
            threading.Event().wait(0.05)
        with self.database.write() as tx:
            conversations.give_back(tx, conversations.claims_of(tx, self.name))


def _log_failure(future: "Future[None]") -> None:
    error = future.exception()
    if error is not None:
        log.error("a thread ended without being able to say so: %s", error, exc_info=error)


def leave() -> None:
    """End the process although threads may still run: what they do can no longer be written down."""
    logging.shutdown()
    os._exit(0)

"""Alarms: rings at a later time."""

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError
from rq.job import Job
from rq.scripts import acquire_or_refresh_lock, release_lock
from rq_scheduler import Scheduler

from workers.queue import RUN_TURN, TURNS, Doorbell, ForeignJobError, RingJob, read_ring

LOCK_SECONDS = 5  # without a word from the clock that leads
log = logging.getLogger(__name__)


class AlarmClock(Scheduler):  # type: ignore[misc] # rq-scheduler has no types
    """Rings at a later time, by rq-scheduler's sorted set, hardened against what was measured of it.

    One bad job harms no other, and an outage of Redis is the caller's to survive. The lock has its owner's token, and saves
    work only: where two clocks ring, a conversation is worked on once.
    """

    job_class = RingJob

    def __init__(self, redis: Redis, doorbell: Doorbell) -> None:
        super().__init__(TURNS, connection=redis)
        self._doorbell = doorbell
        self._token = uuid4().hex

    def leads(self) -> bool:
        """Tell whether no other clock is the one that does the work; without Redis each is it, and SQL sees to the rest."""
        try:
            state = acquire_or_refresh_lock(self.connection, self.scheduler_lock_key, self._token, LOCK_SECONDS)
        except RedisError:
            return True
        return state != "taken"

    def remove_lock(self) -> None:
        """Let another clock lead at once."""
        with suppress(RedisError):
            release_lock(self.connection, self.scheduler_lock_key, self._token)

    def set(self, conversation_id: int, at: datetime) -> None:
        """Ring for a turn at a time, or up to a second later."""
        try:
            # rq-scheduler cuts fractions off, and a ring before its time would be in vain.
            self.enqueue_at(at + timedelta(seconds=1), RUN_TURN, conversation_id, job_result_ttl=0, job_description="")
        except RedisError as error:
            log.warning("the alarm is not set: %s", error)

    def enqueue_jobs(self) -> None:
        """Ring for what has become due. Raises RedisError."""
        for raw in self.connection.zrangebyscore(self.scheduled_jobs_key, 0, datetime.now(UTC).timestamp()):
            job_id = raw.decode(errors="replace")
            try:
                conversation_id = read_ring(job_id, self.connection.hget(Job.key_for(job_id), "data"))
            except ForeignJobError as error:
                log.error("refused: %s", error)
            else:
                if conversation_id is not None:
                    self._doorbell.ring([conversation_id])
            self.connection.zrem(self.scheduled_jobs_key, raw)
            self.connection.delete(Job.key_for(job_id))

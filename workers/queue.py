"""The doorbell: an RQ queue whose jobs can name one function and carry one number."""

import json
import logging
import zlib
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.serializers import JSONSerializer

TURNS = "turns"
RUN_TURN = "workers.turns.run_turn"
JOB_TTL = 3600  # seconds: a ring that nobody heard for so long was found by the sweep
MOST_RINGS = 1000  # with so many unheard, one more would change nothing
LONGEST_RING = 1000  # bytes
PATIENCE = 5.0  # seconds without a try after the queue could not be reached: a try may take as long as the time-out below
TIMEOUT = 4.0  # seconds: longer than a worker listens
log = logging.getLogger(__name__)


def connect(url: str) -> Redis:
    """Return a connection that says at once when Redis is away: by itself redis-py would try for seconds on end."""
    return Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1))


class ForeignJobError(ValueError):
    """Something else than a ring is in the queue."""


class RingJob(Job):
    """A ring. It is JSON, for rq-scheduler would write pickle, and RQ itself never runs it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as RQ has it
        super().__init__(*args, **{**kwargs, "serializer": JSONSerializer})

    def perform(self) -> Any:  # noqa: ANN401 - as RQ has it
        """Refuse: only the house's own worker answers a ring."""
        raise ForeignJobError("a ring is not run as a job")


def read_ring(job_id: str, data: object) -> int | None:
    """Return the conversation that a job rings for, or None when the job has expired.

    Nothing else of a job is read, since whoever can write to Redis can write anything. Raises ForeignJobError.
    """
    if not isinstance(data, bytes):
        return None
    try:
        parts = json.loads(zlib.decompressobj().decompress(data, LONGEST_RING))
    except (ValueError, zlib.error, RecursionError) as error:
        raise ForeignJobError(f"job {job_id} is not JSON") from error
    match parts:
        case [str(function), None, [int(conversation_id)], dict(keywords)] if function == RUN_TURN and not keywords:
            return conversation_id
    raise ForeignJobError(f"job {job_id} asks for something else than a turn")


class Doorbell:
    """Rings for turns. A lost ring is found by the sweep, so that no trouble with Redis is anybody else's."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._silent_until = 0.0
        self._queue = Queue(TURNS, connection=redis, job_class=RingJob, serializer=JSONSerializer)

    def ring(self, conversation_ids: Sequence[int]) -> bool:
        """Ask for a turn in each of these conversations; tell whether the rings were heard."""
        if monotonic() < self._silent_until:
            return False
        rings = [
            Queue.prepare_data(RUN_TURN, args=[number], ttl=JOB_TTL, result_ttl=0, failure_ttl=0, description="")
            for number in conversation_ids
        ]
        try:
            if self._queue.count > MOST_RINGS:
                return True
            with self._redis.pipeline() as pipeline:
                self._queue.enqueue_many(rings, pipeline=pipeline)
                pipeline.execute()
        except RedisError as error:
            log.warning("the queue cannot be reached: %s", error)
            self._silent_until = monotonic() + PATIENCE
            return False
        return True

    def listen(self, seconds: int) -> int | None:
        """Wait for a ring and return its conversation; None when none came. Raises RedisError."""
        try:
            found = Queue.lmove(self._redis, self._queue.key, seconds)
        except DequeueTimeout:
            return None
        job_id = found[1].decode(errors="replace")
        with self._redis.pipeline() as pipeline:
            pipeline.hget(Job.key_for(job_id), "data")
            pipeline.lrem(self._queue.intermediate_queue_key, 1, found[1])
            pipeline.delete(Job.key_for(job_id))
            data, *_ = pipeline.execute(raise_on_error=False)
        try:
            return read_ring(job_id, data)
        except ForeignJobError as error:
            log.error("refused: %s", error)
            return None

    def wake(self) -> None:
        """End a wait for a ring that is under way, from another thread: by a ring for nothing."""
        with suppress(RedisError):
            self._redis.lpush(self._queue.key, "")

    def forget_cut_off(self) -> None:
        """Drop rings that were between the queue and a worker when that died: the sweep finds what they were for."""
        with suppress(RedisError):
            self._redis.delete(self._queue.intermediate_queue_key)

    def fault(self) -> str | None:
        """Return why the queue cannot be reached, or None when it can."""
        reason = ""
        if monotonic() >= self._silent_until:
            try:
                self._redis.ping()
            except RedisError as error:
                reason = f" ({error})"
            else:
                return None
        return f"cannot be reached{reason}; messages are kept and taken up by the sweep"

"""The doorbell: rings are heard, and whatever else stands in Redis is refused and never run."""

import json
import pickle
import subprocess
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.job import Job

from tests.houses import wait_until
from tests.test_configuration import run_valkey
from workers.alarms import AlarmClock
from workers.queue import RUN_TURN, TURNS, Doorbell, ForeignJobError, RingJob, connect


@pytest.fixture
def server(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A Valkey server."""
    yield from run_valkey(tmp_path / "own.sock")


@pytest.fixture
def redis(tmp_path: Path, server: "subprocess.Popen[bytes]") -> Iterator[Redis]:
    """A connection to it."""
    del server
    with connect(f"unix://{tmp_path / 'own.sock'}") as made:
        yield made


def test_a_ring_is_heard_once(redis: Redis) -> None:
    """Each ring is heard in its order, and leaves nothing behind."""
    doorbell = Doorbell(redis)
    assert doorbell.ring([3, 5])
    assert [doorbell.listen(1), doorbell.listen(1), doorbell.listen(1)] == [3, 5, None]
    assert {key for key in redis.keys("*") if b"job" in key or b"intermediate" in key} == set()


class Bomb:
    """Something that does harm when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Do it."""
        return (Path.touch, (Path("/tmp/butlers-bomb"),))  # noqa: S108


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(("os.system", None, ("touch /tmp/butlers-bomb",), {})),
        pickle.dumps(Bomb()),
        json.dumps(["os.system", None, ["touch /tmp/butlers-bomb"], {}]).encode(),
        json.dumps([RUN_TURN, None, [1, 2], {}]).encode(),
        json.dumps([RUN_TURN, None, ["1"], {}]).encode(),
        json.dumps([RUN_TURN, None, [1], {"x": 1}]).encode(),
        json.dumps({"a": 1}).encode(),
        b"[" * 5000,
        b"",
        bytes(200),
    ],
)
def test_a_foreign_job_is_refused(redis: Redis, data: bytes) -> None:
    """Pickle, other functions and other arguments are dropped without being run, and the next ring is heard."""
    for number, packed in enumerate((zlib.compress(data), data, zlib.compress(data)[:5])):
        redis.hset(Job.key_for(f"evil-{number}"), "data", packed)
        redis.rpush(f"rq:queue:{TURNS}", f"evil-{number}")
    doorbell = Doorbell(redis)
    doorbell.ring([9])
    assert [doorbell.listen(1) for _ in range(4)] == [None, None, None, 9]
    assert not Path("/tmp/butlers-bomb").exists()  # noqa: S108
    assert redis.llen(f"rq:queue:{TURNS}") == 0


def test_rqs_own_workers_run_nothing(redis: Redis) -> None:
    """A ring that a worker of RQ itself picks up is refused by the job."""
    Doorbell(redis).ring([3])
    (job_id,) = Queue(TURNS, connection=redis).job_ids
    job = RingJob.fetch(job_id, connection=redis)
    with pytest.raises(ForeignJobError):
        job.perform()


def test_rings_do_not_pile_up(redis: Redis) -> None:
    """With a thousand rings unheard, more are not added: the sweep knows what waits."""
    doorbell = Doorbell(redis)
    for _ in range(12):
        doorbell.ring(range(100))
    assert redis.llen(f"rq:queue:{TURNS}") == 1100


def test_a_queue_that_is_away(redis: Redis, server: "subprocess.Popen[bytes]") -> None:
    """Without Redis a ring is not heard, and says so."""
    doorbell = Doorbell(redis)
    assert doorbell.fault() is None
    server.kill()
    server.wait()
    assert doorbell.ring([1]) is False
    assert "cannot be reached" in str(doorbell.fault())


def test_an_alarm_rings_in_time(redis: Redis) -> None:
    """An alarm rings when its time has come and not before, and a foreign one is dropped."""
    doorbell = Doorbell(redis)
    alarms = AlarmClock(redis, doorbell)
    alarms.set(4, datetime.now(UTC) + timedelta(seconds=60))
    alarms.set(5, datetime.now(UTC) - timedelta(seconds=2))
    redis.hset(Job.key_for("evil"), "data", b"x")
    redis.zadd(alarms.scheduled_jobs_key, {"evil": 1, "gone": 2})
    alarms.enqueue_jobs()
    assert [doorbell.listen(1), doorbell.listen(1)] == [5, None]
    assert redis.zcard(alarms.scheduled_jobs_key) == 1


def test_what_a_dead_worker_left_is_forgotten(redis: Redis, server: "subprocess.Popen[bytes]") -> None:
    """Rings that were between the queue and a dead worker are forgotten."""
    del server
    redis.rpush(Queue(TURNS, connection=redis).intermediate_queue_key, "left")
    Doorbell(redis).forget_cut_off()
    wait_until(lambda: not redis.exists(Queue(TURNS, connection=redis).intermediate_queue_key), "forgotten", 1)

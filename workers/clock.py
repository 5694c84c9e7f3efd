"""`butler clock`: rings when a wait is over, and looks after the house while no worker does."""

import logging
import signal
import threading
from time import monotonic

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from workers.alarms import AlarmClock
from workers.queue import Doorbell
from workers.sweep import Sweep

TICK = 0.5
SWEEP_EVERY = 3.0
log = logging.getLogger(__name__)


def run(alarms: AlarmClock, sweep: Sweep, doorbell: Doorbell) -> None:
    """Ring until told to stop. Several clocks may run: what is rung twice is done once."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    sweep_at = 0.0
    while not stopping.wait(TICK):
        try:
            if monotonic() >= sweep_at:
                sweep_at = monotonic() + SWEEP_EVERY
                doorbell.ring(sweep.find())
            alarms.enqueue_jobs()
        except RedisError as error:
            log.warning("the queue cannot be reached: %s", error)
        except SQLAlchemyError:
            log.exception("the clock cannot use the database")

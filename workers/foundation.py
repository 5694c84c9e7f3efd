"""The foundation of the house: its settings, stores, queue and butlers, which every process needs."""

import getpass
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from time import monotonic, sleep

from redis import Redis
from sqlalchemy import Connection

from bot import blobs, logs
from bot.errors import ConfigurationError
from bot.household import LiveHousehold
from bot.notices import tell_owners
from bot.pauses import growing_pause
from bot.people import Gate, gate
from bot.redaction import Redactor
from bot.settings import Settings
from bot.skill_notes import SkillNote, read_notes
from bot.store import migrate
from bot.store.faults import StoreAway
from bot.treasury.alerts import Alert
from bot.treasury.treasury import Treasury
from workers.alarms import AlarmClock
from workers.home import Home
from workers.liveness import is_held
from workers.memory import keep_what_is_loaded, use_one_heap
from workers.purse import Purse
from workers.queue import Doorbell, connect
from workers.stores import SKILLS, Stores, Upgrade

LONGEST_PAUSE = 10.0  # seconds between two tries to reach a server
QUEUE_STARTS_WITHIN = 5.0  # seconds; a house that starts later than its queue works without one until then

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class Foundation:
    """What the house stands on; each part is built when a process first needs it."""

    def __init__(self, settings: Settings, only: Sequence[str] = ()) -> None:
        self.settings = settings
        self._only = only
        self.home = Home(settings.home)
        self.purse = Purse(settings, self.tell, self.load)

    def open(self, process: str, *, log_to_file: bool = False) -> None:
        """Make the house ready for a process: folder, log, butlers and tables. Raises ConfigurationError."""
        use_one_heap()
        self.home.make()
        logs.start_logging(process, self.redactor, self.home.logs if log_to_file else None)
        self._wait_for_stores(migrate.upgrade)
        self.enter_keys()
        self._wait_for_redis()
        keep_what_is_loaded()

    def look_in(self) -> None:
        """Make the books ready for who only asks something. Raises ConfigurationError."""
        self.home.make()
        self.stores.prepare([])
        if not is_held(self.home.lock("house")):  # a house that runs has entered its keys
            self.enter_keys()

    def make_tables(self) -> None:
        """Bring the tables into order, in a process that does nothing else. Raises ConfigurationError."""
        self._wait_for_stores(migrate.upgrade_here)

    def _wait_for_stores(self, upgrade: Upgrade) -> None:
        """Bring the tables into order, as soon as their server can be reached. Raises ConfigurationError."""
        for tries in count():
            try:
                return self.stores.prepare(self.household().butlers, upgrade)
            except StoreAway as error:
                pause = growing_pause(tries, LONGEST_PAUSE)
                log.warning("%s The next try is in %.0f s.", error, pause)
                sleep(pause)
        return None

    def _wait_for_redis(self) -> None:
        """Give the queue a moment to come up. Raises ConfigurationError when there never was one."""
        if self.settings.redis_url is None and not is_held(self.home.lock("house")):
            raise ConfigurationError(
                f"REDIS_URL: no house runs in {self.home.folder}, so there is no queue. Start it with `butler up`, or "
                "set REDIS_URL to a Redis or Valkey server of your own."
            )
        deadline = monotonic() + QUEUE_STARTS_WITHIN
        while self.doorbell.fault() is not None and monotonic() < deadline:
            sleep(0.01)

    def tell(self, tx: Connection, alert: Alert, now: datetime) -> None:
        """Let owners hear of an alert."""
        tell_owners(tx, self.gate, alert.key, alert.words, now)

    def load(self, sha256: str) -> bytes | None:
        """Return the bytes of what is shown to a model, unless they are no longer kept."""
        with self.stores.house.read() as tx:
            return blobs.find(tx, sha256)

    def enter_keys(self) -> None:
        """Let the books know the keys that are set."""
        with self.stores.house.write() as tx:
            self.treasury.enter_keys(tx, utc_now())

    @cached_property
    def redactor(self) -> Redactor:
        """What cleans secrets out of whatever is written."""
        with suppress(ConfigurationError):  # whoever needs the keys says what is wrong with them
            return Redactor((*self.settings.secrets, *(key.secret for key in self.purse.keys)))
        return Redactor(self.settings.secrets)

    def close(self) -> None:
        """Close every connection that was opened."""
        self.redis.close()
        self.purse.close()
        self.stores.close()

    @cached_property
    def household(self) -> LiveHousehold:
        """The butlers."""
        return LiveHousehold(self.settings.household, self.settings.default_butler, self._only)

    @cached_property
    def stores(self) -> Stores:
        """The databases."""
        return Stores(self.home, self.settings.database_url)

    @cached_property
    def redis_url(self) -> str:
        """Where Redis is: the one that was set, or the house's own."""
        return self.settings.redis_url or f"unix://{self.home.socket}"

    @cached_property
    def redis(self) -> Redis:
        """The connection to it."""
        return connect(self.redis_url)

    @cached_property
    def doorbell(self) -> Doorbell:
        """What asks for turns."""
        return Doorbell(self.redis)

    @cached_property
    def alarms(self) -> AlarmClock:
        """What asks for turns later."""
        return AlarmClock(self.redis, self.doorbell)

    @property
    def treasury(self) -> Treasury:
        """Who decides what is spent."""
        return self.purse.treasury

    @cached_property
    def gate(self) -> Gate:
        """Who may speak to the house."""
        return gate(self.settings, getpass.getuser())

    @cached_property
    def notes(self) -> tuple[SkillNote, ...]:
        """How the house's own skills are used."""
        return read_notes(SKILLS)

"""The house: the one place where everything is put together, from settings to tools."""

import getpass
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from time import monotonic, sleep

from redis import Redis
from sqlalchemy import Connection

from bot import logs
from bot.agent import Agent
from bot.commands.book import CommandBook
from bot.commands.budget import BudgetCommand
from bot.commands.keyring import KeyringCommands
from bot.commands.look import LookCommands
from bot.commands.schedule import ScheduleCommands
from bot.commands.switching import Switching
from bot.commands.talk import TalkCommands
from bot.errors import ConfigurationError
from bot.heartbeat import Heartbeat
from bot.household import LiveHousehold
from bot.notices import tell_owners
from bot.people import Gate, gate
from bot.practice import Practice
from bot.reception import Reception
from bot.redaction import Redactor
from bot.register import Register
from bot.schedules.desk import Desk
from bot.schedules.firing import Fired, Firing
from bot.schedules.sync import Sync
from bot.settings import Settings
from bot.settling import Settling
from bot.skill_notes import SkillNote, read_notes
from bot.store import migrate
from bot.treasury.alerts import Alert
from bot.treasury.treasury import Treasury
from bot.turn import Turns
from skills.belongings import Belongings
from skills.memory.command import memory_command
from workers import modules
from workers.alarms import AlarmClock
from workers.announcing import announce
from workers.checking import Checking
from workers.clock import Clock
from workers.home import Home
from workers.interrupts import Interrupts
from workers.kits import Kits
from workers.live import Newsroom
from workers.liveness import Watch, is_held
from workers.memory import keep_what_is_loaded, use_one_heap
from workers.purse import Purse
from workers.queue import Doorbell, connect
from workers.stores import SKILLS, Stores
from workers.sweep import Sweep
from workers.turns import TurnRunner

QUEUE_STARTS_WITHIN = 5.0  # seconds; a house that starts later than its queue works without one until then
TOOL_THREADS = 64


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


class House:
    """What the processes are made of; each part is built when a process first needs it."""

    def __init__(self, settings: Settings, only: Sequence[str] = ()) -> None:
        self.settings = settings
        self._only = only
        self.home = Home(settings.home)
        self.purse = Purse(settings, self._tell)

    def open(self, process: str, *, log_to_file: bool = False) -> None:
        """Make the house ready for a process: folder, log, butlers and tables. Raises ConfigurationError."""
        use_one_heap()
        self.home.make()
        logs.start_logging(process, self.redactor, self.home.logs if log_to_file else None)
        self.stores.prepare(self.household().butlers)
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
        self.stores.prepare(self.household().butlers, migrate.upgrade_here)

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

    def _tell(self, tx: Connection, alert: Alert, now: datetime) -> None:
        tell_owners(tx, self.gate, alert.key, alert.words, now)

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
        return Stores(self.home)

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

    def commands(self) -> CommandBook:
        """Return the commands, each once, the same for every chat."""
        greeting = "A small script answers here until a model key is set." if self.purse.is_rehearsing else ""
        talk = TalkCommands(self.household, self.treasury, greeting)
        look = LookCommands(self.household, self.treasury, self.doorbell.fault, modules.missing)
        memory = memory_command(self.household, self.stores.of)
        money = (*self.budget.commands(), *KeyringCommands(self.treasury).commands())
        times = self.schedules.commands()
        return CommandBook((*talk.commands(), *look.commands(), *times, *money, memory, *self.register.commands()))

    @cached_property
    def budget(self) -> BudgetCommand:
        """What shows and changes budgets."""
        return BudgetCommand(self.household, self.treasury)

    @cached_property
    def schedules(self) -> ScheduleCommands:
        """What shows and changes what is done at times."""
        return ScheduleCommands(self.household, Switching(self.household, self.treasury), self.firing)

    @cached_property
    def belongings(self) -> Belongings:
        """What butlers keep for people, also those that have left the household."""
        folder = self.home.butler_database("any").parent
        return Belongings(lambda: [path.stem for path in sorted(folder.glob("*.db"))], self.stores.of)

    @cached_property
    def register(self) -> Register:
        """Who is served, and as what."""
        return Register(self.gate, self.treasury)

    def reception(self) -> Reception:
        """Return the door."""
        return Reception(
            database=self.stores.house,
            gate=self.gate,
            commands=self.commands(),
            household=self.household,
            ring=self.doorbell.ring,
            redactor=self.redactor,
            clock=utc_now,
            zone=self.settings.zone,
            strangers=self.register.strangers,
            answerers={**self.register.answerers, **self.budget.answerers, **self.schedules.answerers},
        )

    @cached_property
    def practice(self) -> Practice:
        """What butlers do by themselves."""
        return Practice(self.settings.household)

    @cached_property
    def firing(self) -> Firing:
        """What carries out what is due."""
        return Firing(self.stores.house, self.gate, self.practice.read, utc_now, lambda name: name in self.household().butlers)

    @cached_property
    def sync(self) -> Sync:
        """What brings the schedules into line with the household."""
        return Sync(self.stores.house, self.gate, self.household, self.practice, utc_now, self.settings.zone)

    def checking(self) -> Checking:
        """Return what looks whether there is anything new before a turn."""
        return Checking(self.stores.house, self.kits.checks, self.firing, self.redactor, self._announce, utc_now)

    def _announce(self, fired: Fired) -> None:
        announce(fired, self.stores.house, self.doorbell, self._news)

    @cached_property
    def _news(self) -> Newsroom:
        return Newsroom(self.redis, self.redactor)

    @cached_property
    def kits(self) -> Kits:
        """What each butler has in hand."""
        desk = Desk(self.stores.house, self.household, self.firing, self.heartbeat, self._announce)
        return Kits(self.stores, self.household, self.notes, desk, self.practice)

    @cached_property
    def heartbeat(self) -> Heartbeat:
        """What looks after every butler."""
        return Heartbeat(self.stores.house, self.gate, self.household, utc_now)

    def clock(self) -> Clock:
        """Return the loop of the clock."""
        return Clock(
            alarms=self.alarms,
            sweep=self.sweep(),
            firing=self.firing,
            beat=self.heartbeat.beat,
            synchronise=self.sync.look,
            announce=self._announce,
            now=utc_now,
        )

    def sweep(self) -> Sweep:
        """Return what finds lost work."""
        watch = Watch(self.home.folder)
        return Sweep(self.stores.house, self.treasury, watch, self.home.folder, utc_now, self.belongings)

    def turn_runner(self, worker: str, interrupts: Interrupts) -> TurnRunner:
        """Return what answers rings."""
        pool = ThreadPoolExecutor(TOOL_THREADS, thread_name_prefix="tool")
        return TurnRunner(
            turns=Turns(self.stores.house, worker, self.household, utc_now, self.settings.zone),
            agent=Agent(
                models=self.purse.model,
                treasury=self.treasury,
                settling=Settling(pool, self.redactor),
                toolbox=self.kits.toolbox,
                notes=self.notes,
                redactor=self.redactor,
                show=self._news.text,
                tell=self._tell,
            ),
            treasury=self.treasury,
            redactor=self.redactor,
            interrupts=interrupts,
            news=self._news,
            wake=self.alarms.set,
        )

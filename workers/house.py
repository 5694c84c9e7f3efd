"""The house: the one place where everything is put together, from settings to tools."""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from bot.agent import Agent
from bot.asks import AskDesk
from bot.commands.book import CommandBook
from bot.commands.budget import BudgetCommand
from bot.commands.butler import ButlerCommands
from bot.commands.compact import compact_command
from bot.commands.keyring import KeyringCommands
from bot.commands.look import LookCommands
from bot.commands.schedule import ScheduleCommands
from bot.commands.search import search_command
from bot.commands.switching import Switching
from bot.commands.talk import TalkCommands
from bot.compaction.compaction import Compaction
from bot.heartbeat import Heartbeat
from bot.listening import Listening
from bot.practice import Practice
from bot.reception import Reception
from bot.register import Register
from bot.schedules.desk import Desk
from bot.schedules.firing import Fired, Firing
from bot.schedules.sync import Sync
from bot.settling import Settling
from bot.small_model import SmallModel
from bot.switchboard.choosing import Chooser
from bot.switchboard.switchboard import Switchboard
from bot.turn import Turns
from skills.belongings import Belongings
from skills.memory.command import memory_command
from workers import modules
from workers.announcing import announce
from workers.checking import Checking
from workers.clock import Clock
from workers.foundation import Foundation, utc_now
from workers.interrupts import Interrupts
from workers.kits import Kits
from workers.live import Newsroom
from workers.liveness import Watch
from workers.sweep import Sweep
from workers.turns import TurnRunner

TOOL_THREADS = 64


class House(Foundation):
    """What the processes are made of; each part is built when a process first needs it."""

    def commands(self) -> CommandBook:
        """Return the commands, each once, the same for every chat."""
        greeting = "A small script answers here until a model key is set." if self.purse.is_rehearsing else ""
        talk = TalkCommands(self.household, self.treasury, greeting)
        look = LookCommands(self.household, self.treasury, self.doorbell.fault, modules.missing)
        butlers = ButlerCommands(self.household).commands()
        memory = memory_command(self.household, self.stores.of)
        money = (*self.budget.commands(), *KeyringCommands(self.treasury).commands())
        times = self.schedules.commands()
        found = (*times, *money, search_command(), memory, compact_command(), *self.register.commands())
        return CommandBook((*talk.commands(), *butlers, *look.commands(), *found))

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
        return Belongings(self.stores.places.butlers, self.stores.of)

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
            treasury=self.treasury,
            switchboard=Switchboard(self.household),
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

    def _announce(self, fired: Fired) -> bool:
        return announce(fired, self.stores.house, self.doorbell, self._news)

    @cached_property
    def _news(self) -> Newsroom:
        return Newsroom(self.redis, self.redactor)

    @cached_property
    def kits(self) -> Kits:
        """What each butler has in hand."""
        desk = Desk(self.stores.house, self.household, self.firing, self.heartbeat, self._announce)
        asking = AskDesk(self.stores.house, self.household, lambda place_id: self.doorbell.ring([place_id]))
        return Kits(self.stores, self.household, self.notes, desk, self.practice, asking)

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
        compaction = Compaction(self.stores.house, worker, self.small_model, utc_now)
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
                tell=self.tell,
                compaction=compaction,
                listening=Listening(self.purse.transcriber, self.treasury, self.redactor, self.tell),
            ),
            chooser=Chooser(self.small_model, self.household, Switchboard(self.household)),
            treasury=self.treasury,
            redactor=self.redactor,
            interrupts=interrupts,
            news=self._news,
            wake=self.alarms.set,
            ring=self.doorbell.ring,
            compaction=compaction,
        )

    @cached_property
    def small_model(self) -> SmallModel:
        """What the house itself asks a fast model for."""
        purse, zone = self.purse, self.settings.zone
        return SmallModel(self.stores.house, purse.model, purse.treasury, self.redactor, self.tell, utc_now, zone)

"""The times of a room: what a clock and a worker's beat do in a house, done in one thread whenever a test wants it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from adapters.models.anthropic import AnthropicModel
from adapters.models.openai_compatible import OpenAICompatibleModel
from bot import blobs
from bot.asks import AskDesk
from bot.checks import Checks
from bot.compaction.compaction import Compaction
from bot.heartbeat import Heartbeat
from bot.household import Household
from bot.people import Gate
from bot.ports import Model
from bot.practice import Practice
from bot.redaction import Redactor
from bot.schedules.desk import Desk
from bot.schedules.firing import Fired, Firing
from bot.schedules.looks import Looks
from bot.schedules.sync import Sync
from bot.small_model import SmallModel
from bot.store.database import Database
from bot.treasury.alerts import Alert
from bot.treasury.providers import Providers
from bot.treasury.treasury import Treasury
from bot.turn import Turn
from workers.checking import Checking
from workers.turns import TurnRunner

Made = TypeVar("Made")


class AtOnce(Executor):
    """Does what it is given before it returns."""

    def submit(self, fn: Callable[..., Made], /, *args: Any, **kwargs: Any) -> "Future[Made]":
        """Do it."""
        future: Future[Made] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as every executor does
            future.set_exception(error)
        return future


class SilentNews:
    """Tells nobody anything."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def begun(self, turn: Turn) -> None:
        """Do nothing."""

    def text(self, turn: Turn, text: str) -> None:
        """Keep the text."""
        del turn
        self.texts.append(text)

    def over(self, turn: Turn) -> None:
        """Do nothing."""


class RoomTimes(ABC):
    """What happens in a room at times."""

    folder: Path
    database: Database
    gate: Gate
    household: Household
    zone: ZoneInfo
    redactor: Redactor
    treasury: Treasury
    providers: Providers
    holders: Sequence[object]
    now: datetime
    rung: list[int]

    @abstractmethod
    def clock(self) -> datetime:
        """Return the room's time."""

    @abstractmethod
    def runner(self, worker: str = "worker-1") -> TurnRunner:
        """Return a worker's runner."""

    @abstractmethod
    def tells(self, tx: Connection, alert: Alert, now: datetime) -> None:
        """Tell the owners."""

    def model(self, provider: str = "anthropic") -> Model:
        """Return a provider's models, at its loopback server."""
        if provider not in self._models:
            keys = {key.id: key.secret for key in self.treasury.keys if key.provider == provider}
            url = self.providers[provider].url
            is_claude = self.providers[provider].protocol == "anthropic"
            made = AnthropicModel(keys, url) if is_claude else OpenAICompatibleModel(provider, keys, url)
            made.load = self.loads
            self._models[provider] = made
        return self._models[provider]

    @cached_property
    def _models(self) -> dict[str, Model]:
        return {}

    def loads(self, sha256: str) -> bytes | None:
        """Return the bytes of what is shown to a model."""
        with self.database.read() as tx:
            return blobs.find(tx, sha256)

    def compaction(self, worker: str) -> Compaction:
        """Return what shortens conversations."""
        return Compaction(self.database, worker, self.small_model, self.clock)

    @cached_property
    def ask_desk(self) -> AskDesk:
        """Where butlers ask each other."""
        return AskDesk(self.database, lambda: self.household, self.rung.append)

    @property
    def small_model(self) -> SmallModel:
        """What the house itself asks."""
        return SmallModel(self.database, self.model, self.treasury, self.redactor, self.tells, self.clock, self.zone)

    @cached_property
    def delivers(self) -> list[int]:
        """The conversations in which the bot was told to deliver something."""
        return []

    @cached_property
    def announced(self) -> list[Fired]:
        """What looks and tools began and nobody has worked on yet."""
        return []

    @cached_property
    def practice(self) -> Practice:
        """What butlers do by themselves: files in the room's own household."""
        return Practice(self.folder / "household")

    @cached_property
    def firing(self) -> Firing:
        """What carries out what is due."""
        return Firing(self.database, self.gate, self.practice.read, self.clock, lambda name: name in self.household.butlers)

    @cached_property
    def heartbeat(self) -> Heartbeat:
        """What looks after every butler."""
        return Heartbeat(self.database, self.gate, lambda: self.household, self.clock)

    @cached_property
    def desk(self) -> Desk:
        """Where butlers make schedules."""
        return Desk(self.database, lambda: self.household, self.firing, self.heartbeat, self.announced.append)

    @cached_property
    def sync(self) -> Sync:
        """What brings the schedules into line with the household."""
        return Sync(self.database, self.gate, lambda: self.household, self.practice, self.clock, self.zone)

    def checking(self) -> Checking:
        """Return what looks before a turn; it knows the checks of the house and of the room's holders."""
        checks = Checks((Looks(self.database, self.practice.household), *self.holders), {})
        return Checking(self.database, lambda _: checks, self.firing, self.redactor, self.announced.append, self.clock)

    def fires(self) -> list[int]:
        """Do what a clock does at this moment, and let a worker look and answer its rings; return the rung conversations."""
        self.sync.look()
        rung: list[int] = []
        while (at := self.firing.next_at()) is not None and at <= self.clock():
            fired = self.firing.fire()
            rung += fired.turns
        self.checking().look(AtOnce())
        rung += [conversation_id for fired in self.announced for conversation_id in fired.turns]
        self.announced.clear()
        for conversation_id in rung:
            self.runner(uuid4().hex).run_turn(conversation_id, None)
        return rung

    def waits_until(self, moment: datetime) -> None:
        """Let time pass, from one thing that is due to the next, until a moment."""
        self.sync.look()
        while (at := self.firing.next_at()) is not None and at <= moment:
            self.now = max(self.now, at)
            self.fires()
        self.now = max(self.now, moment)

"""Providers that fail by dice in every known shape, and a treasury that is watched while it deals with that."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import cycle
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, delete, select

from bot.errors import KeyRefused, ModelError, NoCredit, Overloaded, RateLimited, Refused
from bot.store.treasury_tables import rests
from bot.treasury import rests as resting
from bot.treasury.treasury import Treasury
from tests.model_errors import ANTHROPIC
from tests.model_errors_openai import OPENAI, OTHERS
from tests.room import Room
from tests.scripted import Fault, Record, Scripted

if TYPE_CHECKING:
    from random import Random

    from bot.ports import Model, Usage
    from bot.treasury.alerts import Alert
    from bot.treasury.choice import Wish
    from bot.treasury.reservation import Reservation

DAY = timedelta(days=1)
SHAPES = [said for said in (*ANTHROPIC, *OPENAI, *OTHERS) if said.until is None and said.max_output == 1000]
PERMANENT = Refused
Server = TypeVar("Server", bound="Scripted[Any]")


class Dice:
    """Decides for each request of a double whether it fails, and how; `share` of them do."""

    def __init__(self, server: Scripted[Any], provider: str, dice: Random, share: float) -> None:
        self.server = server
        self.provider = provider
        self.dice = dice
        self.share = share
        self.errors = 0
        self.refused_words: set[str] = set()  # of requests that are never to come again
        self.repeated: list[str] = []
        self.waits: Counter[float] = Counter()  # the times that were given
        mine = [said for said in SHAPES if said.provider == provider]
        self._mine = cycle(dice.sample(mine, len(mine)))
        server.losing = self.decide

    def decide(self, number: int) -> bool:
        """Order what becomes of this request; tell whether its connection breaks without a word."""
        words = _last_words(self.server.requests[number])
        if words in self.refused_words:
            self.repeated.append(words)
        if self.dice.random() >= self.share:
            return False
        self.errors += 1
        kind = self.dice.choices(("said", "cut", "event", "lost"), (17, 1, 1, 1))[0]
        if kind == "said":
            self._fail(words)
        elif kind == "cut":
            self.server.faults.appendleft(Fault("cut", 1, self.dice.randrange(4)))  # never a whole answer
        elif kind == "event":
            broken = Fault("error event", 1, self.dice.randrange(1, 4), "overloaded_error", "Overloaded", 529)
            self.server.faults.appendleft(broken)
        return kind == "lost"

    def _fail(self, words: str) -> None:
        said = next(self._mine)
        while said.expected is KeyRefused and self.dice.random() < 0.7:  # seldom, as somebody has to mend it
            said = next(self._mine)
        if said.expected is PERMANENT:
            self.refused_words.add(words)
        if said.wait is not None:
            self.waits[round(said.wait, 3)] += 1
        fault = Fault("fail", 1, 0, "api_error", "", said.status, dict(said.headers), said.body)
        self.server.faults.appendleft(fault)


class Watched(Treasury):
    """A treasury that notes, inside each transaction, whatever is done against what a provider asked for."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.early: list[str] = []
        self.second_probes: list[str] = []
        self.probes_made = 0
        self.waits: Counter[float] = Counter()
        self.kinds: Counter[str] = Counter()
        self._given: list[tuple[str, str, datetime]] = []  # whom, for which model, until when
        self._probing: defaultdict[str, set[int]] = defaultdict(set)

    def reserve(self, tx: Connection, wish: Wish, now: datetime, *zone: Any) -> Reservation:
        """Note a request that goes out too early, or beside one that tries the same provider."""
        circuits = resting.circuits(tx, [*self.providers.table])
        made = super().reserve(tx, wish, now, *zone)
        route = made.route
        self._given = [one for one in self._given if one[2] > now]
        for whom, model, until in self._given:
            if whom in (route.key_id, route.provider, self._home(route.key_id)) and model in ("", route.model):
                self.early.append(f"{route.key_id} at {now}, although {whom} {model} until {until}")
        circuit = circuits.get(route.provider)
        if circuit is None or not resting.is_open(circuit):
            self._probing[route.provider].clear()
            return made
        self.probes_made += 1
        if self._probing[route.provider]:
            self.second_probes.append(f"{made.id} beside {self._probing[route.provider]} at {route.provider}")
        self._probing[route.provider].add(made.id)
        return made

    def blame(self, tx: Connection, reservation: Reservation, error: ModelError, now: datetime) -> Alert | None:
        """Note until when somebody is not to be asked, by the error's own class."""
        route, wait = reservation.route, getattr(error, "wait", None)
        self.kinds[type(error).__name__] += 1
        self._over(reservation)
        if wait is not None:
            self.waits[round(wait, 3)] += 1
            until = now + min(timedelta(seconds=wait), DAY)
            whom = route.provider
            if isinstance(error, RateLimited):
                whom = self._home(route.key_id) or route.key_id
            self._given.append((whom, route.model if isinstance(error, RateLimited) else "", until))
        if isinstance(error, KeyRefused):
            self._given.append((route.key_id, "", datetime.max.replace(tzinfo=now.tzinfo)))
        if isinstance(error, NoCredit):
            self._given.append((route.key_id, "", now + resting.NO_CREDIT_PAUSE))
        if isinstance(error, Overloaded) and wait is None:
            self._given.append((route.provider, "", now + timedelta(seconds=1)))
        return super().blame(tx, reservation, error, now)

    def settle(self, tx: Connection, reservation: Reservation, usage: Usage, now: datetime, *more: Any) -> list[Alert]:
        """Note that a request is over."""
        self._over(reservation)
        return super().settle(tx, reservation, usage, now, *more)

    def charge(self, tx: Connection, reservation: Reservation, now: datetime) -> list[Alert]:
        """Note that a request is over."""
        self._over(reservation)
        return super().charge(tx, reservation, now)

    def mend_keys(self, tx: Connection) -> None:
        """Let refused keys be used again, as an owner does who has mended them at their provider."""
        mine = rests.c.kind == resting.Kind.REFUSED.value
        mended = {subject.removeprefix("key:") for subject in tx.scalars(select(rests.c.subject).where(mine))}
        tx.execute(delete(rests).where(mine))
        self._given = [one for one in self._given if one[0] not in mended or one[1]]

    def _home(self, key_id: str) -> str | None:
        provider = self.providers[key_id.rpartition("-")[0]]
        return provider.organisations.get(key_id)

    def _over(self, reservation: Reservation) -> None:
        self._probing[reservation.route.provider].discard(reservation.id)


class CrowdedRoom(Room):
    """A room in which several conversations are worked on at once, by one clock."""

    _ticking, _opening = Lock(), Lock()

    def clock(self) -> datetime:
        """Return the room's time, the same for nobody."""
        with self._ticking:
            return super().clock()

    def model(self, provider: str = "anthropic") -> Model:
        """Return a provider's models, opened once."""
        with self._opening:
            return super().model(provider)


def _last_words(record: Record) -> str:
    """Return the number that a person put into the last message of a request, such as q17, or all of one that has none."""
    content = record.body["messages"][-1]["content"]
    text = content if isinstance(content, str) else " ".join(str(block.get("text", "")) for block in content)
    last = text.split()[-1] if text.strip() else ""
    return last if last.startswith("q") else text

"""The desk: allocates tokens for tasks, shows keys and their use, and rotates keys, for programs that ask in Python."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, select

from bot.store.database import Database
from bot.store.tables import OPEN, turns
from bot.store.treasury_tables import key_history, sessions
from bot.treasury import figures, health, tasks
from bot.treasury import sessions as stays
from bot.treasury.choice import NEARLY
from bot.treasury.periods import day_of, end_of
from bot.treasury.prices import dollars
from bot.treasury.providers import UNLIMITED, Tier
from bot.treasury.ring import scope_of
from bot.treasury.treasury import Treasury
from bot.turn import Clock

LEAST_LEFT = 10_000  # tokens: a key with less is not offered for a task
ACTIVE = timedelta(hours=24)
NO_KEYS = "No keys available with sufficient capacity"
_LONGEST_NUMBER = 18  # digits: a row's id has no more
Json = dict[str, Any]


@dataclass(frozen=True)
class KeyLimits:
    """What a key may use; None without a limit."""

    tokens_per_day: int | None
    tokens_per_month: int | None


@dataclass(frozen=True)
class KeyUsage:
    """What a key has used, in tokens, and when its day begins anew."""

    today: int
    this_month: int
    next_reset: datetime


@dataclass(frozen=True)
class AvailableKey:
    """A key, known by its id."""

    id: str
    provider: str
    model: str
    limits: KeyLimits
    usage: KeyUsage
    available_capacity: int
    status: str  # active, resting, exhausted


@dataclass(frozen=True)
class AllocationResult:
    """What is recommended for a task, or why nothing can be."""

    success: bool
    key_id: str | None = None
    provider: str | None = None
    model: str | None = None
    allocated: int | None = None
    allocated_low: int | None = None
    allocated_high: int | None = None
    rotation_threshold: int | None = None
    available_capacity: int | None = None
    cost_estimate: Decimal | None = None  # dollars, if a quarter of the tokens is written and the rest read
    confidence: float | None = None
    like_tasks: int | None = None  # of this house, by which the estimate was corrected
    error: str | None = None


@dataclass(frozen=True)
class RotationResult:
    """What became of a rotation."""

    success: bool
    session_id: str
    old_key_id: str | None = None
    new_key_id: str | None = None
    error: str | None = None


class Desk:
    """Answers programs, each question in a transaction of its own."""

    def __init__(self, database: Database, treasury: Treasury, clock: Clock) -> None:
        self._database = database
        self._treasury = treasury
        self._clock = clock

    def allocate_tokens(self, path: str | Path, preferred_provider: str | None = None) -> AllocationResult:
        """Recommend a key and an allocation for the task that a file describes; free keys come before paid ones."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            return AllocationResult(success=False, error=f"{path} cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            return AllocationResult(success=False, error=f"{path} cannot be read: it is not UTF-8 text")
        with self._database.read() as tx:
            estimate = tasks.estimate(tx, text)
            keys = [key for key in self._keys(tx) if key.status == "active" and key.available_capacity > LEAST_LEFT]
        preferred = [key for key in keys if key.provider == preferred_provider] or keys
        if not preferred:
            return AllocationResult(success=False, error=NO_KEYS)
        able = [key for key in preferred if key.available_capacity >= estimate.tokens]
        if not able:
            return AllocationResult(success=False, error=f"No single key has {estimate.tokens} tokens available")
        key = min(able, key=self._order)
        return AllocationResult(
            success=True,
            key_id=key.id,
            provider=key.provider,
            model=key.model,
            allocated=estimate.tokens,
            allocated_low=estimate.low,
            allocated_high=estimate.high,
            rotation_threshold=int(estimate.tokens * NEARLY),
            available_capacity=key.available_capacity,
            cost_estimate=self._cost(key, estimate.tokens),
            confidence=estimate.confidence,
            like_tasks=estimate.like_tasks,
        )

    def get_available_keys(self) -> list[AvailableKey]:
        """Return every key that can be used now."""
        with self._database.read() as tx:
            return [key for key in self._keys(tx) if key.status == "active"]

    def monitor_usage(self) -> Json:
        """Return what each provider's keys have used today, and what they have left."""
        with self._database.read() as tx:
            return {"keys_by_provider": self._by_provider(tx)}

    def get_status(self) -> Json:
        """Return how keys, sessions and turns stand."""
        now = self._clock()
        with self._database.read() as tx:
            keys = list(self._keys(tx))
            at_work = [f"conversation-{one}" for one in tx.scalars(select(turns.c.conversation_id).where(OPEN))]
            active = tx.scalar(select(func.count()).select_from(sessions).where(sessions.c.used_at > now - ACTIVE))
            alerts = select(func.count()).select_from(key_history).where(key_history.c.event == "alert")
            begun = end_of(day_of(now)) - timedelta(days=1)
            done = select(func.count()).select_from(turns).where(turns.c.state == "answered")
            return {
                "version": version("butlers"),
                "timestamp": now,
                "tokens": {
                    "total_keys": len(keys),
                    "active_keys": sum(key.status == "active" for key in keys),
                    "active_sessions": active,
                    "pending_alerts": tx.scalar(alerts.where(key_history.c.at >= begun)),
                    "keys_by_provider": self._by_provider(tx),
                },
                "agents": {
                    "active_sessions": len(at_work),
                    "sessions": at_work,
                    "completed_tasks": tx.scalar(done),
                },
            }

    def rotate_key(self, session_id: str, new_key_id: str | None = None) -> RotationResult:
        """Let a session's next request go by another key: the named one, or the one with the most left."""
        number = session_id.removeprefix("conversation-")
        with self._database.write() as tx:
            row = self._session(tx, number)
            if row is None:
                return RotationResult(success=False, session_id=session_id, error=f"There is no session {session_id}")
            others = [key for key in self._keys(tx) if key.status == "active" and key.id != row.key_id]
            if new_key_id is not None:
                others = [key for key in others if key.id == new_key_id]
            if not others:
                why = NO_KEYS if new_key_id is None else f"The key {new_key_id} cannot be used now, or is the session's already"
                return RotationResult(success=False, session_id=session_id, old_key_id=row.key_id, error=why)
            key = min(others, key=self._order)
            stays.want(tx, row.conversation_id, key.id)
            return RotationResult(success=True, session_id=session_id, old_key_id=row.key_id, new_key_id=key.id)

    def _session(self, tx: Connection, number: str) -> Row[Any] | None:
        if not (number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER):
            return None
        return tx.execute(select(sessions).where(sessions.c.conversation_id == int(number))).first()

    def _keys(self, tx: Connection) -> Iterator[AvailableKey]:
        now = self._clock()
        for row in health.set_keys(tx):
            provider = self._treasury.providers.table.get(row.provider)
            model = None if provider is None else self._treasury.providers.nearest_model(row.provider, Tier.SMART)
            if provider is None or model is None:
                continue
            spent = figures.of(tx, scope_of(row.id, row.fingerprint), now)
            free = row.free if row.day == day_of(now) else provider.tokens_per_day or UNLIMITED
            rests = health.why_resting(tx, row, now) or health.broken(tx, [row.provider], now)
            status = "resting" if rests else "active" if free > 0 else "exhausted"
            limits = KeyLimits(provider.tokens_per_day, provider.tokens_per_month)
            usage = KeyUsage(spent.tokens_today, spent.tokens_month, end_of(day_of(now)))
            yield AvailableKey(row.id, row.provider, model, limits, usage, max(free, 0), status)

    def _by_provider(self, tx: Connection) -> dict[str, Json]:
        found: dict[str, Json] = {}
        spent = figures.by_spender(tx, self._clock())
        scopes = {row.id: scope_of(row.id, row.fingerprint) for row in health.set_keys(tx)}
        costs = {key_id: spent[scope].today for key_id, scope in scopes.items() if scope in spent}
        for key in self._keys(tx):
            one = found.setdefault(
                key.provider,
                {"count": 0, "total_capacity": 0, "used_today": 0, "remaining": 0, "cost_today": Decimal(0)},
            )
            one["count"] += 1
            one["total_capacity"] += key.limits.tokens_per_day or 0
            one["used_today"] += key.usage.today
            one["remaining"] += key.available_capacity
            one["cost_today"] += dollars(costs.get(key.id, 0))
        return found

    def _order(self, key: AvailableKey) -> tuple[Any, ...]:
        rate = self._treasury.providers[key.provider].rate(key.model)
        return rate > 0, -key.available_capacity, rate, key.id

    def _cost(self, key: AvailableKey, tokens: int) -> Decimal:
        provider = self._treasury.providers[key.provider]
        written = tokens // 4
        upper = 0 if provider.free else provider.models[key.model].upper_bound(tokens - written, written)
        return dollars(upper)

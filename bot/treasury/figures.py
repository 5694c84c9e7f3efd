"""What the books say about spending: by whoever spent, today and this month, and where it leads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, case, func, not_, or_, select

from bot.store.tables import turns
from bot.store.treasury_tables import budgets, ledger
from bot.treasury.budgets import HOUSE, Limit
from bot.treasury.periods import day_of, end_of, month_of

PACE_DAYS = 7  # of which the pace of a month is taken
_LAST = 200  # requests, of which a share of the cache is told
_SPENT = select(budgets).where(
    budgets.c.period.in_(bindparam("periods", expanding=True)),
    not_(or_(budgets.c.scope.startswith("conversation:"), budgets.c.scope.startswith("root:"))),
)
_DAYS = select(budgets).where(
    budgets.c.period.in_(bindparam("days", expanding=True)),
    or_(budgets.c.scope == HOUSE, budgets.c.scope.startswith("butler:")),
)
_SUMS = (
    func.count().label("requests"),
    func.coalesce(func.sum(ledger.c.input), 0).label("input"),
    func.coalesce(func.sum(ledger.c.output), 0).label("output"),
    func.coalesce(func.sum(ledger.c.cache_read), 0).label("cache_read"),
    func.coalesce(func.sum(ledger.c.cache_write), 0).label("cache_write"),
    func.coalesce(func.sum(ledger.c.cost), 0).label("cost"),
    func.sum(case((ledger.c.reported, 0), else_=1)).label("unreported"),
)


@dataclass(frozen=True)
class Spending:
    """What was spent in a day and its month; amounts in nano-dollars."""

    today: int = 0
    month: int = 0
    held: int = 0
    tokens_today: int = 0
    tokens_month: int = 0
    unreported: int = 0  # of the month: charged in full, since nobody said what was used

    @property
    def is_something(self) -> bool:
        """Whether anything was spent or is reserved."""
        return any((self.month, self.tokens_month, self.held))


def by_spender(tx: Connection, now: datetime) -> Mapping[str, Spending]:
    """Return what everybody has spent: house, butler:…, person:…, key:… and job:…."""
    day = day_of(now)
    found: dict[str, dict[str, Row[Any]]] = {}
    for row in tx.execute(_SPENT, {"periods": (day, month_of(day))}):
        found.setdefault(row.scope, {})[row.period.partition(":")[0]] = row
    return {scope: _spending(rows.get("day"), rows.get("month")) for scope, rows in found.items()}


def of(tx: Connection, scope: str, now: datetime) -> Spending:
    """Return what one spender has spent."""
    day = day_of(now)
    mine = select(budgets).where(budgets.c.scope == scope, budgets.c.period.in_((day, month_of(day))))
    rows = {row.period.partition(":")[0]: row for row in tx.execute(mine)}
    return _spending(rows.get("day"), rows.get("month"))


def _spending(day: Row[Any] | None, month: Row[Any] | None) -> Spending:
    made = Spending()
    if day is not None:
        made = Spending(today=day.spent, held=day.held, tokens_today=day.spent_tokens)
    if month is None:
        return made
    whole = {"month": month.spent, "tokens_month": month.spent_tokens, "unreported": month.unreported}
    return Spending(today=made.today, held=made.held, tokens_today=made.tokens_today, **whole)


def by_day(tx: Connection, now: datetime, days: int) -> Mapping[str, Mapping[str, Row[Any]]]:
    """Return the rows of the house and of each butler for the last days, by day: 2026-11-21."""
    first = now.astimezone(UTC).date() - timedelta(days=days - 1)
    wanted = [str(first + timedelta(days=n)) for n in range(days)]
    found: dict[str, dict[str, Row[Any]]] = {day: {} for day in wanted}
    for row in tx.execute(_DAYS, {"days": [f"day:{day}" for day in wanted]}):
        found[row.period.removeprefix("day:")][row.scope] = row
    return found


def reaches(tx: Connection, limit: Limit, now: datetime) -> datetime | None:
    """Return when a cap will be reached at the present pace, if that is before it begins anew."""
    is_day = limit.period.startswith("day:")
    begun = end_of(day_of(now)) - timedelta(days=1 if is_day else PACE_DAYS)
    spent = limit.spent if is_day else _recently(tx, limit, now)
    seconds = (now - begun).total_seconds()
    if spent <= 0 or seconds <= 0 or limit.left <= 0:
        return now if limit.left <= 0 else None
    at = now + timedelta(seconds=limit.left * seconds / spent)
    return at if at < end_of(limit.period) else None


def _recently(tx: Connection, limit: Limit, now: datetime) -> int:
    days = [day_of(now - timedelta(days=n)) for n in range(PACE_DAYS)]
    column = budgets.c.spent if limit.unit == "usd" else budgets.c.spent_tokens
    mine = (budgets.c.scope == limit.scope, budgets.c.period.in_(days))
    return int(tx.scalar(select(func.sum(column)).where(*mine)) or 0)


@dataclass(frozen=True)
class Used:
    """What some requests used, in tokens and nano-dollars."""

    requests: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    cost: int
    unreported: int

    @property
    def prompt(self) -> int:
        """The tokens of their prompts."""
        return self.input + self.cache_read + self.cache_write

    @property
    def cached(self) -> int | None:
        """The share of their prompts that was read from the cache, in per cent; None without prompts."""
        return 100 * self.cache_read // self.prompt if self.prompt else None


def _used(row: Row[Any]) -> Used:
    return Used(*(int(figure or 0) for figure in row))


def of_turns(tx: Connection, turn_ids: Sequence[int]) -> Used:
    """Return what turns used."""
    return _used(tx.execute(select(*_SUMS).where(ledger.c.turn_id.in_(turn_ids))).one())


def of_key(tx: Connection, key_id: str) -> Used:
    """Return what the last requests of a key used."""
    last = select(ledger.c.id).where(ledger.c.key_id == key_id).order_by(ledger.c.id.desc()).limit(_LAST)
    return _used(tx.execute(select(*_SUMS).where(ledger.c.id.in_(last))).one())


def last_turns(tx: Connection, conversation_id: int, most: int) -> list[int]:
    """Return the newest turns of a conversation that have asked a model."""
    asked = select(ledger.c.id).where(ledger.c.turn_id == turns.c.id).exists()
    mine = select(turns.c.id).where(and_(turns.c.conversation_id == conversation_id, asked))
    return list(tx.scalars(mine.order_by(turns.c.id.desc()).limit(most)))

"""Caps as owners change them in a chat."""

from datetime import datetime

from sqlalchemy import Connection, delete, select, text

from bot.store.treasury_tables import caps
from bot.treasury import figures
from bot.treasury.budgets import HOUSE, MODE, Unit, amount
from bot.treasury.periods import day_of

_PUT = text(
    "INSERT INTO caps (scope, period, unit, amount) VALUES (:scope, :period, :unit, :amount) "
    "ON CONFLICT (scope, period, unit) DO UPDATE SET amount = :amount"
)
_ADD = text(
    "INSERT INTO caps (scope, period, unit, amount) VALUES (:scope, :period, :unit, :amount) "
    "ON CONFLICT (scope, period, unit) DO UPDATE SET amount = caps.amount + :amount"
)
_CHOOSE = text("INSERT INTO choices (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = :value")


def set_cap(tx: Connection, scope: str, period: str, unit: Unit, number: int, now: datetime) -> int:
    """Set what may be spent of a budget in a day or a month; return what is spent of it already.

    Raises ValueError when that is more.
    """
    spent = figures.of(tx, scope, now)
    if unit == "usd":
        used = spent.today if period == "day" else spent.month
    else:
        used = spent.tokens_today if period == "day" else spent.tokens_month
    if number < used:
        when = "today" if period == "day" else "this month"
        raise ValueError(f"{amount(unit, used)} are spent already {when}, which is more than {amount(unit, number)}.")
    tx.execute(_PUT, {"scope": scope, "period": period, "unit": unit, "amount": number})
    return used


def take_away(tx: Connection, scope: str, period: str) -> bool:
    """Take away the caps that were set in a chat; tell whether there was one."""
    return tx.execute(delete(caps).where(caps.c.scope == scope, caps.c.period == period)).rowcount > 0


def raise_today(tx: Connection, number: int, now: datetime) -> None:
    """Let the house spend so many nano-dollars more until the day ends."""
    tx.execute(_ADD, {"scope": HOUSE, "period": day_of(now), "unit": "usd", "amount": number})


def raised(tx: Connection, now: datetime) -> int:
    """Return by how many nano-dollars today's cap of the house was raised."""
    mine = (caps.c.scope == HOUSE, caps.c.period == day_of(now), caps.c.unit == "usd")
    return tx.scalar(select(caps.c.amount).where(*mine)) or 0


def choose_mode(tx: Connection, mode: str) -> None:
    """Let caps block what would pass them, or only warn of it."""
    tx.execute(_CHOOSE, {"name": MODE, "value": mode})


def limit_job(tx: Connection, job: str, number: int | None) -> None:
    """Let a job spend so many nano-dollars a month; without a number, as many as there are."""
    _limit(tx, f"job:{job}", "month", number)


def limit_turn(tx: Connection, turn_id: int, number: int | None) -> None:
    """Let a turn, with all that it starts, spend so many nano-dollars; without a number, this says nothing about it."""
    _limit(tx, f"root:{turn_id}", "all", number)


def _limit(tx: Connection, scope: str, period: str, number: int | None) -> None:
    if number is None:
        tx.execute(delete(caps).where(caps.c.scope == scope, caps.c.period == period))
    else:
        tx.execute(_PUT, {"scope": scope, "period": period, "unit": "usd", "amount": number})

"""Alerts: what owners hear once when a cap or a key comes near its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select, update

from bot.store.schedule_tables import schedules
from bot.store.tables import people
from bot.store.treasury_tables import budgets
from bot.treasury.budgets import Limit, amount, is_blocking
from bot.treasury.choice import NEARLY
from bot.treasury.periods import ALL, end_of
from bot.treasury.prices import dollars
from bot.treasury.reservation import Reservation

PASSED = 100
THRESHOLDS = (50, 75, 90, PASSED)  # per cent of a cap; the last only where a cap does not hold
_ROW = (budgets.c.scope == bindparam("whose"), budgets.c.period == bindparam("when"))
_TOLD = {
    "usd": update(budgets).where(*_ROW).values(told_usd=bindparam("percent")),
    "tokens": update(budgets).where(*_ROW).values(told_tokens=bindparam("percent")),
}


@dataclass(frozen=True)
class Alert:
    """A sentence for the owners, once for each key."""

    key: str
    words: str


def of_caps(tx: Connection, found: Sequence[Limit], zone: ZoneInfo) -> list[Alert]:
    """Return what owners are to hear of caps that have just come near, and note that they were told."""
    told = []
    for limit in found:
        if limit.period == ALL or not limit.amount:
            continue
        passed = max((step for step in THRESHOLDS if limit.spent * 100 >= step * limit.amount), default=0)
        if passed == PASSED and limit.told < PASSED and is_blocking(tx):
            passed = THRESHOLDS[-2]  # no more is spent, so that there is nothing more to tell
        if passed != limit.told:  # less of it than before: the cap was raised, and what is passed of that is news again
            tx.execute(_TOLD[limit.unit], {"whose": limit.scope, "when": limit.period, "percent": passed})
        if passed > limit.told:
            key = f"budget:{limit.scope}:{limit.period}:{limit.unit}:{passed}:{limit.amount}"
            told.append(Alert(key, _in_words(tx, limit, passed, zone)))
    return told


def of_surplus(reservation: Reservation, cost: int) -> list[Alert]:
    """Return what owners are to hear of a provider that reported more than the most that its request was thought to cost."""
    if cost <= reservation.upper:
        return []
    billed, most = (f"${dollars(one).normalize():f}" for one in (cost, reservation.upper))
    words = (
        f"{reservation.key_id} ({reservation.model}) reported {billed} for a request for which {most} was set aside as the "
        "most. It is booked as reported, so that a cap may be passed by the difference. Look at the model's price in "
        "providers.toml."
    )
    return [Alert(f"surplus:{reservation.key_id}:{reservation.model}:{reservation.period}", words)]


def key_is_near(key_id: str, most: int | None, spent: int, last: int) -> str | None:
    """Return the sentence for the moment in which the last tokens completed three quarters of what a key has for a day."""
    if most is None or not spent - last < int(most * NEARLY) <= spent:
        return None
    return f"75 % of the day of {key_id} are used ({spent:,} of {most:,} tokens)"


def _in_words(tx: Connection, limit: Limit, passed: int, zone: ZoneInfo) -> str:
    share = 100 * limit.spent // limit.amount
    when = "today" if limit.period.startswith("day:") else "this month"
    ends = f"{end_of(limit.period).astimezone(zone):%Y-%m-%d %H:%M}"
    then = "Nothing more is spent beyond it" if passed < PASSED else "It is passed, and the mode is warn, so spending goes on"
    return (
        f"{_who(tx, limit.scope)} has spent {share} % of the cap {when}: {amount(limit.unit, limit.spent)} of "
        f"{amount(limit.unit, limit.amount)}. {then}; it begins anew at {ends} (00:00 UTC). `/budget` shows more."
    )


def _who(tx: Connection, scope: str) -> str:
    kind, _, name = scope.partition(":")
    if kind == "person":
        return str(tx.scalar(select(people.c.name).where(people.c.id == int(name))))
    if kind == "job" and name.isdecimal():
        return f"The schedule {tx.scalar(select(schedules.c.name).where(schedules.c.id == int(name)))} ({name})"
    return f"The {kind} {name}" if name else "The house"

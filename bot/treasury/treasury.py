"""Reserving before a request and settling after it, so that the cap of the day holds whatever crashes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.errors import BudgetSpent
from bot.ports import Usage
from bot.store.tables import HELD, budgets, ledger, reservations
from bot.treasury.prices import dollars, nano, price

HOUSE = "house"
_HOLD = (
    update(budgets)
    .where(
        budgets.c.scope == HOUSE,
        budgets.c.period == bindparam("day"),
        budgets.c.spent + budgets.c.held + bindparam("amount") <= bindparam("cap"),
    )
    .values(held=budgets.c.held + bindparam("amount"))
)
_CLOSE = (
    update(reservations)
    .where(reservations.c.id == bindparam("reservation"), reservations.c.state == "held")
    .values(state="settled")
)
_SPEND = (
    update(budgets)
    .where(budgets.c.scope == HOUSE, budgets.c.period == bindparam("day"))
    .values(held=budgets.c.held - bindparam("upper"), spent=budgets.c.spent + bindparam("cost"))
)
_NOTE = insert(ledger)
_RESERVE = insert(reservations).returning(reservations.c.id)


@dataclass(frozen=True)
class Reservation:
    """Money set aside for one request, and the key to make it with."""

    id: int
    turn_id: int
    key_id: str
    model: str
    period: str
    upper: int


@dataclass(frozen=True)
class Standing:
    """How a budget stands, in dollars."""

    spent: Decimal
    held: Decimal
    cap: Decimal


class Treasury:
    """The house's purse. Every method works inside the caller's transaction."""

    def __init__(self, daily_cap: Decimal, key_ids: Sequence[str]) -> None:
        self._cap = nano(daily_cap)
        self._key_ids = tuple(key_ids)

    def reserve(
        self, tx: Connection, turn_id: int, model: str, prompt_bytes: int, max_output: int, now: datetime
    ) -> Reservation:
        """Set aside the most that a request can cost. Raises BudgetSpent when that is more than is left."""
        upper = price(model).upper_bound(prompt_bytes, max_output)
        period = _day(now)
        if upper > 0 and not self._hold(tx, period, upper):
            # Nobody has spent anything in this period yet, or there is not enough left.
            tx.execute(upsert(budgets).values(scope=HOUSE, period=period, held=0, spent=0).on_conflict_do_nothing())
            if not self._hold(tx, period, upper):
                raise BudgetSpent(self._refusal(tx, now, upper))
        key_id = self._key_ids[0]
        values = {"turn_id": turn_id, "key_id": key_id, "model": model, "period": period, "upper": upper}
        made = tx.execute(_RESERVE, {**values, "state": "held", "made_at": now})
        return Reservation(made.scalar_one(), turn_id, key_id, model, period, upper)

    def _hold(self, tx: Connection, period: str, amount: int) -> bool:
        """Set an amount aside; tell whether so much was left."""
        return tx.execute(_HOLD, {"day": period, "amount": amount, "cap": self._cap}).rowcount == 1

    def settle(self, tx: Connection, reservation: Reservation, usage: Usage, now: datetime) -> None:
        """Give back what a request did not use, by the usage that the provider reported."""
        self._close(tx, reservation, usage, price(reservation.model).charge(usage), now, reported=True)

    def release(self, tx: Connection, reservation: Reservation, now: datetime) -> None:
        """Give all back: the provider surely bills nothing for this request."""
        self._close(tx, reservation, Usage(), 0, now, reported=True)

    def charge(self, tx: Connection, reservation: Reservation, now: datetime) -> None:
        """Count the whole reservation as spent: nobody reported what the request used."""
        self._close(tx, reservation, Usage(), reservation.upper, now, reported=False)

    def charge_left(self, tx: Connection, turn_id: int, now: datetime) -> None:
        """Count what a crash or a stop left reserved in a turn as spent."""
        held = select(reservations).where(reservations.c.turn_id == turn_id, HELD)
        for row in tx.execute(held):
            self.charge(tx, Reservation(row.id, turn_id, row.key_id, row.model, row.period, row.upper), now)

    def standing(self, tx: Connection, now: datetime) -> Standing:
        """Return how today's budget of the house stands."""
        row = tx.execute(
            select(budgets.c.spent, budgets.c.held).where(budgets.c.scope == HOUSE, budgets.c.period == _day(now))
        ).first()
        spent, held = row or (0, 0)
        return Standing(dollars(spent), dollars(held), dollars(self._cap))

    def cost_of(self, tx: Connection, turn_id: int) -> Decimal:
        """Return what a turn has cost so far, in dollars."""
        return dollars(tx.scalar(select(func.sum(ledger.c.cost)).where(ledger.c.turn_id == turn_id)) or 0)

    def _close(
        self, tx: Connection, reservation: Reservation, usage: Usage, cost: int, now: datetime, *, reported: bool
    ) -> None:
        if tx.execute(_CLOSE, {"reservation": reservation.id}).rowcount == 0:
            return  # a stop or a take-over has charged it already
        tx.execute(_SPEND, {"day": reservation.period, "upper": reservation.upper, "cost": cost})
        tx.execute(
            _NOTE,
            {
                "reservation_id": reservation.id,
                "turn_id": reservation.turn_id,
                "key_id": reservation.key_id,
                "model": reservation.model,
                "at": now,
                "cost": cost,
                "reported": reported,
                **usage.model_dump(),
            },
        )

    def _refusal(self, tx: Connection, now: datetime, upper: int) -> str:
        standing = self.standing(tx, now)
        left = standing.cap - standing.spent - standing.held
        return (
            f"The house may spend ${standing.cap:.2f} a day, and this could cost up to ${dollars(upper):.2f} while "
            f"${max(left, Decimal(0)):.2f} are left. The day ends at 00:00 UTC; the owner sets the cap with "
            "BUTLER_DAILY_CAP_USD."
        )


def _day(now: datetime) -> str:
    return f"day:{now.astimezone(UTC).date()}"

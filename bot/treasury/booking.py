"""Booking: what a request used goes from what was set aside for it into what was spent, once for each reservation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, insert, update

from bot.ports import Usage
from bot.store.treasury_tables import caps, ledger, reservations, rests
from bot.treasury import budgets, ring
from bot.treasury.periods import ALL
from bot.treasury.providers import Providers
from bot.treasury.reservation import Reservation

_CLOSE = (  # with what mostly saves a look at each: whether anybody rests, and whether any cap was set in a chat
    update(reservations)
    .where(reservations.c.id == bindparam("reservation"), reservations.c.state == "held")
    .values(state="settled")
    .returning(
        reservations.c.scopes,
        reservations.c.key_id,
        exists().select_from(rests).label("has_rests"),
        exists().select_from(caps).where(caps.c.period != ALL).label("has_caps"),
    )
)
_ENTER = insert(ledger)


@dataclass(frozen=True)
class Used:
    """What a request took: cost in nano-dollars, and the tokens that count towards limits; reported, or the most it can be."""

    usage: Usage
    cost: int
    tokens: int
    reported: bool = True


NOTHING = Used(Usage(), 0, 0)


def whole(reservation: Reservation) -> Used:
    """Return all that was set aside, where nobody reported what was used."""
    return Used(Usage(), reservation.upper, reservation.tokens, reported=False)


@dataclass(frozen=True)
class Booked:
    """The budgets of a request as they are after it was booked, and whether there is anything to look at besides."""

    rows: Mapping[tuple[str, str], Row[Any]]
    has_rests: bool
    has_caps: bool  # of a day or a month


def book(tx: Connection, providers: Providers, reservation: Reservation, used: Used, now: datetime) -> Booked | None:
    """Book what a request used; return nothing where a stop or a take-over has done it already."""
    row = tx.execute(_CLOSE, {"reservation": reservation.id}).first()
    if row is None:
        return None
    if row.key_id != reservation.key_id:  # it stands in another place since
        reservation = reservation.moved(row.key_id, budgets.read(row.scopes))
    figures = {"upper": reservation.upper, "cost": used.cost, "upper_tokens": reservation.tokens, "tokens": used.tokens}
    rows = budgets.spend(tx, reservation.scopes, reservation.period, reported=used.reported, **figures)
    ring.give_back(tx, providers, reservation, reservation.tokens - used.tokens)
    tx.execute(
        _ENTER,
        {
            "reservation_id": reservation.id,
            "turn_id": reservation.turn_id,
            "key_id": reservation.key_id,
            "model": reservation.model,
            "at": now,
            "tokens": used.tokens,
            "cost": used.cost,
            "reported": used.reported,
            **used.usage.model_dump(),
        },
    )
    return Booked(rows, row.has_rests, row.has_caps)

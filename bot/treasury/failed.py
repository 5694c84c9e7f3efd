"""A request that failed: what it costs, who is to blame for it, and which keys need not be tried with the same one again."""

from datetime import datetime

from sqlalchemy import Connection

from bot import turn_events
from bot.errors import ContextFull, KeyRefused, ModelError, ModelMissing, NoCredit, Overloaded, RateLimited, Unavailable
from bot.treasury.alerts import Alert
from bot.treasury.reservation import Reservation
from bot.treasury.treasury import Treasury
from bot.turn_events import Happening


def book(tx: Connection, treasury: Treasury, reservation: Reservation, error: ModelError, now: datetime) -> list[Alert]:
    """Charge or give back what was reserved, let whoever is to blame rest, and return what owners are to hear."""
    turn_events.note(tx, reservation.turn_id, Happening.NOT_ANSWERED, f"{reservation.key_id}: {error.reason}", now)
    alerts: list[Alert] = []
    if error.charged:
        alerts += treasury.charge(tx, reservation, now)
    else:
        treasury.release(tx, reservation, now)
    return [*alerts, *filter(None, [treasury.blame(tx, reservation, error, now)])]


def keys_to_avoid(treasury: Treasury, reservation: Reservation, error: ModelError) -> tuple[str, ...]:
    """Return the keys that this request need not try any more; none where no other key would fare better."""
    if isinstance(error, KeyRefused | NoCredit | RateLimited | ModelMissing):
        return (reservation.key_id,)
    if isinstance(error, Overloaded | Unavailable | ContextFull):
        return tuple(key.id for key in treasury.keys if key.provider == reservation.route.provider)
    return ()

"""The reckoning after a request: what an answer used, or who is to blame that there was none; owners hear what they must."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from bot import turn_events
from bot.errors import ContextFull, KeyRefused, ModelError, ModelMissing, NoCredit, Overloaded, RateLimited, Unavailable
from bot.ports import Usage
from bot.redaction import Redactor
from bot.treasury.alerts import Alert
from bot.treasury.reservation import Reservation
from bot.treasury.treasury import Treasury
from bot.turn_events import Happening

log = logging.getLogger(__name__)


class Asker(Protocol):
    """Who asks providers; `tell` is how owners hear of alerts."""

    @property
    def treasury(self) -> Treasury:
        """Who decides what is spent."""
        ...

    @property
    def redactor(self) -> Redactor:
        """What cleans secrets out of what a provider says."""
        ...

    @property
    def tell(self) -> Callable[[Connection, Alert, datetime], object]:
        """What tells owners of an alert."""
        ...


def settle(
    tx: Connection, asker: Asker, reservation: Reservation, usage: Usage | None, organisation: str | None, now: datetime
) -> None:
    """Settle an answered request by what was used; what nobody reported is charged in full."""
    if usage is None:
        alerts = asker.treasury.charge(tx, reservation, now)
    else:
        alerts = asker.treasury.settle(tx, reservation, usage, now, organisation)
    for alert in alerts:
        asker.tell(tx, alert, now)


def blame(tx: Connection, asker: Asker, reservation: Reservation, error: ModelError, now: datetime) -> tuple[str, ...]:
    """Charge or give back what a failed request reserved, and let whoever is to blame rest.

    Cleans the error's reason, and returns the keys that this request need not try any more; none where no other would fare
    better.
    """
    treasury = asker.treasury
    error.reason = asker.redactor.clean(error.reason)
    log.warning("the provider did not answer %s: %s", reservation.key_id, error.reason)
    turn_events.note(tx, reservation.turn_id, Happening.NOT_ANSWERED, f"{reservation.key_id}: {error.reason}", now)
    alerts: list[Alert] = []
    if error.charged:
        alerts += treasury.charge(tx, reservation, now)
    else:
        treasury.release(tx, reservation, now)
    for alert in (*alerts, *filter(None, [treasury.blame(tx, reservation, error, now)])):
        asker.tell(tx, alert, now)
    return _keys_to_avoid(treasury, reservation, error)


def _keys_to_avoid(treasury: Treasury, reservation: Reservation, error: ModelError) -> tuple[str, ...]:
    if isinstance(error, KeyRefused | NoCredit | RateLimited | ModelMissing):
        return (reservation.key_id,)
    if isinstance(error, Overloaded | Unavailable | ContextFull):
        return tuple(key.id for key in treasury.keys if key.provider == reservation.route.provider)
    return ()

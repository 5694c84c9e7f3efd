"""The forecast: what the next request of a conversation is expected to cost, by what those before it were reported to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from bot.ports import Usage
from bot.store.tables import turns
from bot.store.treasury_tables import ledger, reservations
from bot.treasury.estimate import LEARNS_FROM, Past, Weight, expect_output, expect_prompt, interval
from bot.treasury.providers import Provider
from bot.treasury.treasury import Treasury

CACHE_LASTS = timedelta(minutes=5)
_USUAL_MESSAGE = 60  # pieces that a person adds
_REQUESTS = select(ledger, reservations.c.said, reservations.c.forms, reservations.c.head, reservations.c.provider).join(
    reservations, reservations.c.id == ledger.c.reservation_id
)


class Forecast(NamedTuple):
    """What one request is expected to cost, with bounds, in nano-dollars; `off` is how wrong estimates were so far."""

    expected: int
    low: int
    high: int
    off: float | None  # the median of the errors, as a share of what was reported


def forecast(tx: Connection, treasury: Treasury, conversation_id: int, now: datetime) -> Forecast | None:
    """Return what the next request of a conversation is expected to cost; nothing where none was made yet."""
    last = tx.execute(_last_of(conversation_id)).first()
    if last is None or last.provider not in treasury.providers:
        return None
    provider = treasury.providers[last.provider]
    if last.model not in provider.models:
        return None
    past = past_of(tx, last.key_id, last.model)
    weight = Weight(last.said + last.output + _USUAL_MESSAGE, last.forms, last.head)
    tokens = interval(last.model, weight, past)
    cached = _prompt(last) if now - last.at < CACHE_LASTS else 0
    costs = [_cost(provider, last.model, amount, cached, expect_output(past)) for amount in tokens]
    expected, low, high = costs
    return Forecast(expected, low, high, _off(last.model, past))


def past_of(tx: Connection, key_id: str, model: str) -> list[Past]:
    """Return the last requests of a key to a model of which the usage was reported, the oldest first."""
    wanted = _REQUESTS.where(ledger.c.key_id == key_id, ledger.c.model == model, ledger.c.reported, ledger.c.output > 0)
    rows = tx.execute(wanted.order_by(ledger.c.id.desc()).limit(LEARNS_FROM)).all()
    return [Past(Weight(row.said, row.forms, row.head), _prompt(row), row.output) for row in reversed(rows)]


def _last_of(conversation_id: int) -> Any:  # noqa: ANN401 - a query
    mine = select(turns.c.id).where(turns.c.conversation_id == conversation_id).order_by(turns.c.id.desc()).limit(LEARNS_FROM)
    return (
        _REQUESTS.where(ledger.c.turn_id.in_(mine), ledger.c.reported, ledger.c.output > 0)
        .order_by(ledger.c.id.desc())
        .limit(1)
    )


def _prompt(row: Row[Any]) -> int:
    return int(row.input + row.cache_read + row.cache_write)


def _cost(provider: Provider, model: str, prompt: float, cached: int, output: float) -> int:
    read = min(cached, int(prompt))
    new = int(prompt) - read
    keeps = provider.protocol == "anthropic"  # what is new is written to the cache there
    usage = Usage(input=0 if keeps else new, cache_write=new if keeps else 0, cache_read=read, output=int(output))
    return provider.charge(model, usage)


def _off(model: str, past: Sequence[Past]) -> float | None:
    """Return how far estimates of prompts were off, as a median share of what was reported."""
    errors = [
        abs(expect_prompt(model, one.weight, past[:position]) - one.prompt) / one.prompt
        for position, one in enumerate(past)
        if position and one.prompt
    ]
    return median(errors) if errors else None

"""The audit: adds the ledger up, and says where the books do not balance."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from bot.store.treasury_tables import HELD, budgets, ledger, reservations
from bot.treasury.budgets import pairs, read
from bot.treasury.prices import dollars

_BATCH = 5_000
Place = tuple[str, str]


def imbalances(tx: Connection) -> list[str]:
    """Return a sentence for each budget that is not what its reservations and the ledger say."""
    spent, spent_tokens, held, held_tokens = Counter[Place](), Counter[Place](), Counter[Place](), Counter[Place]()
    for row in _settled(tx):
        for place in pairs(read(row.scopes), row.period):
            spent[place] += row.cost
            spent_tokens[place] += row.counted
    for row in tx.execute(select(reservations).where(HELD)):
        for place in pairs(read(row.scopes), row.period):
            held[place] += row.upper
            held_tokens[place] += row.tokens
    found = []
    seen = set()
    for row in tx.execute(select(budgets)):
        place = (row.scope, row.period)
        seen.add(place)
        found += _differences(place, (row.spent, spent[place]), (row.held, held[place]), usd=True)
        found += _differences(place, (row.spent_tokens, spent_tokens[place]), (row.held_tokens, held_tokens[place]), usd=False)
    missing = (set(spent) | set(held)) - seen
    return [*found, *(f"{scope} has no budget for {period}, although it spent in it" for scope, period in sorted(missing))]


def _settled(tx: Connection) -> Iterator[Any]:
    query = (
        select(reservations.c.scopes, reservations.c.period, ledger.c.cost, ledger.c.tokens.label("counted"))
        .join(ledger, ledger.c.reservation_id == reservations.c.id)
        .execution_options(yield_per=_BATCH)
    )
    yield from tx.execute(query)


def _differences(place: Place, spent: tuple[int, int], held: tuple[int, int], *, usd: bool) -> list[str]:
    unit, (scope, period) = ("usd" if usd else "tokens"), place
    words = {"spent": spent, "held": held}
    return [
        f"{scope}, {period}: {_exactly(unit, books)} stand in the books as {what}, and the ledger says {_exactly(unit, sums)}"
        for what, (books, sums) in words.items()
        if books != sums
    ]


def _exactly(unit: str, number: int) -> str:
    """Return an amount to the last digit: two that differ by less than a cent must not read the same."""
    if unit == "tokens":
        return f"{number:,} tokens"
    whole, _, digits = f"{dollars(number):.9f}".partition(".")
    return f"${whole}.{digits.rstrip('0').ljust(2, '0')}"

"""What it costs to keep the books: reserving before a request and settling after it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from benchmarks.table import Figure, at_most, middle, spread
from bot.ports import Usage
from bot.treasury.treasury import Treasury
from tests.spenders import SONNET, books

ROUNDS = 500


def reserve_and_settle(folder: Path) -> Iterator[Figure]:
    """Measure both together, each in a transaction that is on the disk when it ends."""
    database, treasury, taken = books(folder / "house.db"), Treasury(Decimal(1000), ["anthropic-1"]), []
    for _ in range(ROUNDS):
        begun = perf_counter()
        with database.write() as tx:
            reservation = treasury.reserve(tx, 1, SONNET, 20_000, 8000, datetime.now(UTC))
        with database.write() as tx:
            treasury.settle(tx, reservation, Usage(input=5000, output=300), datetime.now(UTC))
        taken.append((perf_counter() - begun) * 1000)
    yield at_most("reserve + settle, p50", middle(taken), 2, "ms", spread(taken))

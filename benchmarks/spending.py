"""What it costs to keep the books: reserving before a request and settling after it, beside a million requests of before."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from sqlalchemy import bindparam, text

from benchmarks.table import Figure, at_most, middle, spread
from bot.ports import Usage
from bot.store.database import Database, Moment
from bot.treasury.keys import Key
from bot.treasury.treasury import Treasury
from tests.spenders import books, treasury, wish
from tests.stores import count_rows

ROUNDS = 500
ROWS = 1_000_000
FEW, MANY = 8, 500
_OF_BEFORE = (
    text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows) "
        "INSERT INTO reservations (id, turn_id, key_id, provider, model, period, scopes, upper, tokens, size, state, made_at) "
        "SELECT i, 1, 'anthropic-' || (i % 8 + 1), 'anthropic', 'claude-sonnet-5-5', 'day:2026-10-01', :scopes, 1000, 1000, "
        "1000, 'settled', :at FROM n"
    ).bindparams(bindparam("at", datetime(2026, 10, 1, 12, tzinfo=UTC), Moment()), rows=ROWS, scopes="\nhouse\n"),
    text(
        "INSERT INTO ledger (id, reservation_id, turn_id, key_id, model, at, input, output, cache_read, cache_write, tokens, "
        "cost, reported) SELECT id, id, 1, key_id, model, made_at, 500, 300, 0, 0, 800, 1000, true FROM reservations"
    ),
)


def reserve_and_settle(folder: Path) -> Iterator[Figure]:
    """Measure both together, each in a transaction that is on the disk when it ends; with few keys and with many."""
    few = rounds(folder / "few.db", FEW)
    yield at_most(f"reserve + settle, p50, {FEW} keys", middle(few), 2, "ms", spread(few))
    many = rounds(folder / "many.db", MANY)
    yield at_most(f"the same with {MANY} keys, times as long", middle(many) / middle(few), 1.2, "×", spread(many))


def rounds(path: Path, keys: int) -> list[float]:
    """Return how many milliseconds each of many rounds took, in a house of so many keys and a million requests of before."""
    purse = treasury(Decimal(100_000), [Key(f"anthropic-{n}", "anthropic", f"sk-{n}") for n in range(1, keys + 1)])
    database = books(path, purse)
    with database.write() as tx:
        if tx.dialect.name == "postgresql":
            tx.execute(text("SET LOCAL statement_timeout = 0"))
            tx.execute(text("SET LOCAL session_replication_role = replica"))  # else it looks up what each of the rows names
        for statement in _OF_BEFORE:
            tx.execute(statement)
        if tx.dialect.name == "postgresql":  # what was given ids by hand has not moved the sequences on
            for table in ("reservations", "ledger"):
                tx.execute(text(f"SELECT setval('{table}_id_seq', {ROWS})"))
        count_rows(tx)
    with database.write() as tx:
        purse.enter_keys(tx, datetime.now(UTC))
    return [_round(database, purse) for _ in range(ROUNDS)]


def _round(database: Database, purse: Treasury) -> float:
    begun = perf_counter()
    with database.write() as tx:
        reservation = purse.reserve(tx, wish(20_000, 8000), datetime.now(UTC))
    with database.write() as tx:
        purse.settle(tx, reservation, Usage(input=500, output=30), datetime.now(UTC))
    return (perf_counter() - begun) * 1000

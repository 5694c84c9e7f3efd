"""Overspend: real processes hammer nearly spent budgets, and are killed at it; the vendor's own count decides."""

import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.store.database import Database
from bot.store.treasury_tables import budgets as rows_of
from bot.store.treasury_tables import ledger
from bot.treasury import audit, budgets
from bot.treasury.budgets import Limit
from bot.treasury.periods import day_of
from tests.hammers import KINDS, PROCESSES, Kind, billed, house
from tests.houses import ROOT
from tests.spenders import NOW
from tests.storms import LONG

pytestmark = [pytest.mark.crash, pytest.mark.both_stores]
ROUNDS = 20 if LONG else 1
STRIKES = 0.2  # seconds between two kills
ALL_USED, NEARLY_ALL = 0.99, 0.98  # where several caps end the processes one after the other, some end a little early
log = logging.getLogger(__name__)
Billed = Mapping[tuple[str, str], int]  # by scope and unit


def hammer(folder: Path, name: str, every: float) -> tuple[Database, Billed, Counter[str]]:
    """Let the processes spend until nothing is given any more; return the books, the bill, and how the processes ended."""
    folder.mkdir()
    calls = folder / "calls"
    database = house(folder / "house.db", KINDS[name], calls)
    command = [sys.executable, "-m", "tests.hammers", database.url, str(calls), name, str(every)]
    tally = Counter[str](json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout))
    bill = Counter[tuple[str, str]]()
    for amounts, scopes in billed(calls, KINDS[name]):
        bill.update({(scope, unit): amount for scope in scopes for unit, amount in amounts.items()})
    return database, bill, tally


def limits(database: Database, kind: Kind, position: int) -> list[Limit]:
    """Return how the caps above a process stand in the books, those of its keys included."""
    purse, scopes, day = kind.purse, kind.spender(position).scopes, day_of(NOW)
    most = purse.providers["anthropic"].tokens_per_day or 0
    with database.read() as tx:
        found = budgets.limits(tx, purse.caps, scopes, day)
        keys = tx.execute(select(rows_of).where(rows_of.c.scope.startswith("key:"), rows_of.c.period == day)).all()
    of_keys = [Limit(row.scope.split(":")[1], day, "tokens", most, row.spent_tokens, row.held_tokens, 0) for row in keys]
    return [*found, *of_keys]


def assert_the_books_are_true(database: Database, bill: Billed) -> None:
    """Assert that the ledger balances, that nothing is left hanging, and that no call of the vendor's is missing in it."""
    with database.read() as tx:
        assert audit.imbalances(tx) == []
        rows = {row.scope: row for row in tx.execute(select(rows_of).where(~rows_of.c.period.startswith("month:")))}
        unreported = tx.scalar(select(func.count()).where(~ledger.c.reported))
    assert all((row.held, row.held_tokens) == (0, 0) for row in rows.values())
    for (scope, unit), amount in bill.items():
        if scope in rows:
            spent = rows[scope].spent if unit == "usd" else rows[scope].spent_tokens
            assert amount <= spent if unreported else amount == spent, scope


@pytest.mark.parametrize(
    ("name", "every"),
    [("dollars", STRIKES), ("tokens", STRIKES), ("several", 0.0), *([("several", STRIKES)] if LONG else [])],
)
def test_no_cap_is_overspent_and_nearly_all_is_used(tmp_path: Path, name: str, every: float) -> None:
    """Thirty-two processes, one killed every 0.2 s: the vendor bills not one token over any cap, and 99 % of a cap is used."""
    kind = KINDS[name]
    for number in range(ROUNDS):
        database, bill, tally = hammer(tmp_path / f"{name} {number}", name, every)
        assert (tally["ended"], tally["failed"]) == (PROCESSES, 0)
        assert tally["killed"] > 0 or not every
        assert_the_books_are_true(database, bill)
        for position in range(1, PROCESSES + 1):
            found = limits(database, kind, position)
            assert all(bill[limit.scope, limit.unit] <= limit.spent <= limit.amount for limit in found)
            least = ALL_USED if kind.before is not None else NEARLY_ALL
            assert max(limit.spent / limit.amount for limit in found) >= least  # why this process ended
        if kind.before is not None:  # elsewhere what the killed had reserved weighs more
            assert max(bill[limit.scope, limit.unit] / limit.amount for limit in found) >= ALL_USED
        shares = {f"{one.scope} {one.period} {one.unit}": f"{bill[one.scope, one.unit] / one.amount:.4f}" for one in found}
        log.info("round %s of %s: %s killed, billed %s", number + 1, name, tally["killed"], shares)
        database.close()

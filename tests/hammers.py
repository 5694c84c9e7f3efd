"""Many processes that hammer budgets while some are killed; `python -m tests.hammers URL CALLS KIND SECONDS`.

Each stands for a worker with a turn of its own. What the vendor bills stands in a file outside the house's books.
"""

import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from time import monotonic

from sqlalchemy import Connection, insert, select

from bot import conversations
from bot.errors import AllDry, BudgetSpent
from bot.messages import Address
from bot.ports import Usage
from bot.store.database import Database
from bot.store.tables import people, turns
from bot.store.treasury_tables import budgets as rows_of
from bot.treasury import budgets
from bot.treasury.budgets import Cap, Spender
from bot.treasury.keys import Key
from bot.treasury.periods import day_of
from bot.treasury.prices import nano
from bot.treasury.reservation import Reservation
from bot.treasury.treasury import Treasury
from tests.spenders import NOW, SONNET, books, treasury, wish

PROCESSES = 32
PROMPT, OUTPUT = 300, 4_000  # tokens: the provider's count of the prompt, and the longest answer
DEAREST = 1 / 5  # of the calls use all that they may
TURN = {"butler": "assistant", "trigger": "message", "model": SONNET, "state": "running", "steps": 0, "attempts": 0}


@dataclass(frozen=True)
class Kind:
    """Which caps there are, and how many share what."""

    caps: Sequence[Cap]  # one of `root` holds for each request
    keys: int = 1
    tokens_per_day: int = 10**9
    people: int = 1
    butlers: int = 1
    roots: int = PROCESSES
    before: Usage | None = None  # what each has spent already

    @cached_property
    def purse(self) -> Treasury:
        """The treasury that all of them ask."""
        ring = [Key(f"anthropic-{n}", "anthropic", f"sk-{n}") for n in range(1, self.keys + 1)]
        return treasury(Decimal(1000), ring, self.caps, tokens_per_day=self.tokens_per_day)

    def spender(self, position: int) -> Spender:
        """Return whose money a process spends: several share a person, a butler and a request."""
        butler = f"butler{position % self.butlers}"
        return Spender(position, position, 1 + position % self.people, butler, root_id=1 + position % self.roots)


def usd(scope: str, period: str, amount: str) -> Cap:
    """Return a cap in dollars."""
    return Cap(scope, period, "usd", nano(Decimal(amount)))


KINDS = {
    "dollars": Kind([usd("house", "day", "200")], before=Usage(output=610_000)),  # 195 dollars of them all
    "tokens": Kind([], keys=2, tokens_per_day=20_000_000, before=Usage(input=1_234_000)),
    "several": Kind(
        [
            usd("house", "day", "9"),
            usd("house", "month", "4.2"),
            usd("person:1", "day", "1.2"),
            usd("person:2", "month", "2.2"),
            Cap("butler:butler0", "day", "tokens", 200_000),
            usd("root", "all", "1.15"),
        ],
        people=3,
        butlers=2,
        roots=4,
    ),
}


def house(path: Path, kind: Kind, calls: Path) -> Database:
    """Return the books of a house in which every process has a turn, and perhaps a costly request behind it."""
    made = books(path, kind.purse)
    with made.write() as tx:
        for position in range(1, PROCESSES + 1):
            if position > 1:
                tx.execute(insert(people).values(name=f"P{position}", role="member", created_at=NOW))
                place = conversations.find_or_open(tx, Address(channel="telegram", chat=f"chat {position}"))
                tx.execute(insert(turns).values(conversation_id=place.id, person_id=position, started_at=NOW, **TURN))
            if kind.before is not None:
                reservation = reserve(kind.purse, tx, kind.spender(position), near=False)
                _bill(calls, position, reservation, kind.before)
                kind.purse.settle(tx, reservation, kind.before, NOW)
    return made


def reserve(purse: Treasury, tx: Connection, spender: Spender, *, near: bool) -> Reservation:
    """Reserve as an agent does: by size at first, and where a cap is near by the provider's count."""
    made = wish(2000, OUTPUT, spender)
    return purse.reserve(tx, replace(made, counted=PROMPT, near=True) if near else made, NOW)


def spend(database: Database, calls: Path, kind: Kind, position: int) -> None:
    """Reserve, call and settle until nothing more is given."""
    purse, spender, dice = kind.purse, kind.spender(position), random.Random(os.urandom(8))  # noqa: S311
    with database.write() as tx:
        purse.charge_left(tx, position, NOW)  # as a turn that is taken over begins
    while True:
        try:
            reservation = _reserved(database, purse, spender)
        except (BudgetSpent, AllDry):
            return
        usage = _usage(dice, reservation)
        _bill(calls, position, reservation, usage)
        with database.write() as tx:
            purse.settle(tx, reservation, usage, NOW)


def _bill(calls: Path, position: int, reservation: Reservation, usage: Usage) -> None:
    """Call, which is all that the vendor knows."""
    line = {"position": position, "key": reservation.key_id, "usage": usage.model_dump()}
    with calls.open("ab", buffering=0) as file:
        file.write(f"{json.dumps(line)}\n".encode())


def _reserved(database: Database, purse: Treasury, spender: Spender) -> Reservation:
    try:
        with database.write() as tx:
            made = reserve(purse, tx, spender, near=False)
            assert_under_caps(tx, purse, spender)
            return made
    except (BudgetSpent, AllDry):
        with database.write() as tx:
            made = reserve(purse, tx, spender, near=True)
            assert_under_caps(tx, purse, spender)
            return made


def _usage(dice: random.Random, reservation: Reservation) -> Usage:
    """Return what a call took: at times all that it might."""
    if dice.random() < DEAREST:
        return Usage(cache_write=PROMPT, output=reservation.max_output)
    return Usage(input=dice.randrange(PROMPT + 1), output=dice.randrange(reservation.max_output + 1))


def assert_under_caps(tx: Connection, purse: Treasury, spender: Spender) -> None:
    """Assert that nowhere more is spent and held than a cap allows."""
    day = day_of(NOW)
    for limit in budgets.limits(tx, purse.caps, spender.scopes, day):
        assert limit.left >= 0, limit
    for row in tx.execute(select(rows_of).where(rows_of.c.scope.startswith("key:"))):
        assert row.spent_tokens + row.held_tokens <= (purse.providers["anthropic"].tokens_per_day or 0)


def billed(calls: Path, kind: Kind) -> Iterator[tuple[Mapping[str, int], Sequence[str]]]:
    """Give what the vendor billed for each call, by unit, and the budgets on which it weighs."""
    purse = kind.purse
    provider = purse.providers["anthropic"]
    for line in map(json.loads, calls.read_text().splitlines()):
        usage = Usage.model_validate(line["usage"])
        amounts = {"usd": provider.charge(SONNET, usage), "tokens": provider.counted(usage)}
        yield amounts, (*kind.spender(line["position"]).scopes, line["key"])


def run(url: str, calls: Path, kind: Kind, every: float) -> Counter[str]:
    """Let them all spend; every so many seconds kill one and put another in its place. Return how many ended how."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    database = _warm(url, kind)
    at_work = {_fork(database, calls, kind, position): position for position in range(1, PROCESSES + 1)}
    tally, dice, strikes_at = Counter[str](), random.Random(5), monotonic() + every  # noqa: S311
    while at_work:
        signal.sigtimedwait([signal.SIGCHLD], max(strikes_at - monotonic(), 0.0) if every else 60.0)
        for pid in list(at_work):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del at_work[pid]
                tally["failed" if status else "ended"] += 1
        if every and at_work and monotonic() >= strikes_at:
            strikes_at += every
            victim = dice.choice(sorted(at_work))
            os.kill(victim, signal.SIGKILL)
            _, status = os.waitpid(victim, 0)
            position = at_work.pop(victim)
            tally["killed" if status else "ended"] += 1
            if status:
                at_work[_fork(database, calls, kind, position)] = position
    return tally


def _warm(url: str, kind: Kind) -> Database:
    """Return the books, of whose statements each is made once, so that the hammering begins at once; nothing is changed."""
    database = Database(url)
    with suppress(BudgetSpent, AllDry), database.write() as tx:
        for near in (False, True):
            kind.purse.settle(tx, reserve(kind.purse, tx, kind.spender(1), near=near), Usage(), NOW)
        raise BudgetSpent("")
    database.close()
    return database


def _fork(database: Database, calls: Path, kind: Kind, position: int) -> int:
    """Start a process that takes a turn over from whoever had it before."""
    child = os.fork()
    if child == 0:
        spend(database, calls, kind, position)
        os._exit(0)
    return child


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(sys.argv[1], Path(sys.argv[2]), KINDS[sys.argv[3]], float(sys.argv[4]))))

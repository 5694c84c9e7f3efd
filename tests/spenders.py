"""Many processes that spend from one budget until it is gone; `python -m tests.spenders URL TURN FILE PROCESSES`."""

import os
import random
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import insert

from bot import conversations
from bot.errors import BudgetSpent
from bot.messages import Address
from bot.ports import Usage
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from bot.store.tables import people, turns
from bot.treasury.treasury import Treasury

CAP = Decimal(2)
SONNET = "claude-sonnet-5-5"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def books(path: Path) -> Database:
    """Return a new house's database with one turn in it."""
    made = Database(sqlite_url(path))
    migrate.upgrade_here({made.url: migrate.HOUSE})
    with made.write() as tx:
        tx.execute(insert(people).values(name="Ada", role="owner", created_at=NOW))
        conversation = conversations.find_or_open(tx, Address(channel="telegram", chat="7"))
        values = {"butler": "assistant", "trigger": "message", "model": SONNET, "state": "running", "steps": 0, "attempts": 0}
        tx.execute(insert(turns).values(conversation_id=conversation.id, person_id=1, started_at=NOW, **values))
    return made


def spend(url: str, turn: int, calls: Path) -> None:
    """Reserve, call and settle until nothing more is given; each call leaves the price of its usage in a file."""
    database, treasury, dice = Database(url), Treasury(CAP, ["anthropic-1"]), random.Random(os.getpid())  # noqa: S311
    while True:
        try:
            with database.write() as tx:
                reservation = treasury.reserve(tx, turn, SONNET, 2000, 1000, NOW)
        except BudgetSpent:
            return
        usage = Usage(input=dice.randrange(2000), output=dice.randrange(1000), cache_write=dice.randrange(2000))
        with calls.open("ab", buffering=0) as file:
            file.write(f"{usage.model_dump_json()}\n".encode())
        with database.write() as tx:
            treasury.settle(tx, reservation, usage, NOW)


if __name__ == "__main__":
    address, turn_id, path, processes = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            spend(address, turn_id, path)
            os._exit(0)
        children.append(child)
    sys.stdout.write(" ".join(map(str, children)) + "\n")
    sys.stdout.flush()
    for child in children:
        os.waitpid(child, 0)

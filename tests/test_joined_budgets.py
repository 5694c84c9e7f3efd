"""Two chats that become one person's: what both spent, and what an owner capped, is that person's then."""

import pytest
from sqlalchemy import select

from bot.ports import Usage
from bot.store.treasury_tables import budgets, caps
from bot.treasury import audit, figures
from bot.treasury.choice import Wish
from bot.treasury.providers import Tier
from tests.room import ADA, BEN, Room
from tests.test_linking import join

pytestmark = pytest.mark.both_stores


@pytest.fixture
def room(room: Room) -> Room:
    """A room in which two have asked something."""
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
        assert room.asks("Hello", sender).startswith("You said")
    return room


def spent(room: Room, person: int) -> int:
    """Return what a person has spent this month, held included, in nano-dollars."""
    with room.database.read() as tx:
        rows = tx.execute(select(budgets).where(budgets.c.scope == f"person:{person}", budgets.c.period.startswith("month:")))
        return sum(row.spent + row.held for row in rows)


def test_linked_people_have_one_budget(room: Room) -> None:
    """What both spent is one person's, and what was under way is charged to them: the books balance, and money goes on."""
    room.takes_in("And another thing", BEN)
    conversation = 2
    turn = room.runner("w").turns.take(conversation, suspects=True)
    assert turn is not None
    with turn.writing() as tx:
        made = room.treasury.reserve(tx, Wish(turn.spender, Tier.SMART, 2000, 1000), room.clock())
    whole = spent(room, 1) + spent(room, 2)
    join(room, ADA, BEN)
    assert (spent(room, 1), spent(room, 2)) == (whole, 0)
    with room.database.write() as tx:
        room.treasury.settle(tx, made, Usage(input=1), room.clock())  # too late: its turn was stopped
        assert audit.imbalances(tx) == []
        assert figures.of(tx, "person:1", room.now).held == 0
    assert room.asks("One of us", BEN).startswith("You said")
    assert spent(room, 1) > whole
    with room.database.read() as tx:
        assert audit.imbalances(tx) == []


def test_nobody_leaves_a_cap_by_linking(room: Room) -> None:
    """A cap that an owner set for the second person holds for the one they become, unless that one has a cap."""
    room.takes_in("/budget set person Ben day $0.50")
    room.takes_in("/budget set person Ben month $9")
    room.takes_in("/budget set person Ada month $7")
    join(room, ADA, BEN)
    with room.database.read() as tx:
        found = {(row.scope, row.period): row.amount for row in tx.execute(select(caps))}
    assert found == {("person:1", "day"): 500_000_000, ("person:1", "month"): 7_000_000_000}

"""What the tests of /budget share: people who spend, and what they read."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert, select, update

from bot import conversations
from bot.charts import Chart
from bot.messages import Address, Sender
from bot.ports import Usage
from bot.store.tables import identities, outbox, people, turns
from bot.store.treasury_tables import caps, choices
from bot.treasury.budgets import Spender
from bot.treasury.choice import Wish
from bot.treasury.providers import Tier
from tests.room import ADA, SONNET, Room

BEN = Sender(channel="telegram", id="8", name="Ben Day *star*")
GROUP = Address(channel="telegram", chat="-5", private=False)
NOTHING = "Nothing was changed."
MILLION = 1_000_000


def spends(room: Room, usd: str, *, person: int = 1, butler: str = "assistant", job: str | None = None, ago: int = 0) -> None:
    """Let somebody spend an amount of dollars, so many days ago; a million tokens of an answer are ten dollars."""
    at = room.now - timedelta(days=ago)
    with room.database.write() as tx:
        here = conversations.find_or_open(tx, Address(channel="telegram", chat=str(6 + person)))
        values = {"butler": butler, "trigger": "message", "model": SONNET, "state": "answered", "steps": 1, "attempts": 0}
        made = insert(turns).values(conversation_id=here.id, person_id=person, started_at=at, **values).returning(turns.c.id)
        turn = tx.execute(made).scalar_one()
        spender = Spender(turn, here.id, person, butler, job=job)
        before = tx.execute(select(choices)).all()
        tx.execute(choices.delete())
        tx.execute(insert(choices).values(name="budget mode", value="warn"))
        held = room.treasury.reserve(tx, Wish(spender, Tier.SMART, 0, 1), at)
        room.treasury.settle(tx, held, Usage(output=int(Decimal(usd) * MILLION // 10)), at)
        tx.execute(choices.delete())
        for row in before:
            tx.execute(insert(choices).values(name=row.name, value=row.value))
        room.treasury.enter_keys(tx, room.now)


def lines(room: Room, *words: str, sender: Sender = ADA) -> list[str]:
    """Give the command and return the lines of its answer, without those that are empty."""
    return room.writes(sender, " ".join(("/budget", *words))).replace("\n\n", "\n").splitlines()


def becomes(room: Room, who: Sender, **values: str) -> None:
    """Let a person be another one from now on."""
    with room.database.write() as tx:
        mine = people.c.id == select(identities.c.person_id).where(identities.c.external_id == who.id).scalar_subquery()
        tx.execute(update(people).where(mine).values(values))


def press(room: Room, label: str, who: Sender = ADA) -> str:
    """Press a button that Ada was shown, and return what is said then."""
    return room.presses(who, label, asked=ADA).rpartition("\n\n")[2]


def stored(room: Room) -> object:
    """Return all that the command may change."""
    with room.database.read() as tx:
        return [[tuple(row) for row in tx.execute(select(table))] for table in (caps, choices)]


def chart(room: Room) -> Chart:
    """Return the chart that is shown last."""
    with room.database.read() as tx:
        shown = select(outbox.c.enclosure).where(outbox.c.enclosure.is_not(None)).order_by(outbox.c.id.desc())
        found = [one for one in tx.scalars(shown) if one is not None]
    return Chart.model_validate(found[0])

"""What it takes to find the butler whom a message is for, in a house that was set right a few thousand times."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from sqlalchemy import insert, select

from benchmarks.table import Figure, at_most, middle, p99, spread
from bot import conversations
from bot.household import read_household
from bot.messages import Origin
from bot.store.switchboard_tables import corrections
from bot.store.tables import inbox
from bot.switchboard.switchboard import Letter, Switchboard
from tests.anthropic_server import AnthropicServer
from tests.houses import SHIPPED
from tests.room import ADA, Room
from tests.routing_results import messages

CORRECTIONS, ROUNDS = 3_000, 10


def routing(folder: Path) -> Iterator[Figure]:
    """Measure the decisions at the door, and how long the index takes to be made."""
    with AnthropicServer() as claude, Room(folder, claude) as room:
        household = room.household = read_household(SHIPPED, "assistant")
        examples = [(text, butler.name) for butler in household.butlers.values() for text in butler.examples]
        here = room.takes_in("hello")
        with room.database.write() as tx:
            first = tx.execute(select(inbox)).mappings().one()
            for number in range(CORRECTIONS):
                text, butler = examples[number % len(examples)]
                row = {
                    **first,
                    "id": number + 2,
                    "external_id": f"x{number}",
                    "text": f"{text} {examples[-number % len(examples)][0][:20]}",
                }
                tx.execute(insert(inbox).values(row))
                tx.execute(insert(corrections).values(inbox_id=number + 2, person_id=1, butler=butler, at=room.now))
        board = Switchboard(lambda: household)
        with room.database.read() as tx:
            place = conversations.get(tx, here)
            texts = [str(one["text"]) for one in messages("mixed")]
            letters = [Letter(1, place, 1, ADA, text, Origin.PERSON, None) for text in texts]
            begun = perf_counter()
            board.decide(tx, letters[0], room.now)
            made = perf_counter() - begun
            times = []
            for letter in letters * ROUNDS:
                begun = perf_counter()
                board.decide(tx, letter, room.now)
                times.append((perf_counter() - begun) * 1000)
    yield at_most(f"routing, {CORRECTIONS:,} corrections, p50", middle(times), 2, "ms", spread(times))
    yield at_most("the same, p99", p99(times), 10, "ms")
    yield at_most("its index, made once for each state of the household", made, 3, "s")

"""Near a cap: the provider is asked how long the prompt is, and the answer is kept as short as the money."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.agent import COUNT_FRAME, COUNT_MARGIN, MAX_OUTPUT
from bot.errors import RateLimited
from bot.ports import Route
from bot.store.treasury_tables import budgets, ledger, reservations
from bot.treasury import audit, counting
from bot.treasury.budgets import HOUSE
from bot.treasury.choice import LEAST_OUTPUT
from bot.treasury.prices import FRAME, nano
from bot.treasury.providers import Provider, Providers, read_providers
from tests.anthropic_server import AnthropicServer
from tests.room import SONNET, Room

FULL = Decimal("0.16")  # what the longest answer costs
PRICE = read_providers()["anthropic"].models[SONNET]


@contextmanager
def room_with(folder: Path, cap: Decimal = Decimal(5), **limits: object) -> Iterator[Room]:
    """Give a room with a daily cap, or with limits of its key."""
    table = dict(read_providers().table)
    table["anthropic"] = Provider.model_validate(table["anthropic"].model_dump() | limits)
    with AnthropicServer() as claude, Room(folder, claude, cap=cap, providers=Providers(table)) as made:
        yield made
        with made.database.read() as tx:
            assert audit.imbalances(tx) == []


def counts(room: Room) -> int:
    """Return how often the provider was asked to count."""
    return sum(record.path.endswith("count_tokens") for record in room.claude.requests)


def asked(room: Room) -> dict[str, Any]:
    """Return the last request for an answer."""
    body = room.claude.message_requests[-1].body
    assert isinstance(body, dict)
    return body


def reserved(room: Room) -> Any:
    """Return the last reservation."""
    with room.database.read() as tx:
        return tx.execute(select(reservations).order_by(reservations.c.id.desc()).limit(1)).one()


def test_far_from_a_cap_nobody_counts(tmp_path: Path) -> None:
    """The bound by size is enough as long as there is plenty: no request more than the answer's."""
    with room_with(tmp_path) as room:
        room.asks("Good morning")
        assert counts(room) == 0
        assert asked(room)["max_tokens"] == MAX_OUTPUT
        last = reserved(room)
        assert last.tokens == last.size + FRAME + MAX_OUTPUT


def test_near_a_cap_of_dollars_the_provider_counts(tmp_path: Path) -> None:
    """What fits by the provider's own count is asked for at its full length, although the bound by size does not fit."""
    with room_with(tmp_path, FULL + Decimal("0.012")) as room:
        assert room.asks("Good morning").startswith("You said")
        assert counts(room) == 1
        assert asked(room)["max_tokens"] == MAX_OUTPUT
        usage = room.claude.message_requests[-1].usage
        assert usage is not None
        last = reserved(room)
        counted = last.tokens - MAX_OUTPUT
        assert sum(value for name, value in usage.items() if name.endswith("input_tokens")) <= counted
        assert last.upper == PRICE.upper_bound(counted, MAX_OUTPUT)
        assert counted < last.size


def test_nearer_the_answer_is_shorter(tmp_path: Path) -> None:
    """The answer may be as long as the money, down to the least that makes sense; below that the person reads why not."""
    with room_with(tmp_path, Decimal("0.06")) as room:
        room.asks("Good morning")
        first = asked(room)["max_tokens"]
        assert LEAST_OUTPUT < first < 6000
        assert nano(Decimal("0.06")) - PRICE.output * 1000 < reserved(room).upper <= nano(Decimal("0.06"))
        lengths = [first]
        while (said := room.asks("And again, at the same length, please, so that it costs something")).startswith("You said"):
            lengths.append(asked(room)["max_tokens"])
        assert lengths == sorted(lengths, reverse=True)
        assert lengths[-1] >= LEAST_OUTPUT
        assert said.startswith("The house may spend $0.06 a day, and this could cost up to $0.1")
        with room.database.read() as tx:
            row = tx.execute(select(budgets).where(budgets.c.scope == HOUSE, budgets.c.period.startswith("day:"))).one()
        assert row.spent <= nano(Decimal("0.06"))
        assert row.held == 0


def test_near_the_end_of_a_key_the_provider_counts(tmp_path: Path) -> None:
    """What is left of a key's day in tokens is used to the last request that fits by the provider's count."""
    with room_with(tmp_path, tokens_per_day=6000) as room:
        assert room.asks("Good morning").startswith("You said")
        assert counts(room) == 1
        assert LEAST_OUTPUT <= asked(room)["max_tokens"] < 6000
        assert reserved(room).tokens == 6000


def test_a_provider_that_cannot_count_stops_nobody(tmp_path: Path) -> None:
    """Where the count fails, the bound by size holds: a shorter answer, or the sentence about the cap."""
    with room_with(tmp_path, Decimal("0.08")) as room:
        room.claude.keys.clear()  # the count is refused, as the answer will be
        said = room.asks("Good morning")
        assert "No model can be asked" in said
        assert reserved(room).tokens > reserved(room).size
        with room.database.read() as tx:
            assert tx.scalars(select(ledger.c.cost)).all() == [0]


def test_the_margin_covers_what_a_count_may_miss(tmp_path: Path) -> None:
    """A count is an estimate, so that what is reserved by it is a little more."""
    with room_with(tmp_path, FULL + Decimal("0.012")) as room:
        room.asks("Good morning")
        with room.database.read() as tx:
            used = tx.execute(select(ledger)).one()
        prompt = used.input + used.cache_read + used.cache_write
        assert reserved(room).tokens - MAX_OUTPUT == int(prompt * COUNT_MARGIN) + COUNT_FRAME > 1.04 * prompt + 200


def test_a_refused_count_is_not_asked_for_again_too_soon(tmp_path: Path) -> None:
    """A provider that asks to wait before it counts is not asked before, and then again."""
    with room_with(tmp_path, FULL + Decimal("0.012")) as room:
        route = Route(provider="anthropic", key_id="anthropic-1", model=SONNET)
        with room.database.write() as tx:
            counting.note_refusal(tx, route, RateLimited("slow down", wait=60), room.now)
        room.asks("Good morning")
        assert counts(room) == 0
        room.now += timedelta(seconds=60)
        room.asks("And now?")
        assert counts(room) == 1

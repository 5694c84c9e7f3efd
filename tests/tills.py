"""A till: a treasury of any providers and keys with real books, at which a test reserves, settles and meets errors."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import insert, select

from bot import conversations
from bot.errors import AllDry, ModelError
from bot.messages import Address
from bot.ports import Usage
from bot.store.tables import turns
from bot.store.treasury_tables import key_history, keys, rests, sessions
from bot.treasury import audit
from bot.treasury.budgets import HOUSE, Cap, Spender
from bot.treasury.choice import Wish
from bot.treasury.keys import Key
from bot.treasury.prices import ModelPrice, nano
from bot.treasury.providers import Provider, Providers, Tier
from bot.treasury.treasury import Treasury
from tests.spenders import ADA, BERLIN, NOW, SONNET, books

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Row

    from bot.treasury.alerts import Alert
    from bot.treasury.reservation import Reservation

_WISHED = {"tier": Tier.SMART, "output": 1000}


def price(cost: float = 1, context: int = 1_000_000) -> ModelPrice:
    """Return a model that costs so many dollars for a million tokens of any kind."""
    each = Decimal(cost)
    return ModelPrice(input=each, output=each, cache_read=each, cache_write=each, context=context, priced=date(2026, 11, 21))


def provider(cost: float = 1, context: int = 1_000_000, **more: Any) -> Provider:
    """Return a provider with a smart model called big, unless its fields say otherwise."""
    fields = {"url": "http://127.0.0.1:1", "smart": "big", "models": {"big": price(cost, context)}}
    return Provider(**{**fields, **more})


def ring(ids: str) -> tuple[Key, ...]:
    """Return keys of these ids, such as alpha-1 alpha-2."""
    return tuple(Key(key_id, key_id.rpartition("-")[0], f"sk-{key_id}") for key_id in ids.split())


class Till:
    """Where requests of several conversations are paid, at a time that a test moves."""

    def __init__(self, path: Path, table: Mapping[str, Provider], ids: str, chosen: Mapping[Tier, str] | None = None) -> None:
        self.providers = Providers(table, chosen)
        self.now = NOW
        self.treasury = self._opened(ring(ids))
        self.database = books(path / "house.db", self.treasury)

    def __enter__(self) -> Self:
        """Open it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing open, and nothing unbalanced."""
        with closing(self.database), self.database.read() as tx:
            assert audit.imbalances(tx) == []

    def _opened(self, keys: Iterable[Key]) -> Treasury:
        return Treasury(self.providers, tuple(keys), [Cap(HOUSE, "day", "usd", nano(Decimal(1_000_000)))], BERLIN)

    def restarts_with(self, keys: Iterable[Key]) -> None:
        """Begin anew with other keys."""
        self.treasury = self._opened(keys)
        with self.database.write() as tx:
            self.treasury.enter_keys(tx, self.now)

    def passes(self, **time: float) -> datetime:
        """Let time pass, or go back."""
        self.now += timedelta(**time)
        return self.now

    def another(self) -> Spender:
        """Return a spender in a conversation of its own."""
        with self.database.write() as tx:
            number = len(tx.execute(select(turns.c.id)).all()) + 1
            talk = conversations.find_or_open(tx, Address(channel="telegram", chat=f"chat {number}"))
            values = {"butler": "assistant", "trigger": "message", "model": SONNET, "state": "running", "steps": 0}
            tx.execute(insert(turns).values(conversation_id=talk.id, person_id=1, started_at=NOW, attempts=0, **values))
        return Spender(number, talk.id, 1, "assistant")

    def reserves(self, size: int = 2000, spender: Spender = ADA, **more: Any) -> Reservation:
        """Reserve for one request."""
        with self.database.write() as tx:
            return self.treasury.reserve(tx, Wish(**{**_WISHED, "size": size, "spender": spender, **more}), self.now)

    def settles(self, held: Reservation, tokens: int = 100, organisation: str | None = None) -> list[Alert]:
        """Answer a request that used so many tokens."""
        with self.database.write() as tx:
            return self.treasury.settle(tx, held, Usage(input=tokens), self.now, organisation)

    def spends(self, tokens: int = 100, size: int = 2000, **more: Any) -> str:
        """Reserve and settle; return the key by which it went."""
        held = self.reserves(size, **more)
        self.settles(held, tokens)
        return held.key_id

    def meets(self, held: Reservation, error: ModelError) -> Alert | None:
        """Let a request end with an error, as the agent does."""
        with self.database.write() as tx:
            self.treasury.release(tx, held, self.now)
            return self.treasury.blame(tx, held, error, self.now)

    def fails(self, error: ModelError, **more: Any) -> str:
        """Reserve, and meet an error; return the key that met it."""
        held = self.reserves(**more)
        self.meets(held, error)
        return held.key_id

    def is_dry(self, **more: Any) -> AllDry | None:
        """Return why no key can be used, if none can; nothing is spent for it."""
        try:
            held = self.reserves(**more)
        except AllDry as dry:
            return dry
        with self.database.write() as tx:
            self.treasury.release(tx, held, self.now)
        return None

    def resting(self) -> dict[tuple[str, str], datetime | None]:
        """Return who is not to be asked now, and until when."""
        with self.database.read() as tx:
            found = tx.execute(select(rests)).all()
        return {(row.subject, row.model): row.until for row in found if row.until is None or row.until > self.now}

    def key(self, key_id: str) -> Row[Any]:
        """Return what the books hold of a key."""
        with self.database.read() as tx:
            return tx.execute(select(keys).where(keys.c.id == key_id)).one()

    def session(self, spender: Spender = ADA) -> Row[Any]:
        """Return what a conversation stays with."""
        mine = select(sessions).where(sessions.c.conversation_id == spender.conversation_id)
        with self.database.read() as tx:
            return tx.execute(mine).one()

    def history(self, event: str = "rotated") -> list[tuple[str, str | None, str]]:
        """Return the lines of the keys' history of one kind."""
        with self.database.read() as tx:
            rows = tx.execute(select(key_history).where(key_history.c.event == event).order_by(key_history.c.id)).all()
        return [(row.key_id, row.to_key, row.reason) for row in rows]

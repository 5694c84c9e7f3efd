"""A street of providers: Anthropic with two keys, two others behind it, and one whose server is gone; and a room on it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Self

from sqlalchemy import select

from bot.store.treasury_tables import key_history, ledger, reservations
from bot.treasury import audit
from bot.treasury.keys import Key
from bot.treasury.providers import Provider, Providers, read_providers
from tests.anthropic_server import AnthropicServer
from tests.openai_server import OpenAIServer
from tests.room import Room
from tests.tills import price

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SONNET = "claude-sonnet-5-5"
SMALL = 45_000  # tokens a day: room for about two requests, as none fits that may take more than is left
KEYS = {
    "anthropic-1": "sk-ant-one",
    "anthropic-2": "sk-ant-two",
    "openrouter-1": "sk-or-one",
    "openai-1": "sk-openai-one",
    "groq-1": "gsk-one",
}


class Street:
    """The providers in the order in which a conversation comes to them, and who talks there."""

    def __init__(self, folder: Path, ids: str = " ".join(KEYS), tokens_per_day: int = SMALL) -> None:
        self.claude = AnthropicServer([KEYS["anthropic-1"], KEYS["anthropic-2"]])
        self.router = OpenAIServer([KEYS["openrouter-1"]], flavour="openrouter")
        self.gone = OpenAIServer([KEYS["openai-1"]])
        self.groq = OpenAIServer([KEYS["groq-1"]], flavour="groq")
        self._servers: Sequence[AnthropicServer | OpenAIServer] = (self.claude, self.router, self.gone, self.groq)
        for server in self._servers:
            server.start()
        self.gone.stop()
        claude = read_providers()["anthropic"].model_copy(update={"tokens_per_day": tokens_per_day})
        table = {
            "anthropic": claude,
            "openrouter": _second(self.router, "anthropic/claude-sonnet-5.5", 3_000_000),
            "openai": _second(self.gone, "gpt-4.1", 2_000_000),
            "groq": _second(self.groq, "openai/gpt-oss-120b", 1_000_000),
        }
        keys = [Key(key_id, key_id.rpartition("-")[0], KEYS[key_id]) for key_id in ids.split()]
        self.room = Room(folder, self.claude, keys=keys, providers=Providers(table))

    def __enter__(self) -> Self:
        """Open it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the room and the servers."""
        with self.room.database.read() as tx:
            unbalanced = audit.imbalances(tx)
        self.room.__exit__()
        for server in self._servers:
            server.stop()
        assert unbalanced == []

    @property
    def asked(self) -> list[str]:
        """The keys of all requests in the order in which they were made, also of those that were answered by nobody."""
        with self.room.database.read() as tx:
            return list(tx.scalars(select(reservations.c.key_id).order_by(reservations.c.id)))

    @property
    def rotations(self) -> list[tuple[str, str | None, str]]:
        """The lines of the history about rotations."""
        wanted = select(key_history).where(key_history.c.event == "rotated").order_by(key_history.c.id)
        with self.room.database.read() as tx:
            return [(row.key_id, row.to_key, row.reason) for row in tx.execute(wanted)]

    def booked(self) -> dict[str, Counter[str]]:
        """Return the tokens that the ledger holds for each key."""
        found: dict[str, Counter[str]] = {}
        with self.room.database.read() as tx:
            for row in tx.execute(select(ledger)):
                mine = found.setdefault(row.key_id, Counter())
                mine.update(input=row.input, output=row.output, cache_read=row.cache_read, cache_write=row.cache_write)
        return {key_id: +tokens for key_id, tokens in found.items() if +tokens}

    def billed(self) -> dict[str, Counter[str]]:
        """Return the tokens that the providers billed for each key."""
        names = {"cache_creation_5m_tokens": "cache_write", "cache_creation_1h_tokens": "cache_write"}
        places = [
            (self.claude.billed_tokens, "anthropic"),
            (self.router.billed_tokens, "openrouter"),
            (self.groq.billed_tokens, "groq"),
        ]
        found: dict[str, Counter[str]] = {}
        for billed, provider in places:
            for key, tokens in billed.items():
                mine = found.setdefault(f"{provider}-{key.removeprefix('key-')}", Counter())
                for name, number in tokens.items():
                    mine[names.get(name, name.removesuffix("_tokens"))] += number
        return {key_id: +tokens for key_id, tokens in found.items() if +tokens}


def _second(server: OpenAIServer, model: str, tokens_per_day: int) -> Provider:
    """Return a provider that has no smart model, so that it is asked when none of that tier can be."""
    return Provider(url=server.base_url, balanced=model, tokens_per_day=tokens_per_day, models={model: price(1)})

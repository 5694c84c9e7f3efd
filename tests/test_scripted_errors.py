"""Thousands of scripted errors: nobody is asked too early, nothing is asked twice in vain, and the books balance."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from bot.messages import Sender
from bot.store.tables import turns
from bot.store.treasury_tables import ledger, reservations
from bot.treasury import audit
from bot.treasury.budgets import HOUSE, Cap
from bot.treasury.keys import Key
from bot.treasury.prices import nano
from bot.treasury.providers import Provider, Providers, read_providers
from tests.anthropic_server import AnthropicServer
from tests.misfortunes import CrowdedRoom, Dice, Watched
from tests.openai_server import OpenAIServer
from tests.storms import LONG
from tests.tills import price

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tests.scripted import Record

pytestmark = pytest.mark.crash
ERRORS = 10_000 if LONG else 120
KINDS = {
    "KeyRefused",
    "NoCredit",
    "RateLimited",
    "Overloaded",
    "Unavailable",
    "Refused",
    "ContextFull",
    "ThinkingRejected",
    "ModelMissing",
}
TALKS, TURNS_OF_A_TALK = 6, 8
MODELS = {
    "openai": "gpt-4.1",
    "groq": "openai/gpt-oss-120b",
    "openrouter": "anthropic/claude-sonnet-5.5",
    "nvidia": "meta/llama-3.3-70b-instruct",
}


class Bazaar:
    """A room between five providers of two or three keys each, whose requests fail by dice."""

    def __init__(self, folder: Path) -> None:
        keys = [Key(f"{name}-{n}", name, f"sk-{name}-{n}-secret") for name in ("anthropic", *MODELS) for n in (1, 2, 3)]
        of = {name: [key.secret for key in keys if key.provider == name] for name in ("anthropic", *MODELS)}
        self.claude = AnthropicServer(of["anthropic"])
        self.others = {name: OpenAIServer(of[name], flavour=name) for name in MODELS}
        self.servers: dict[str, Any] = {"anthropic": self.claude, **self.others}
        for server in self.servers.values():
            server.start()
            server.keeps_bodies = False
        self.dice = [Dice(server, name, Random(name), 0.7) for name, server in self.servers.items()]  # noqa: S311
        whose = {"anthropic-1": "home", "anthropic-2": "home"}
        changed = {"tokens_per_day": None, "tokens_per_month": None, "organisations": whose}
        table = {"anthropic": read_providers()["anthropic"].model_copy(update=changed)}
        for name, server in self.others.items():
            model = MODELS[name]
            table[name] = Provider(url=server.base_url, smart=model, models={model: price(1)})
        self.room = CrowdedRoom(folder, self.claude, keys=keys, providers=Providers(table))
        caps = [Cap(HOUSE, "day", "usd", nano(Decimal(1_000_000)))]
        self.treasury = self.room.treasury = Watched(self.room.providers, keys, caps, self.room.zone)
        self.people = [Sender(channel="telegram", id=str(number), name=f"P{number}") for number in range(100, 100 + TALKS)]
        self.room.restarts_for(telegram={person.id for person in self.people})
        self._numbers = count(1)
        self._waits: dict[int, datetime] = {}
        self._talks: dict[str, int] = {}

    def close(self) -> None:
        """Close the room and the servers."""
        self.room.__exit__()
        for server in self.servers.values():
            server.stop()

    @property
    def errors(self) -> int:
        """How many requests have failed."""
        return sum(one.errors for one in self.dice)

    def goes_round(self, dice: Random) -> None:
        """Let everybody write who waits for nothing, and every conversation be worked on whose time has come."""
        room, due = self.room, []
        for person in self.people:
            words = "/new" if dice.random() < 1 / TURNS_OF_A_TALK else f"Work on q{next(self._numbers)}"
            talk = self._talks.get(person.id)
            if talk is None or self._waits.get(talk, room.now) <= room.now:
                if talk is None or talk not in self._waits:
                    talk = self._talks[person.id] = room.takes_in(words, person)
                self._waits.pop(talk, None)
                due.append(talk)
        room.woken.clear()
        with ThreadPoolExecutor(TALKS) as pool:
            for done in [pool.submit(room.runner(f"worker-{talk}").run_turn, talk, None) for talk in due]:
                done.result()
        self._waits.update(room.woken)
        if len(self._waits) == TALKS:  # nothing happens before the first of them
            room.now = max(room.now, min(self._waits.values()))
        else:
            room.now += timedelta(seconds=dice.choice((0, 0.5, 2, 10, 60)))
        if dice.random() < 0.05:  # an owner looks after the keys that are refused
            with room.database.write() as tx:
                self.treasury.mend_keys(tx)


@pytest.fixture
def bazaar(tmp_path: Path) -> Iterator[Bazaar]:
    """A bazaar."""
    made = Bazaar(tmp_path)
    yield made
    made.close()


def test_scripted_errors(bazaar: Bazaar, capsys: pytest.CaptureFixture[str]) -> None:
    """No call before a given time, no permanent error tried again, one probe at a time, and all of it in the books."""
    dice, treasury = Random(7), bazaar.treasury  # noqa: S311 - the same misfortunes each time
    while bazaar.errors < ERRORS:
        bazaar.goes_round(dice)
    if LONG:
        with capsys.disabled():
            sys.stdout.write(figures(bazaar))
    assert treasury.early == []
    assert [words for one in bazaar.dice for words in one.repeated] == []
    assert treasury.second_probes == []
    heard, given = treasury.waits, sum((one.waits for one in bazaar.dice), Counter())
    assert heard == given
    books_balance(bazaar)
    assert set(treasury.kinds) == KINDS
    assert treasury.probes_made > ERRORS // 100


def figures(bazaar: Bazaar) -> str:
    """Return what happened, for who runs the long form."""
    with bazaar.room.database.read() as tx:
        ends = dict(Counter(tx.scalars(select(turns.c.state))))
    requests = sum(len(server.requests) for server in bazaar.servers.values())
    treasury = bazaar.treasury
    return (
        f"\n{bazaar.errors} errors in {requests} requests of turns {ends}: {dict(treasury.kinds)}, {treasury.waits.total()} "
        f"times given, {treasury.probes_made} probes; {len(treasury.early)} early calls, "
        f"{len(treasury.second_probes)} second probes, {sum(len(one.repeated) for one in bazaar.dice)} repeats\n"
    )


def books_balance(bazaar: Bazaar) -> None:
    """Assert that what the providers billed is in the ledger: to the token, or in full where nobody reported it."""
    asked = {name: len(server.message_requests) for name, server in bazaar.servers.items()}
    with bazaar.room.database.read() as tx:
        assert audit.imbalances(tx) == []
        assert tx.scalar(select(func.count()).select_from(reservations).where(reservations.c.state == "held")) == 0
        made = tx.execute(select(reservations.c.provider, func.count()).group_by(reservations.c.provider)).all()
        assert {row[0]: row[1] for row in made} == asked
        for name, server in bazaar.servers.items():
            mine = ledger.c.key_id.startswith(f"{name}-")
            told = tx.execute(
                select(func.sum(ledger.c.input + ledger.c.cache_read + ledger.c.cache_write), func.sum(ledger.c.output)).where(
                    mine, ledger.c.reported
                )
            ).one()
            assert tuple(told) == _billed(server.requests, whole=True)
            most = tx.scalar(select(func.sum(ledger.c.tokens + ledger.c.cache_read)).where(mine)) or 0
            assert sum(_billed(server.requests, whole=False)) <= most


def _billed(records: list[Record], *, whole: bool) -> tuple[int, int]:
    """Return the tokens of prompts and answers that were billed, of whole answers only or of all."""
    used = [record.usage for record in records if record.usage and (record.outcome == "answered" or not whole)]
    prompts = sum(
        one["prompt_tokens"]
        if "prompt_tokens" in one
        else one["input_tokens"] + one["cache_creation_input_tokens"] + one["cache_read_input_tokens"]
        for one in used
    )
    return prompts, sum(one.get("output_tokens", one.get("completion_tokens", 0)) for one in used)

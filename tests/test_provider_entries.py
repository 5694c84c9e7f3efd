"""The six entries of the providers' table, each with a house that has only its key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.treasury.audit import imbalances
from bot.treasury.keys import Key
from bot.treasury.providers import THINKING, Providers, read_providers
from tests.anthropic_server import KEY, AnthropicServer
from tests.openai_server import KEY as OTHER_KEY
from tests.openai_server import OpenAIServer
from tests.room import Room

NAMES = ("anthropic", "openai", "groq", "nvidia", "openrouter", "sokosumi")


def test_there_are_six() -> None:
    """Six providers stand in the table, beside the script that answers without a key."""
    assert tuple(read_providers().table) == (*NAMES, "rehearsal")


@pytest.fixture(params=NAMES)
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    """A house that has a key of one provider, by the entry as it stands in the table."""
    name = request.param
    table = dict(read_providers().table)
    with AnthropicServer() as claude, OpenAIServer(flavour="openai" if name == "anthropic" else name) as other:
        if name != "anthropic":
            table[name] = table[name].model_copy(update={"url": other.base_url})
        keys = [Key(f"{name}-1", name, KEY if name == "anthropic" else OTHER_KEY)]
        with Room(tmp_path, claude, keys=keys, providers=Providers(table)) as made:
            model = claude if name == "anthropic" else other
            model.calls_tool("remember", {"fact": "the locker code is 4711"})
            model.says("Noted.")
            model.calls_tool("recall", {"words": "locker"})
            model.says("It is 4711.")
            yield made


def test_the_same_conversation(room: Room) -> None:
    """The same tool-using conversation gives the same tool calls and the same answers, and every token of it is booked."""
    assert [room.asks("Remember that my locker code is 4711"), room.asks("What is it?")] == ["Noted.", "It is 4711."]
    with room.database.read() as tx:
        calls = tx.exec_driver_sql("SELECT tool, arguments, state FROM calls ORDER BY begun_at").all()
        booked = tx.exec_driver_sql(
            "SELECT count(*), min(reported), min(input + cache_read + cache_write), min(output) FROM ledger"
        )
        assert [tuple(row) for row in calls] == [
            ("remember", '{"fact": "the locker code is 4711"}', "done"),
            ("recall", '{"words": "locker"}', "done"),
        ]
        requests, reported, prompt, output = booked.one()
        assert (requests, reported, prompt > 0, output > 0) == (4, 1, True, True)
        assert imbalances(tx) == []


def test_each_tier_has_a_priced_model() -> None:
    """Whatever tier is asked for, each provider has a model for it, or the next one, and its price."""
    providers = read_providers()
    for name in NAMES:
        for tier in THINKING:
            model = providers.nearest_model(name, tier)
            assert model in providers[name].models, (name, tier)

"""Rooms whose butlers listen."""

from decimal import Decimal
from pathlib import Path

from bot.treasury.keys import Key
from bot.treasury.providers import Providers, read_providers
from tests.anthropic_server import KEY, AnthropicServer
from tests.openai_server import KEY as OPENAI
from tests.openai_server import OpenAIServer
from tests.room import Room


def room_of(folder: Path, claude: AnthropicServer, servers: dict[str, OpenAIServer], cap: Decimal = Decimal(5)) -> Room:
    """Return a room with a key of each of these providers."""
    table = dict(read_providers().table)
    for name, server in servers.items():
        table[name] = table[name].model_copy(update={"url": server.base_url})
    keys = (Key("anthropic-1", "anthropic", KEY), *(Key(f"{name}-1", name, OPENAI) for name in servers))
    return Room(folder, claude, keys=keys, providers=Providers(table), cap=cap)


def told(room: Room) -> list[str]:
    """Return what the model was told last, without the time."""
    content = room.claude.message_requests[-1].body["messages"][-1]["content"]
    return [block["text"] for block in content]

"""How much memory a house takes, also after ten thousand messages, and how much it tells the model each time."""

import json
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from time import sleep

from benchmarks.bots import house, memory
from benchmarks.table import Figure, at_least, at_most
from benchmarks.vendors import Claude, Telegram
from tests.anthropic_server import AnthropicServer
from tests.houses import House
from tests.telegram_server import TelegramServer

MESSAGES = 10_000
TOGETHER = 20  # messages that are answered at the same time, each of another person, whose conversation is one
WORDS = "The kettle sings, the rain falls, and somebody reads aloud from an old book about the sea. " * 10
SETTLED = 10  # seconds until a house is idle
WARM = 2_000  # messages: then each of the conversations was summed up once, and no prompt grows any longer
TURNS = 20


def memory_of_a_house(folder: Path) -> Iterator[Figure]:
    """Measure the memory of all processes, idle."""
    with Claude() as claude, Telegram() as telegram, house(folder, telegram, claude) as running:
        telegram.writes(1, "good morning")
        telegram.wait_for(lambda call: call.answers)
        sleep(SETTLED)
        fresh = memory(running)
        note = f" ({', '.join(f'{name} {size:.0f}' for name, size in fresh.items())})"
        yield at_most("memory of all processes, idle, with Telegram (PSS)", sum(fresh.values()), 220, "MB", note)
        _converse(telegram, WARM)
        sleep(SETTLED)
        warm = sum(memory(running).values())
        _converse(telegram, MESSAGES)
        sleep(SETTLED)
        after = memory(running)
        note = f" ({sum(fresh.values()):.0f} MB at first, {warm:.0f} after {WARM} messages, then {sum(after.values()):.0f})"
        grown = 100 * (sum(after.values()) / warm - 1)
        yield at_most(f"the same after {MESSAGES:,} messages: growth", grown, 5, "%", note)


def _converse(telegram: Telegram, messages: int) -> None:
    people = cycle(range(1, TOGETHER + 1))

    def write() -> None:
        telegram.writes(next(people), WORDS)

    for _ in range(TOGETHER):
        write()
    for answered in range(messages):
        telegram.wait_for(lambda call: call.answers)
        if answered < messages - TOGETHER:
            write()


def prompt(folder: Path) -> Iterator[Figure]:
    """Measure what a request to the model holds before anybody has said anything, and how much is read from the cache."""
    with TelegramServer() as telegram, AnthropicServer() as claude, House(folder, telegram, claude):
        olga = telegram.person(7)
        for number in range(TURNS):
            claude.calls_tool("remember", {"fact": f"The code of locker {number} is {4000 + number}."})
            claude.says(f"I will remember that locker {number} has the code {4000 + number}.")
            olga.writes(f"Please remember that the code of locker {number} is {4000 + number}; I always forget it.")
            olga.reads()
        requests = claude.message_requests
    first = requests[0].body
    fixed = sum(len(block["text"]) for block in first["system"]) + len(json.dumps(first["tools"], ensure_ascii=False))
    later = [record.usage for record in requests[2:] if record.usage]
    read = sum(usage["cache_read_input_tokens"] for usage in later)
    told = read + sum(usage["input_tokens"] + usage["cache_creation_input_tokens"] for usage in later)
    yield at_most("fixed prompt, tools included", fixed, 8000, "characters")
    yield at_least("share of the prompt read from the cache after the first turn", 100 * read / told, 95, "%")

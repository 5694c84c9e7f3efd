"""Crashes while files come in: the bot dies, and nobody is left without an answer, or with two."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.anthropic_script import Answer
from tests.anthropic_server import AnthropicServer
from tests.houses import House, children, wait_until
from tests.sample_files import PNG, noise
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.crash


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[House, TelegramServer, Person]]:
    """A house of its own for each test."""
    with TelegramServer() as telegram, AnthropicServer() as claude:
        claude.script = count_pictures
        with House(tmp_path, telegram, claude) as house:
            house.wait_until_ready()
            yield house, telegram, telegram.person(7)


def count_pictures(request: dict[str, Any]) -> Answer:
    """Answer how many pictures there are."""
    blocks = [block for message in request["messages"] for block in message["content"]]
    return Answer(text=f"{sum(block['type'] == 'image' for block in blocks)} pictures")


def is_converting(bot: int) -> bool:
    """Tell whether a bot has a file converted now."""
    lines = [Path(f"/proc/{child}/cmdline") for child in children(bot)]
    return any("bot.converting" in line.read_text() for line in lines if line.exists())


@pytest.mark.parametrize("when", ["fetching", "converting"])
def test_the_bot_dies_over_a_file(fresh: tuple[House, TelegramServer, Person], when: str) -> None:
    """Killed while it fetches, or while a file is converted, the bot does it again, and there is one answer."""
    house, telegram, ada = fresh
    bot = house.process("bot")
    if when == "fetching":
        telegram.delay("file", 30)
    ada.sends_file(PNG if when == "fetching" else noise((4000, 3000)), kind="photo", caption="how many?")
    if when == "fetching":
        telegram.wait_until(lambda: any(call.method == "getFile" for call in telegram.calls), 20, "the file is asked for")
    else:
        wait_until(lambda: is_converting(bot), "nothing is converted")
    os.kill(bot, 9)
    telegram.delay("file", 0)
    assert ada.reads(40) == "1 pictures"
    assert house.value("SELECT count(*) FROM outbox WHERE kind = 'answer'") == 1
    assert house.value("SELECT state FROM files") == "kept"

"""News from the workers: they come, and a long silence of Redis is told to the owners."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from bot.conversations import Conversation
from bot.messages import Address
from bot.redaction import Redactor
from tests.houses import wait_until
from tests.test_configuration import run_valkey
from workers.live import Newsroom, listen
from workers.queue import connect


@pytest.fixture
def server(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A Valkey server."""
    yield from run_valkey(tmp_path / "own.sock")


def test_news_come_and_an_outage_is_told(tmp_path: Path, server: "subprocess.Popen[bytes]", mocker: MockerFixture) -> None:
    """News arrive as they were sent; when the queue stays away, the owners hear what that means, and when it is short, not."""
    mocker.patch("workers.live.OUTAGE_AFTER", 0.3)
    mocker.patch("workers.live.PATIENCE", 0.1)
    url = f"unix://{tmp_path / 'own.sock'}"
    news: list[tuple[str, int, int, str]] = []
    told: list[tuple[str, str]] = []
    newsroom = Newsroom(connect(url), Redactor([]))
    place = Conversation(5, Address(channel="terminal", chat="ada"), None)
    turn = mocker.Mock(id=3, conversation=place, place=place, frame=None)

    async def tell(key: str, text: str) -> None:
        told.append((key, text))

    async def run() -> None:
        task = asyncio.create_task(listen(url, ["terminal"], lambda *piece: news.append(piece), tell))
        async with asyncio.timeout(30):
            while not news:
                newsroom.over(turn)
                await asyncio.sleep(0.02)
            assert told == []
            server.terminate()
            while not told:
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])

    wait_until((tmp_path / "own.sock").exists, "the server listens")
    asyncio.run(run())
    assert news[0] == ("reply", 5, 3, "")
    assert told[0][0] == "queue"
    assert "No message is lost" in told[0][1]

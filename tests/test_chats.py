"""Keeping chats open: what ends one of them is said and mended, and ends no other."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from bot.chat_forms import ChatSettings, Desk
from bot.errors import ConfigurationError
from tests.letterbox import FORM, Letterbox
from workers import chats


class Talebearer:
    """A desk that keeps what owners are told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def tell_trouble(self, key: str, text: str) -> None:
        """Keep it."""
        self.told.append(f"{key}: {text}")


class Shaky(Letterbox):
    """A chat that fails in given ways before it works."""

    def __init__(self, folder: Path, failures: Sequence[Exception]) -> None:
        super().__init__(folder)
        self.failures = list(failures)
        self.serves = 0
        self.is_served = False

    async def introduce(self) -> str:
        """Fail to connect, if that is next."""
        if self.failures and isinstance(self.failures[0], ConnectionError | ConfigurationError):
            raise self.failures.pop(0)
        return "the letterbox"

    async def serve(self, desk: Desk) -> None:
        """Serve until cancelled, or fail, if that is next."""
        del desk
        self.serves += 1
        if self.failures:
            raise self.failures.pop(0)
        self.is_served = True
        await asyncio.Event().wait()


def keep_open(folder: Path, *failures: Exception, alone: bool = False) -> tuple[Shaky, Talebearer]:
    """Keep a chat open until it has got over its failures."""
    chat, desk = Shaky(folder, failures), Talebearer()

    async def run() -> None:
        task = asyncio.create_task(chats._keep_open(FORM, chat, desk, alone=alone))  # type: ignore[arg-type] # noqa: SLF001
        async with asyncio.timeout(20):
            while not task.done() and not chat.is_served:
                await asyncio.sleep(0.01)
        if task.done():
            task.result()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    return chat, desk


def test_a_vendor_that_is_away_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str], mocker: MockerFixture) -> None:
    """A vendor that cannot be reached is tried again, nobody is bothered with it, and then it is served."""
    mocker.patch("workers.chats.LONGEST_PAUSE", 0.01)
    chat, desk = keep_open(tmp_path, ConnectionError("refused"), ConnectionError("refused"))
    assert (chat.serves, desk.told) == (1, [])
    assert "Serving the letterbox on the letterbox." in capsys.readouterr().out


def test_a_fault_of_the_house_closes_one_chat_for_a_moment(tmp_path: Path, mocker: MockerFixture) -> None:
    """An error that nobody foresaw is logged and told, and the chat is served again."""
    mocker.patch("workers.chats.LONGEST_PAUSE", 0.01)
    chat, desk = keep_open(tmp_path, ValueError("odd"))
    assert chat.serves == 2
    assert desk.told == ["chat:letterbox: the letterbox stopped by a fault of mine; the log says more."]


def test_settings_that_a_vendor_refuses(tmp_path: Path, mocker: MockerFixture) -> None:
    """Beside other chats the refusal is told and tried again later; where it is the only chat, the house says so and ends."""
    mocker.patch("workers.chats.REFUSED_AGAIN_AFTER", 0.01)
    refused = ConfigurationError("LETTERBOX_FOLDER: wrong.")
    _, desk = keep_open(tmp_path, refused)
    assert desk.told == ["chat:letterbox: I cannot serve the letterbox. LETTERBOX_FOLDER: wrong."]
    with pytest.raises(ConfigurationError, match="LETTERBOX_FOLDER"):
        keep_open(tmp_path, refused, alone=True)


def test_the_form_of_settings_asks_for_what_it_needs() -> None:
    """A chat whose settings leave out what every chat must say is told which."""
    bare = ChatSettings()
    with pytest.raises(NotImplementedError):
        _ = bare.is_set_up
    with pytest.raises(NotImplementedError):
        _ = bare.allowed
    assert (bare.secrets, bare.address) == ((), "")

"""What the shell shows of a house, and what owners are told without having asked."""

import asyncio
import re
from pathlib import Path

import pytest
from pytest_mock import MockerFixture
from sqlalchemy.exc import OperationalError

from adapters.chats.terminal.chat import Terminal
from adapters.chats.terminal.screens import PipeScreen
from bot.__main__ import main
from bot.messages import Address
from bot.settings import load
from tests.houses import ROOT, House
from workers.foundation import utc_now
from workers.front_desk import FrontDesk
from workers.house import House as Built
from workers.liveness import note_birth
from workers.terminal import warn_when_alone


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, set in the environment."""
    monkeypatch.setenv("BUTLER_HOME", str(tmp_path))
    monkeypatch.setenv("BUTLER_HOUSEHOLD", str(ROOT / "household"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_sessions_and_failures_are_listed(pipe: House) -> None:
    """`butler sessions` lists what was done, `butler failed` what is set aside."""
    pipe.run("up", lines=["/status", "what time is it in Tokyo", "and in Rome"])
    listed = pipe.run("sessions").stdout.splitlines()
    assert len(listed) == 2
    assert "assistant, message" in listed[0]
    assert pipe.run("sessions", "--limit", "1").stdout.splitlines() == listed[:1]
    assert len(pipe.run("sessions", "--all").stdout.splitlines()) == 2
    pipe.env["COLUMNS"] = "60"
    shown = pipe.run("sessions", "show", "1").stdout
    assert shown.startswith("Session 1, for ")
    assert all(len(line) <= 90 for line in shown.splitlines()[5:])
    for words in ("taken in", "reads", "asks", "current_time(", "replies", "delivered", "part 1 of 1"):
        assert words in shown
    assert pipe.run("sessions", "show", "99").stdout == "There is no session 99. `butler sessions` lists what there is.\n"
    assert "`butler sessions show ID` tells how one went" in pipe.run("sessions", "tell").stderr
    assert pipe.run("failed").stdout == "Nothing is set aside.\n"


def test_commands_of_the_shell(at_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """list, init, sessions and failed work in a home where nothing has happened yet."""
    monkeypatch.setenv("BUTLER_HOUSEHOLD", str(at_home / "household"))
    assert main(["init", "assistant"]) == 0
    assert main(["list"]) == 0
    assert "assistant (default): Assistant: what this butler is for" in capsys.readouterr().out
    assert main(["sessions"]) == 0
    assert main(["failed"]) == 0
    assert capsys.readouterr().out == "Nothing is set aside.\n"
    assert main(["init", "assistant"]) == 78
    with pytest.raises(SystemExit):
        main(["dance"])


def test_schedules_are_listed(pipe: House) -> None:
    """`butler schedules` lists what is done at times for everybody, in a line each."""
    assert pipe.run("schedules").stdout == "Nothing is done at times.\n"
    pipe.run("up", lines=["/remind every day 9:00 UTC water the plants", "/schedule add 2099-01-01 8:00 :: x"])
    said = pipe.run("schedules").stdout
    assert re.fullmatch(
        r"1: water the plants, assistant for \w+, Every day at 09:00 \(UTC\), next \w{3} \d+ \w{3}.* \d\d:\d\d, never due "
        r"yet, cost \$0\.00\n",
        said,
    )


def test_an_owner_is_told_of_trouble(at_home: Path, mocker: MockerFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """Trouble is told once an hour, through the outbox, or straight into the chat while nothing can be stored."""
    del at_home
    house = Built(load())
    house.home.make()
    house.make_tables()
    user = next(iter(house.gate.owners))[1]
    desk = FrontDesk(house, {"terminal": Terminal(PipeScreen(), user)})
    full = OperationalError("INSERT", {}, Exception("database or disk is full"))

    async def tell() -> None:
        for service in desk.services():
            service.close()
        with_store = mocker.patch.object(desk.database, "write", side_effect=full)
        await desk.tell_trouble("store", "I cannot keep messages at present.")
        await desk.tell_trouble("store", "I cannot keep messages at present.")
        mocker.stop(with_store)
        assert capsys.readouterr().out == "I cannot keep messages at present.\n\n"
        await desk.tell_trouble("conflict", "Another program is here.")

    asyncio.run(tell())
    assert "Another program is here." in str(_outbox(house))
    house.close()


def _outbox(house: Built) -> object:
    with house.stores.house.read() as tx:
        return tx.exec_driver_sql("SELECT text FROM outbox").all()


def test_a_terminal_takes_everything() -> None:
    """A terminal has one piece for any text, and shows edits and previews as it can."""
    address = Address(channel="terminal", chat="root")
    terminal = Terminal(PipeScreen(), "root")
    assert terminal.pieces("x" * 10_000) == [{"text": "x" * 10_000}]
    assert terminal.plain({"text": "x"}) == {"text": "x"}
    assert terminal.preview("x") == {"text": "x"}
    assert (terminal.has_drafts(address), terminal.pace(address) < 1) == (True, True)
    asyncio.run(terminal.edit(address, "1", {"text": "better"}))


def test_a_chat_without_a_worker_says_so(at_home: Path, mocker: MockerFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody is there to answer, the one who waits is told, and how to change that; where somebody is, not."""
    del at_home
    mocker.patch("workers.terminal.ALONE_AFTER", 0.01)
    house = Built(load())
    house.home.make()
    house.make_tables()

    async def wait() -> str:
        async with FrontDesk(house, {}) as desk:
            await warn_when_alone(desk, PipeScreen())
        return capsys.readouterr().out

    assert "No worker is running, so messages wait." in asyncio.run(wait())
    with house.stores.house.write() as tx:
        note_birth(tx, "w", utc_now())
    assert asyncio.run(wait()) == ""
    house.close()

"""Schedules of files in a house of real processes: a change is noticed at once, and a look begins a turn."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from tests.anthropic_server import AnthropicServer
from tests.houses import OWNER, House, wait_until
from tests.telegram_server import TelegramServer

HEAD = "[butler]\nname = 'assistant'\n"
WATCH = (
    "[[butler.schedule]]\nname = 'watch'\nevery = '1m'\nprompt = 'What changed?'\n"
    "check = { name = 'changed_file', path = 'notes.md' }\n"
)


@pytest.fixture
def own_house(tmp_path: Path, telegram: TelegramServer, claude: AnthropicServer) -> Iterator[House]:
    """A running house with a household of its own."""
    home = House(tmp_path / "home", telegram, claude)
    folder = tmp_path / "household" / "assistant"
    folder.mkdir(parents=True)
    (folder / "butler.toml").write_text(HEAD)
    home.env["BUTLER_HOUSEHOLD"] = str(folder.parent)
    with home:
        olga = telegram.person(OWNER, "Olga", "olga")
        olga.writes("/start")
        assert "Good day" in olga.reads()
        home.wait_until_ready()
        yield home


def is_noticed(house: House, is_on: int) -> bool:
    """Tell whether the schedule is on, or off, by now."""
    return house.value("SELECT max(is_on) FROM schedules") == is_on


def test_a_changed_file_is_noticed_within_a_second(own_house: House, tmp_path: Path) -> None:
    """The clock takes up a new schedule, and switches off one that is gone, about a second after the file changed."""
    toml = tmp_path / "household" / "assistant" / "butler.toml"
    wait_until(lambda: "clock" in own_house.processes(), "there is no clock", 20)
    took = []
    for text, is_on in ((HEAD + WATCH, 1), (HEAD, 0), (HEAD + WATCH, 1)):
        toml.write_text(text)
        begun = monotonic()
        wait_until(partial(is_noticed, own_house, is_on), "nobody noticed", 20)
        took.append(monotonic() - begun)
    assert min(took) < 1.2  # of three, since the machine may be busy


def test_a_look_begins_a_turn(own_house: House, tmp_path: Path, telegram: TelegramServer, claude: AnthropicServer) -> None:
    """A worker looks without a model; a file that changed begins a turn, whose answer stands in the chat."""
    folder = tmp_path / "household" / "assistant"
    (folder / "notes.md").write_text("milk")
    (folder / "butler.toml").write_text(HEAD + WATCH)
    wait_until(lambda: own_house.value("SELECT count(*) FROM schedules") == 1, "nobody noticed", 20)
    before = len(claude.message_requests)

    def is_due() -> None:
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
        own_house.execute("UPDATE schedules SET next_at = ?, fire_at = ?", now, now)

    is_due()
    wait_until(lambda: own_house.value("SELECT count(*) FROM runs WHERE state = 'skipped'") == 1, "nobody looked", 20)
    assert len(claude.message_requests) == before
    (folder / "notes.md").write_text("milk and tea")
    claude.says("Tea was added.")
    is_due()
    assert "Tea was added." in telegram.person(OWNER, "Olga", "olga").reads()

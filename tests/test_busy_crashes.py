"""Busy turns and crashes: processes end with SIGKILL while a turn is interrupted, a paste is held, or a line is shown."""

from collections.abc import Iterator

import pytest

from bot.progress import WAITS
from tests.anthropic_script import Answer
from tests.anthropic_server import AnthropicServer
from tests.houses import House, wait_until
from tests.storms import is_settled
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.crash
ADA = 7
LONG = "word " * 816  # nearly as long as a message can be


Fresh = tuple[House, TelegramServer, AnthropicServer]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    """A house that is killed again and again, and vendors that live on."""
    with TelegramServer() as telegram, AnthropicServer() as claude:
        house = House(tmp_path_factory.mktemp("house"), telegram, claude)
        house.env["TELEGRAM_ALLOWED_USERS"] = ",".join(map(str, range(ADA, ADA + 40)))
        with house:
            house.wait_until_ready()
            yield house, telegram, claude


@pytest.fixture
def ada(fresh: Fresh, _numbers: Iterator[int]) -> Person:
    """Somebody new."""
    return fresh[1].person(next(_numbers))


@pytest.fixture
def ben(fresh: Fresh, _numbers: Iterator[int]) -> Person:
    """Somebody else."""
    return fresh[1].person(next(_numbers))


@pytest.fixture(scope="module")
def _numbers() -> Iterator[int]:
    return iter(range(ADA, ADA + 40))


def taken_in(house: House) -> int:
    """Return how many messages are on disk."""
    return len(house.rows("SELECT 1 FROM inbox"))


def everything_is_answered(house: House, messages: int) -> None:
    """Wait until each message has the reply that answers it, and nothing is under way."""
    wait_until(lambda: taken_in(house) == messages and is_settled(house), "all are answered", 40)
    assert house.rows("SELECT id FROM inbox WHERE reply_id IS NULL") == []


def told(claude: AnthropicServer) -> str:
    """Return what the model was told last of people's words; its own answers repeat them."""
    return str([one for one in claude.message_requests[-1].body["messages"] if one["role"] == "user"])


@pytest.mark.parametrize("victim", ["worker", "bot"])
def test_an_interruption_survives(fresh: Fresh, ada: Person, victim: str) -> None:
    """A process dies right after a message interrupted a turn: one answer to both follows, and the old turn does not go on."""
    house, _, claude = fresh
    before = taken_in(house)
    ada.writes("/mode interrupt")
    ada.reads(20)
    with claude.hold():
        ada.writes("First")
        claude.wait_until(lambda: claude.in_flight > 0, 10, "the turn")
        ada.writes("Second")
        last = "SELECT state FROM turns ORDER BY id DESC LIMIT 1"
        wait_until(lambda: house.rows(last) == [("interrupted",)] or taken_in(house) == before + 3, "the interruption")
        house.kill(victim)
    everything_is_answered(house, before + 3)
    replies = house.rows("SELECT reply_id FROM inbox ORDER BY id DESC LIMIT 2")
    assert replies[0] == replies[1]
    assert [told(claude).count(words) for words in ("First", "Second")] == [1, 1]
    states = [state for (state,) in house.rows("SELECT state FROM turns WHERE person_id = (SELECT max(person_id) FROM turns)")]
    assert states[0] == "interrupted"
    assert states[-1] == "answered"


@pytest.mark.parametrize("victim", ["worker", "bot", "house"])
def test_a_held_paste_survives(fresh: Fresh, ada: Person, victim: str) -> None:
    """A process dies between two parts: both are on disk, in order, and one answer follows that knows all of it."""
    house, _, claude = fresh
    before = taken_in(house)
    ada.writes(f"{LONG}bridge")
    wait_until(lambda: taken_in(house) == before + 1, "the first part")
    house.kill(victim)
    ada.writes("over the river")
    if victim == "house":
        house.wait()
        house.start()
    everything_is_answered(house, before + 2)
    words = told(claude)
    assert words.count("bridge") == words.count("over the river") == 1
    assert words.index("bridge") < words.index("over the river")
    if victim == "worker":
        assert "bridge over the river" in words.replace("\\n", " ")


def test_a_part_that_never_comes(fresh: Fresh, ada: Person) -> None:
    """A long message with nothing behind it is answered after a moment, without anybody having to ring again."""
    house, _, claude = fresh
    before = taken_in(house)
    claude.says("Read.")
    ada.writes(LONG.strip())
    assert ada.reads(12) == "Read."
    everything_is_answered(house, before + 1)


@pytest.mark.parametrize("victim", ["worker", "bot", "house"])
def test_no_line_stays(fresh: Fresh, ada: Person, ben: Person, victim: str) -> None:
    """A process dies while a line shows in a group: when the turns are over, nothing stands there but the answers."""
    house, telegram, claude = fresh
    group = telegram.group(-100 - ada.id, "Home")
    before = taken_in(house)
    with claude.hold():
        ada.writes("@butler_bot first", group)
        claude.wait_until(lambda: claude.in_flight > 0, 10, "the turn")
        ben.writes("@butler_bot second", group)
        telegram.wait_until(lambda: group.sees() == [WAITS], 10, "the line")
        wait_until(lambda: house.rows("SELECT 1 FROM passing WHERE native_id <> ''") != [], "its id is kept", 5)
        claude.answers(Answer(text="To Ada."), Answer(text="To Ben."))
        house.kill(victim)
        if victim == "house":
            house.wait()
            house.start()
    everything_is_answered(house, before + 2)
    telegram.wait_until(lambda: WAITS not in group.sees(), 10, "the line goes")
    wait_until(lambda: house.rows("SELECT * FROM passing") == [], "it is forgotten", 10)
    assert len(group.sees()) == 2

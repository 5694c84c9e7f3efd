"""A house of real processes on time: whatever dies while something is due, it is said once."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic

import pytest

from tests.anthropic_script import echo
from tests.anthropic_server import AnthropicServer
from tests.houses import BUTLER, House, wait_until
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer
from workers.home import Home
from workers.queue import connect

pytestmark = pytest.mark.crash
SOON = timedelta(seconds=0.7)
_NUMBERS = count(1)
ROW = """
    INSERT INTO schedules (butler, name, source, purpose, person_id, form, spec, zone, follows, anchor, prompt, silent, urgent,
        exact, catch_up, is_on, next_at, fire_at, failures, made_at)
    VALUES ('assistant', ?, 'chat', ?, 1, ?, ?, ?, 0, ?, ?, 0, 0, 1, 'latest', 1, ?, ?, 0, ?)"""
HELD = "INSERT INTO held (conversation_id, person_id, until, title, text, at) VALUES (1, 1, ?, ?, ?, ?)"


def sql(moment: datetime) -> str:
    """Return a moment as the tables keep it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def is_due(house: House, purpose: str, spec: str = "", zone: str = "Europe/Berlin", wait: timedelta = SOON) -> str:
    """Let something be due soon, once unless it says otherwise, and return its words."""
    words = f"word {next(_NUMBERS)}."
    now = datetime.now(UTC)
    at = sql(now + wait)
    form = "cron" if spec else "once"
    spec = spec or (now + wait).isoformat()
    house.execute(ROW, words, purpose, form, spec, zone, sql(now), words, at, at, sql(now))
    return words


def runs_of(house: House, words: str) -> list[tuple[object, ...]]:
    """Return the states of a schedule's runs."""
    return house.rows("SELECT state, told FROM runs JOIN schedules ON schedules.id = schedule_id WHERE prompt = ?", words)


def arrived(owner: Person, words: str) -> list[str]:
    """Return what the owner sees of something."""
    return [text for text in owner.sees() if words in text]


def is_told_once(house: House, owner: Person, words: str) -> None:
    """Assert that something is said, once, and that its run is over."""
    wait_until(lambda: bool(arrived(owner, words)) and runs_of(house, words) == [("done", "told")], f"{words} is said")
    wait_until(lambda: house.value("SELECT count(*) FROM outbox WHERE state = 'pending'") == 0, "all is delivered")
    assert len(arrived(owner, words)) == 1


@pytest.fixture(autouse=True)
def _echoes(claude: AnthropicServer) -> None:
    claude.script = echo


def test_a_reminder_comes_once(house: House, owner: Person) -> None:
    """What was to be said at a time is said then, and not before."""
    words = is_due(house, "reminder", wait=timedelta(seconds=1.5))
    due = house.value("SELECT next_at FROM schedules WHERE prompt = ?", words)
    is_told_once(house, owner, words)
    assert str(house.value("SELECT fired_at FROM runs ORDER BY id DESC")) >= str(due)
    assert arrived(owner, words) == [f"⏰ {words}"]


@pytest.mark.parametrize("victim", ["clock", "worker", "bot", "valkey-server"])
def test_whoever_dies_before_it_is_due(house: House, owner: Person, victim: str) -> None:
    """A task and a reminder are due while a process is dead: each is said once; Valkey is emptied as well."""
    task, word = is_due(house, "task"), is_due(house, "reminder")
    if victim == "valkey-server":
        shutil.rmtree(house.home / "butlers" / "valkey", ignore_errors=True)
    house.kill(victim)
    for words in (task, word):
        is_told_once(house, owner, words)


def test_the_queue_is_emptied_while_things_are_due(house: House, owner: Person) -> None:
    """Without anything in Valkey, what is due is done all the same, and told once."""
    words = [is_due(house, "task", wait=SOON * (number + 1) / 3) for number in range(6)]
    deadline = monotonic() + 2 * SOON.total_seconds()
    with connect(f"unix://{Home(house.home / 'butlers').socket}") as redis:
        while monotonic() < deadline:
            redis.flushall()
    for one in words:
        is_told_once(house, owner, one)


def test_the_worker_dies_in_a_scheduled_turn(house: House, owner: Person, claude: AnthropicServer) -> None:
    """The turn is taken up again: its answer is told once, its run is done, and what the dead one had reserved is charged."""
    with claude.hold():
        words = is_due(house, "task")
        claude.wait_until(lambda: claude.in_flight > 0, 10, "the turn")
        house.kill("worker")
    is_told_once(house, owner, words)


def test_the_clock_dies_right_after_it(house: House, owner: Person) -> None:
    """Between the due time and the turn, and again and again: the row is there or it is not, and nothing is done twice."""
    words = [is_due(house, "task", wait=SOON + timedelta(milliseconds=150 * number)) for number in range(8)]
    for _ in range(3):
        wait_until(lambda: "clock" in house.processes(), "a clock is there")
        house.kill("clock")
    for one in words:
        is_told_once(house, owner, one)


def test_the_bot_dies_while_a_digest_is_sent(house: House, owner: Person, telegram: TelegramServer) -> None:
    """What waited for the end of quiet hours comes in one message; a second one is there only where the doubt is noted."""
    soon = datetime.now(UTC) + SOON
    first, second = (f"held {next(_NUMBERS)}." for _ in range(2))
    telegram.delay("sendMessage", 1.0)
    for words in (first, second):
        house.execute(HELD, sql(soon), words, words, sql(soon))
    wait_until(lambda: house.rows("SELECT 1 FROM parts WHERE state = 'sending'") != [], "it is being sent")
    house.kill("bot")
    telegram.delay("sendMessage", 0)
    wait_until(
        lambda: not house.rows("SELECT 1 FROM outbox WHERE state = 'pending'") and bool(arrived(owner, first)), "it comes"
    )
    digest = "SELECT text, sum(doubts) FROM outbox JOIN parts ON reply_id = outbox.id WHERE text LIKE ?"
    ((text, doubts),) = house.rows(digest, f"%{first}%")
    assert str(text).startswith("While it was quiet:")
    assert second in str(text)
    assert 1 <= len(arrived(owner, first)) <= 1 + int(str(doubts))


@contextmanager
def another_clock(house: House) -> Iterator[None]:
    """Run a second clock in a house."""
    with subprocess.Popen([*BUTLER, "clock"], env=house.env, cwd=house.home, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def test_two_clocks_in_one_house(house: House, owner: Person) -> None:
    """Whichever comes first, each task is done once, also when the one that leads dies."""
    with another_clock(house):
        words = [is_due(house, "task", wait=timedelta(seconds=1 + number / 4)) for number in range(12)]
        house.kill("clock")
        for one in words:
            is_told_once(house, owner, one)


def test_poison_harms_no_other(house: House, owner: Person) -> None:
    """Schedules that cannot be read are switched off, said so in the log, and what is due beside them comes."""
    bad = [is_due(house, "task", "rubbish"), is_due(house, "reminder", "* * * * *", zone="Nowhere")]
    words = is_due(house, "reminder")
    is_told_once(house, owner, words)
    for one in bad:
        wait_until(lambda one=one: house.value("SELECT is_on FROM schedules WHERE prompt = ?", one) == 0, "it is off")  # type: ignore[misc]
        assert runs_of(house, one) == []
    assert "cannot be carried out and is switched off" in house.log
    owner.writes("/status")
    wait_until(lambda: "Workers: 1" in owner.sees()[-1], "the house answers")

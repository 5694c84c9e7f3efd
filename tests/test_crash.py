"""Crashes: processes end with SIGKILL, and nobody is left without an answer, or with two."""

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tests import boundaries, counting
from tests.anthropic_script import Answer, ToolCall
from tests.anthropic_server import AnthropicServer
from tests.counting import CountingServer
from tests.houses import House, wait_until
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.crash
ADA = 7
ANSWERED_WITHIN = 10.0
LONG = os.environ.get("BUTLERS_CHAOS") == "long"
STRIDE = 1 if LONG else 5  # every so many boundaries
MESSAGES = 300 if LONG else 80


@pytest.fixture
def counter() -> Iterator[CountingServer]:
    """A server that counts effects."""
    with CountingServer() as server:
        yield server


@pytest.fixture
def fresh(tmp_path: Path, counter: CountingServer) -> Iterator[tuple[House, TelegramServer, AnthropicServer]]:
    """A house of its own for each test, whose assistant has the counting tools."""
    with TelegramServer() as telegram, AnthropicServer() as claude:
        house = House(tmp_path, telegram, claude)
        counting.install(tmp_path / "site")
        counting.write_household(tmp_path / "household", counter.url)
        house.env["PYTHONPATH"] += f":{tmp_path / 'site'}"
        house.env["BUTLER_HOUSEHOLD"] = str(tmp_path / "household")
        claude.script = echo
        with house:
            house.wait_until_ready()
            yield house, telegram, claude
        assert telegram.refusals == []


def last_words(request: dict[str, object]) -> list[str]:
    """Return what the person wrote since the last answer, line by line."""
    messages = request["messages"]
    assert isinstance(messages, list)
    content = messages[-1]["content"]
    return [block["text"].partition("\n")[2] for block in content if block["type"] == "text"]


def echo(request: dict[str, object]) -> Answer:
    """Answer with every word of the last message."""
    return Answer(text="Answer to " + " and ".join(last_words(request)))


def answers(house: House, words: str) -> list[object]:
    """Return the reply that answered a message."""
    return [row[0] for row in house.rows("SELECT reply_id FROM inbox WHERE text = ? AND state = 'answered'", words)]


def is_settled(house: House) -> bool:
    """Tell whether every message has its reply and every reply has arrived."""
    return not house.rows("SELECT 1 FROM inbox WHERE state IN ('waiting', 'taken')") and not house.rows(
        "SELECT 1 FROM outbox WHERE state = 'pending'"
    )


@pytest.mark.parametrize("victim", ["everything", "house", "worker", "bot", "valkey"])
def test_everybody_is_answered_once(fresh: tuple[House, TelegramServer, AnthropicServer], victim: str) -> None:
    """A turn runs (A), B comes during it, the victim dies, C comes meanwhile: each has exactly one answer in 10 s."""
    house, telegram, claude = fresh
    ada = telegram.person(ADA)
    with claude.hold():
        ada.writes("A")
        claude.wait_until(lambda: claude.in_flight > 0, 10, "the turn of A")
        ada.writes("B")
        telegram.wait_until(lambda: telegram.unconfirmed() == 0, 10, "B is taken in")
        kill(house, victim)
    ada.writes("C")
    started = monotonic()
    if victim in ("everything", "house"):
        house.start()
    wait_until(lambda: len(house.rows("SELECT 1 FROM inbox")) == 3 and is_settled(house), "all are answered", 30)
    assert monotonic() - started < ANSWERED_WITHIN
    for words in ("A", "B", "C"):
        (reply,) = answers(house, words)
        (text,) = house.rows("SELECT text FROM outbox WHERE id = ?", reply)[0]
        assert words in str(text).partition("Answer to ")[2].split(" and ")
    arrived = Counter(ada.sees())
    doubts = house.value("SELECT sum(doubts) FROM parts")
    assert sum(arrived.values()) - len(arrived) <= int(str(doubts or 0))


def kill(house: House, victim: str) -> None:
    """Kill the victim; Valkey is also emptied."""
    if victim == "everything":
        house.kill_all()
    elif victim == "house":
        house.kill("house")
        house.wait()
    elif victim == "valkey":
        shutil.rmtree(house.home / "butlers" / "valkey", ignore_errors=True)
        house.kill("valkey-server")
    else:
        house.kill(victim)


def test_a_message_that_kills_is_set_aside(fresh: tuple[House, TelegramServer, AnthropicServer]) -> None:
    """After one death in company and three alone the message is parked and listed; its chat and its neighbours go on."""
    house, telegram, claude = fresh
    ada = telegram.person(ADA)

    def script(request: dict[str, object]) -> Answer:
        words = last_words(request)
        return Answer(tool_calls=(ToolCall("kill"),)) if "poison" in words else echo(request)

    claude.script = script
    ada.writes("poison")
    said = ada.reads(40)
    assert said.startswith("My worker crashed 4 times over this message, so I have set it aside as number 1.")
    ada.writes("hello")
    assert ada.reads() == "Answer to hello"
    ada.writes("/failed")
    assert "1: “poison” crashed my worker; /retry 1 tries it again" in ada.reads()
    claude.script = echo
    ada.writes("/retry 1")
    assert ada.reads() == "I am trying message 1 once more."
    assert ada.reads() == "Answer to poison"
    assert "poison" not in str(house.rows("SELECT text FROM inbox WHERE state = 'parked'"))


def test_no_boundary_loses_or_doubles(
    fresh: tuple[House, TelegramServer, AnthropicServer], counter: CountingServer, tmp_path: Path
) -> None:
    """A process dies at each commit and request of a turn in its turn: one answer, no doubled effect, no silent doubt."""
    house, telegram, claude = fresh
    ada = telegram.person(ADA)
    file = tmp_path / "boundaries"
    (tmp_path / "site" / "sitecustomize.py").write_text(boundaries.SITECUSTOMIZE)
    house.stop()
    house.env[boundaries.ARMED] = str(file)
    house.start()
    house.wait_until_ready()
    claude.script = do_and_tell
    ada.writes("m0")
    wait_until(lambda: answers(house, "m0") != [] and is_settled(house), "the first turn is over", 20)
    number, died = 0, True
    while died:
        number += STRIDE
        word = f"m{number}"
        file.unlink(missing_ok=True)
        file.with_suffix(".chosen").write_text(str(number))
        ada.writes(word)
        wait_until(lambda w=word: answers(house, w) != [] and is_settled(house), f"answer after boundary {number}", 40)  # type: ignore[misc]
        died = not file.with_suffix(".chosen").exists()
        (text,) = house.rows("SELECT text FROM outbox WHERE id = ?", answers(house, word)[0])[0]
        unknown = f"blind(word: {word})" in str(text)
        assert counter.done["blind", word] == 1 or (unknown and counter.done["blind", word] == 0)
        assert counter.done["look_up", word] == counter.done["keyed", word] == 1
    assert number > 20
    repeated = sum(times - 1 for times in Counter(ada.sees()).values())
    assert repeated <= int(str(house.value("SELECT sum(doubts) FROM parts") or 0))


def test_chaos(fresh: tuple[House, TelegramServer, AnthropicServer], counter: CountingServer) -> None:
    """Messages pour in while a random process dies every second and answers are lost: none is lost, nothing doubled."""
    house, telegram, claude = fresh
    many = MESSAGES
    people = [telegram.person(100 + number) for number in range(20)]
    house.stop()
    house.env["TELEGRAM_ALLOWED_USERS"] = ",".join(str(person.id) for person in people)
    house.start()
    house.wait_until_ready()
    claude.script = do_and_tell
    telegram.lose_answers("sendMessage", 0.02, 1)
    killed = rain(house, people, many)
    wait_until(lambda: len(house.rows("SELECT 1 FROM inbox")) == many and is_settled(house), "all are answered", 120)
    assert not house.rows("SELECT 1 FROM inbox WHERE state != 'answered' OR reply_id IS NULL")
    for kind in ("blind", "look_up", "keyed"):
        assert [word for word, times in counter.done.items() if word[0] == kind and times > 1] == []
    doubted = {str(row[0]) for row in house.rows("SELECT json_extract(arguments, '$.word') FROM calls WHERE state = 'unknown'")}
    undone = {f"m{number}" for number in range(many)} - {word for kind, word in counter.done if kind == "blind"}
    assert undone <= doubted
    said = "\n".join(text for person in people for text in person.sees())
    assert all(f"blind(word: {word})" in said for word in doubted)
    doubles = sum(times - 1 for person in people for times in Counter(person.sees()).values())
    recorded = int(str(house.value("SELECT sum(doubts) FROM parts") or 0))
    assert doubles <= recorded <= killed + telegram.faults["lost answer"]


def do_and_tell(request: dict[str, object]) -> Answer:
    """Do each thing that was asked for with every class of tool, then tell."""
    words = last_words(request)
    if words:
        calls = [ToolCall(kind, {"word": word}) for word in words for kind in ("blind", "look_up", "keyed")]
        return Answer(tool_calls=tuple(calls), delay=0.3)
    return Answer(text=f"Done: {random.random()}", delay=0.3)  # noqa: S311 - each reply is another, so that doubles are seen


def rain(house: House, people: list[Person], many: int) -> int:
    """Let messages come for half a minute while processes die; return how many died."""
    dice = random.Random(7)  # noqa: S311 - the same storm each time
    killed, next_kill, written = 0, monotonic() + 1, 0
    until = monotonic() + many / 10

    def is_over() -> bool:
        nonlocal killed, next_kill, written
        while written < many and monotonic() > until - (many - written) / 10:
            people[written % len(people)].writes(f"m{written}")
            written += 1
        if monotonic() > next_kill:
            next_kill = monotonic() + 1
            victim = dice.choice(["worker", "bot", "clock", "valkey-server", "house"])
            if victim == "house":
                house.kill("house")
                house.wait()
                house.start()
                killed += 1
            elif victim in house.processes():
                house.kill(victim)
                killed += 1
        return written == many

    wait_until(is_over, "the rain stops", 120)
    return killed

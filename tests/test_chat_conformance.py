"""Conformance: what every chat does, built in or not; docs/chats.md shows how to write one that passes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.enclosures import File
from bot.progress import NOTED
from tests.anthropic_script import Answer
from tests.anthropic_server import AnthropicServer
from tests.chat_benches import Bench, PipeBench, SlackBench, TelegramBench
from tests.chat_pages import page
from tests.houses import House, wait_until
from tests.letterbox_bench import LetterboxBench
from tests.spending import CHART

BENCHES: dict[str, type[Bench]] = {
    "telegram": TelegramBench,
    "slack": SlackBench,
    "terminal": PipeBench,
    "letterbox": LetterboxBench,
}


class Place(NamedTuple):
    """A chat, the house that serves it, and the model that the house asks."""

    bench: Bench
    house: House
    claude: AnthropicServer


def echo(request: dict[str, object]) -> Answer:
    """Answer with what was written last."""
    messages = request["messages"]
    assert isinstance(messages, list)
    words = [block["text"].partition("\n")[2] for block in messages[-1]["content"] if block["type"] == "text"]
    return Answer(text="Heard: " + " and ".join(words))


@pytest.fixture(scope="module", params=list(BENCHES))
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A chat and a running house."""
    bench = BENCHES[request.param]()
    with AnthropicServer() as claude:
        claude.script = echo
        house = bench.open(tmp_path_factory.mktemp(request.param), claude)
        with house:
            house.wait_until_ready()
            bench.begin(house)
            bench.writes("hello")
            sees(bench, "Heard: hello")
            yield Place(bench, house, claude)
            bench.close()


def sees(bench: Bench, words: str, seconds: float = 20) -> None:
    """Wait until the owner reads something."""
    wait_until(lambda: words in "\n".join(bench.texts()), f"{words!r} does not appear", seconds)


def presses(bench: Bench, label: str) -> bool:
    """Press a button, if it is there."""
    try:
        bench.presses(label)
    except LookupError:
        return False
    return True


def asked(place: Place) -> int:
    """Count the requests to the model."""
    return len(place.claude.message_requests)


def test_order(place: Place) -> None:
    """What is written quickly is answered in its order, every word of it, and nothing twice."""
    bench = place.bench
    words = [f"word{number}" for number in range(8)]
    for word in words:
        bench.writes(word)
    sees(bench, words[-1])
    said = "\n".join(bench.texts())
    assert [said.index(word) for word in words] == sorted(said.index(word) for word in words)
    assert all(said.count(word) == 1 for word in words)


def test_once_only(place: Place) -> None:
    """The same message delivered again is not answered again."""
    bench = place.bench
    bench.writes("only once")
    sees(bench, "only once")
    requests = asked(place)
    bench.delivers_again()
    bench.writes("afterwards")
    sees(bench, "afterwards")
    assert "\n".join(bench.texts()).count("only once") == 1
    assert asked(place) == requests + 1


def test_split(place: Place) -> None:
    """A long answer comes whole, in pieces that the chat takes."""
    bench, claude = place.bench, place.claude
    words = [f"long{number}" for number in range(2500)]
    claude.answers(Answer(text=" ".join(words)))
    bench.writes("tell me everything")
    sees(bench, words[-1])
    texts = [text for text in bench.texts() if "long" in text]
    assert "\n".join(texts).split() == words
    assert all(len(text) <= bench.limit for text in texts)


def test_buttons(place: Place) -> None:
    """A question shows buttons; when one is pressed, the question says what came of it, and has no buttons any more."""
    bench, house = place.bench, place.house
    number = add_person(house)
    bench.writes(f"/people remove {number}")
    wait_until(lambda: presses(bench, "Cancel"), "the button")
    sees(bench, "Nothing was changed.")
    assert house.value("SELECT role FROM people WHERE id = ?", number) == "member"
    assert house.value("SELECT answer FROM questions") == 2


def test_typing_ends(place: Place) -> None:
    """While a butler works that may show; when the answer stands there it shows no longer."""
    bench, claude = place.bench, place.claude
    claude.answers(Answer(text="At last.", delay=1.2))
    bench.writes("take your time")
    sees(bench, "At last.")
    wait_until(lambda: not bench.shows_typing(), "typing ends", 5)


def test_what_passes(place: Place) -> None:
    """What becomes of a message that is written during a turn is shown, once, and nothing of that stays."""
    bench, claude = place.bench, place.claude
    with claude.hold():
        bench.writes("begin with it")
        claude.wait_until(lambda: claude.in_flight > 0, 10, "the request")
        for words in ("first addition", "second addition"):
            bench.writes(words)
        if bench.reads_ahead:
            wait_until(lambda: bench.shows(NOTED), "the note")
    sees(bench, "second addition")
    wait_until(lambda: not bench.shows(NOTED), "the note goes", 5)


def test_reconnect(place: Place) -> None:
    """After the connection broke, everything that is written is answered."""
    bench = place.bench
    bench.breaks()
    bench.writes("after the break")
    sees(bench, "after the break", 40)


def test_forged_senders(place: Place) -> None:
    """Who is not admitted is not heard, whatever name he bears: no order is kept, and no token is spent."""
    bench, house = place.bench, place.house
    requests = asked(place)
    bench.forges("forged order")
    bench.writes("genuine order")
    sees(bench, "genuine order")
    assert not house.rows("SELECT 1 FROM inbox WHERE text LIKE '%forged%'")
    assert asked(place) == requests + 1


def test_pictures(place: Place) -> None:
    """A reply with a picture shows its words and then the picture, each once, and the bot draws nothing itself."""
    bench, house = place.bench, place.house
    bench.writes("before the picture")
    sees(bench, "Heard: before the picture")
    here = house.value("SELECT conversation_id FROM inbox WHERE text = 'before the picture'")
    house.execute(
        "INSERT INTO outbox (conversation_id, kind, text, enclosure, state, created_at, next_try_at, attempts) "
        "VALUES (?, 'command', 'What it cost:', ?, 'pending', ?, ?, 0)",
        *(here, CHART.model_dump_json(), *[datetime.now(UTC).isoformat(" ")] * 2),
    )
    wait_until(lambda: house.value("SELECT state FROM outbox ORDER BY id DESC LIMIT 1") == "sent", "the picture is not sent")
    sees(bench, "What it cost:")
    wait_until(lambda: isinstance(page(bench)[-1], bytes), "the picture does not appear", 5)
    words, picture = page(bench)[-2:]
    assert (words, page(bench).count(words), page(bench).count(picture)) == ("What it cost:", 1, 1)
    assert isinstance(picture, bytes)
    assert picture.startswith(b"\x89PNG")
    for process in house.processes().values():
        assert "matplotlib" not in Path(f"/proc/{process}/maps").read_text()


def test_files(place: Place) -> None:
    """A file comes under its name, byte for byte, once, and instead of words."""
    bench, house = place.bench, place.house
    bench.writes("before the file")
    sees(bench, "Heard: before the file")
    here = house.value("SELECT conversation_id FROM inbox WHERE text = 'before the file'")
    content, before = b"BEGIN:VCALENDAR\r\n\xff", len(page(bench))
    file = File(name="day.ics", media_type="text/calendar", size=len(content), sha256=sha256(content).hexdigest())
    house.execute("INSERT INTO blobs (sha256, data) VALUES (?, ?)", file.sha256, content)
    house.execute(
        "INSERT INTO outbox (conversation_id, kind, text, enclosure, state, created_at, next_try_at, attempts) "
        "VALUES (?, 'answer', '', ?, 'pending', ?, ?, 0)",
        *(here, file.model_dump_json(), *[datetime.now(UTC).isoformat(" ")] * 2),
    )
    wait_until(lambda: house.value("SELECT state FROM outbox ORDER BY id DESC LIMIT 1") == "sent", "the file is not sent")
    wait_until(lambda: len(page(bench)) > before, "the file does not appear", 5)
    assert page(bench)[before:] == [content]


def add_person(house: House) -> int:
    """Let somebody be known, as if by an earlier message, and return the number."""
    house.execute("INSERT INTO people (name, role, created_at) VALUES ('Ben', 'member', ?)", datetime.now(UTC).isoformat(" "))
    number = int(str(house.value("SELECT max(id) FROM people")))
    house.execute(
        "INSERT INTO identities (channel, external_id, person_id, source) VALUES ('sms', ?, ?, 'paired')", number, number
    )
    return number

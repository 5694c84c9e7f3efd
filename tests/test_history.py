"""The history: what is said is found with /search and by butlers, across conversations, and by nobody whose it is not."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from bot import moves, unasked
from bot.messages import Address, Origin, Sender
from bot.people import Source, add_identity, person
from bot.search import looking
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from bot.store.said_tables import said
from bot.tools import Foreign, tool
from bot.unasked import Word
from tests.room import ADA, BEN, Room
from tests.test_treasury_upgrade import put

PLACE = Address(channel="telegram", chat="-100", private=False)
OTHER = Address(channel="telegram", chat="-200", private=False)
HOME = Address(channel="telegram", chat="8")
SLACK = Sender(channel="slack", id="T1:U7", short="U7", name="ada.k")


class Post:
    """A tool that reads what strangers write."""

    @tool()
    def read_post(self) -> str:
        """Read the post."""
        return Foreign("Dear Ada, the umbrella is in the attic.")


@pytest.fixture
def room(room: Room) -> Room:
    """A room in which Ada told the assistant where her umbrella is."""
    room.holders = (Post(),)
    room.claude.says("Noted, the umbrella is in the hall.")
    room.asks("My umbrella is in the hall")
    return room


def looks(room: Room, sender: Sender = ADA, words: str = "umbrella", **changes: object) -> str:
    """Let a butler search for somebody, and return what the model was then told."""
    room.claude.calls_tool("search_history", {"words": words})
    room.claude.says("Well.")
    room.asks("Look", sender, **changes)
    (result,) = room.claude.message_requests[-1].body["messages"][-1]["content"]
    return str(result["content"])


def test_a_person_finds_what_both_sides_said(room: Room) -> None:
    """/search shows when, who, where and the words, the hits in bold; commands are not found, and more comes when there is."""
    assert room.writes(ADA, "/search umbrella") == (
        "Found 2 times:\n"
        "- 2026-11-21 13:00, you, here: My **umbrella** is in the hall\n"
        "- 2026-11-21 13:00, assistant, here: Noted, the **umbrella** is in the hall."
    )
    assert room.writes(ADA, "/search umbrellas").startswith("Nothing that was said here holds that. Try fewer words")
    assert room.writes(ADA, "/search").startswith("Write `/search` and words that were said")
    assert room.writes(ADA, "/search umbrella hall") == room.writes(ADA, "/search UMBRELLA hall")
    assert room.writes(ADA, "/search umbrella attic").startswith("Nothing holds all of that; 2 come near:")


def test_more_is_shown_page_by_page(room: Room) -> None:
    """What does not fit one answer is shown by /search more, until that was all."""
    for number in range(9):
        room.claude.says("Fine.")
        room.asks(f"Umbrella number {number} is in the hall")
    first = room.writes(ADA, "/search umbrella hall")
    assert first.startswith("Found 11 times; 1 to 8, the best first:")
    assert first.endswith("`/search more` shows more.")
    second = room.writes(ADA, "/search more")
    assert second.startswith("Found 11 times; 9 to 11, the best first:")
    assert "more` shows" not in second
    assert room.writes(ADA, "/search more") == "That was all."
    assert len({line for line in (first + "\n" + second).splitlines() if line.startswith("- ")}) == 11


def test_a_butler_finds_what_was_said_before(room: Room) -> None:
    """Before /new, and whichever butler was told; what it found is not found again as something that was said."""
    room.takes_in("/new")
    assert "Ada, on telegram: My umbrella is in the hall" in looks(room)
    room.takes_in("/butler general")
    assert "assistant, on telegram: Noted, the umbrella is in the hall." in looks(room)
    with room.database.read() as tx:
        assert len(looking.find(tx, "person:1", "umbrella", room.now).rows) == 2


@pytest.mark.both_stores
def test_nobody_finds_what_is_anothers(room: Room) -> None:
    """Ada's words are found for Ada in private; for Ben, in a group, or for a guest by neither /search nor the tool."""
    room.takes_in("/start", BEN)
    room.takes_in("/people role 2 guest")
    for sender, place in ((BEN, HOME), (BEN, PLACE), (ADA, PLACE)):
        assert looks(room, sender, address=place).startswith("Nothing was found.")
        conversation = room.takes_in("/search umbrella", sender, address=place)
        assert room.replies(conversation)[-1].startswith("Nothing that was said here holds that.")
    assert "umbrella" in looks(room)


def test_what_a_group_was_told_is_the_groups(room: Room) -> None:
    """What is said in a group is found there by each, with who said it, in no other group and not in private."""
    room.claude.says("Good.")
    room.asks("The beamer is red", ADA, address=PLACE)
    conversation = room.takes_in("/search beamer", BEN, address=PLACE)
    assert room.replies(conversation)[-1].endswith("Ada, here: The **beamer** is red")
    assert "The beamer is red" in looks(room, BEN, "beamer", address=PLACE)
    for sender, place in ((BEN, OTHER), (ADA, Address(channel="telegram", chat="7"))):
        assert looks(room, sender, "beamer", address=place).startswith("Nothing was found.")


@pytest.mark.both_stores
def test_linked_chats_are_one(room: Room) -> None:
    """What was said in one chat is found in the other, and so is what was said before the two were one person's."""
    room.claude.says("Good.")
    room.asks("My kayak is green", BEN)
    assert looks(room, words="kayak").startswith("Nothing was found.")
    with room.database.write() as tx:
        moves.hand_over(tx, 2, 1, room.now)
        add_identity(tx, SLACK, 1, Source.LINKED, Address(channel="slack", chat="D1"))
    assert "on telegram: My kayak is green" in looks(room, words="kayak")
    conversation = room.takes_in("/search umbrella", SLACK, address=Address(channel="slack", chat="D1"))
    assert "you, on telegram: My **umbrella** is in the hall" in room.replies(conversation)[-1]


def test_what_a_stranger_wrote_stays_theirs(room: Room) -> None:
    """A hit out of a forward or of a tool's foreign text, or an answer after one, taints the turn that finds it."""
    room.claude.says("It says that the umbrella is in the attic.")
    room.asks("The umbrella is in the attic", origin=Origin.STRANGER)
    room.takes_in("/new")
    room.claude.calls_tool("read_post", {})
    room.claude.says("Read.")
    room.asks("Read the post")
    for words, times in (("attic", 2), ("dear", 1)):
        room.takes_in("/new")
        assert looks(room, words=words).count("attic") >= times - 1
        with room.database.read() as tx:
            kept = tx.execute(select(said).where(said.c.text.contains("attic"))).all()
            assert {row.origin for row in kept} == {"stranger"}
        assert _is_tainted(room)
    room.takes_in("/new")
    looks(room, words="hall")
    assert not _is_tainted(room)
    assert "you (forwarded), here: The umbrella is in the **attic**" in room.writes(ADA, "/search attic")


def _is_tainted(room: Room) -> bool:
    with room.database.read() as tx:
        rows = tx.exec_driver_sql("SELECT origin FROM transcript ORDER BY id DESC LIMIT 3").all()
    return "stranger" in {row.origin for row in rows}


def test_what_was_told_unasked_is_found(room: Room) -> None:
    """A reminder is found where it was told; what the house says of itself is not."""
    with room.database.write() as tx:
        ada, home = person(tx, 1), unasked.home_of(tx, 1)
        assert home is not None
        unasked.say(tx, ada, home, Word("bread", "⏰ take out the bread", Origin.HOUSE), room.now)
        unasked.say(tx, ada, home, Word("The house", "worker bread is dead"), room.now)
    told = looks(room, words="bread")
    assert "the house, on telegram: ⏰ take out the bread" in told
    assert "dead" not in told


def test_what_is_withdrawn_is_not_found(room: Room) -> None:
    """What a model declined to answer, and is shown to no model again, is not found either."""
    room.claude.refuses()
    room.asks("My umbrella is stolen")
    assert "stolen" not in looks(room)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Database]:
    """The database of a house of before there was a search, in which Ada, and a group, was told something."""
    steps = tmp_path / "house"
    steps.mkdir()
    for step in migrate.HOUSE[0].glob("house_000[1-8].py"):
        shutil.copy(step, steps)
    with closing(Database(sqlite_url(tmp_path / "house.db"))) as made:
        migrate.upgrade_here({made.url: (steps,)})
        with made.write() as tx:
            _fill(tx)
        migrate.upgrade_here({made.url: migrate.HOUSE})
        yield made


def _fill(tx: Connection) -> None:
    at = "2026-11-20 12:00:00.000000"
    put(tx, "people", id=1, name="Ada", role="owner", created_at=at)
    place = {"channel": "telegram", "thread": "", "prompt_from": 0, "thoughts_from": 0}
    put(tx, "conversations", id=1, chat="7", private=1, **place)
    put(tx, "conversations", id=2, chat="-100", private=0, **place)
    for turn, conversation in ((1, 1), (2, 2), (3, 1)):
        turned = {"conversation_id": conversation, "person_id": 1, "butler": "assistant", "trigger": "message", "model": "m"}
        put(tx, "turns", id=turn, **turned, state="answered", steps=1, attempts=0, started_at=at)
    called = {"arguments": "{}", "effect": "read", "state": "done", "is_error": 0, "stranger": 0, "begun_at": at}
    for number, name in (("c1", "read_post"), ("c2", "recall")):
        put(tx, "calls", key=number, turn_id=1, call_id=number, tool=name, **called)
    stamp = "[Ada, Friday 2026-11-20 13:00 Europe/Berlin]\n"
    for turn, role, origin, blocks, *withdrawn in (
        (1, "user", "person", [{"type": "text", "text": f"{stamp}My umbrella is in the hall"}]),
        (
            1,
            "butler",
            "butler",
            [{"type": "text", "text": "Let me see."}, {"type": "call", "id": "c1", "name": "x", "arguments": {}}],
        ),
        (1, "user", "stranger", [{"type": "result", "call_id": name, "text": f"umbrella by {name}"} for name in ("c1", "c2")]),
        (1, "butler", "butler", [{"type": "text", "text": "The umbrella, then."}]),
        (2, "user", "person", [{"type": "text", "text": f"{stamp}The umbrella of the group"}]),
        (
            3,
            "user",
            "house",
            [{"type": "text", "text": "[the house, x] Unasked, this was told here:\n<told>\numbrella day\n</told>"}],
        ),
        (3, "user", "house", [{"type": "text", "text": "[the house for Ada, schedule x]\numbrella prompt"}]),
        (3, "user", "person", [{"type": "text", "text": "umbrella withdrawn"}], True),
    ):
        entry = {"conversation_id": 2 if turn == 2 else 1, "turn_id": turn, "role": role, "content": json.dumps(blocks)}
        put(tx, "transcript", **entry, origin=origin, at=at, withdrawn=bool(withdrawn))


def test_what_an_older_house_was_told_is_found(old: Database) -> None:
    """The step lets all be found that was said before it, with whose words they are, and nothing that nobody said."""
    with old.read() as tx:
        found = looking.find(tx, "person:1", "umbrella", datetime(2026, 11, 21, tzinfo=UTC)).rows
        assert {(row.text, row.speaker, row.name, row.origin) for row in found} == {
            ("My umbrella is in the hall", "person", None, "person"),
            ("umbrella by c1", "tool", "read_post", "stranger"),
            ("The umbrella, then.", "butler", "assistant", "stranger"),
            ("umbrella day", "house", None, "house"),
        }
        (row,) = looking.find(tx, "group:telegram:-100", "umbrella", datetime(2026, 11, 21, tzinfo=UTC)).rows
        assert (row.text, row.person_id, row.at) == ("The umbrella of the group", 1, datetime(2026, 11, 20, 12, tzinfo=UTC))

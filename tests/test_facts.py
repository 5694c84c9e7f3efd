"""Facts: with their source, how far they are to be believed, and what they replaced; what is in doubt is asked about."""

import re
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.search.index import Entry
from bot.search.wish import read
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from bot.tools import Foreign, ToolError
from skills.memory import doubts, facts
from skills.memory.doubts import Likeness
from skills.memory.facts import Confidence, Telling
from skills.memory.tools import Memory
from tests.room import ADA, Room
from tests.test_tools import CONTEXT
from workers.stores import BUTLER_HISTORIES

ASKED = "Not kept: it may contradict fact"


class Butler:
    """Uses the memory tools for Ada, each time with another key."""

    def __init__(self, room: Room) -> None:
        self.memory = Memory(room.store, room.database)
        self.context = replace(CONTEXT, subject="person:1", person="Ada", butler="assistant", stranger=False)

    def remember(self, fact: str, *, stranger: bool = False, days: int = 0, **more: object) -> str:
        """Remember, some days later."""
        self.context = replace(self.context, key=self.context.key + "+")
        now = self.context.now + timedelta(days=days)
        return self.memory.remember(replace(self.context, stranger=stranger, now=now), fact, **more)  # type: ignore[arg-type]

    def recall(self, words: str = "", **more: bool) -> str:
        """Recall."""
        return self.memory.recall(self.context, words, **more)


@pytest.fixture
def butler(room: Room) -> Butler:
    """A butler for whom Ada's locker code is known."""
    room.takes_in("/start")
    made = Butler(room)
    assert made.remember("Ada's locker code is 4711") == "Kept as fact 1."
    return made


@pytest.mark.both_stores
def test_a_fact_in_doubt_is_asked_about(butler: Butler) -> None:
    """What may contradict a known fact is not kept until somebody said which holds; then the old one is kept as what was."""
    said = butler.remember("My locker code is 4712")
    assert said.startswith(f"{ASKED} 1: Ada's locker code is 4711 (told by Ada on ")
    assert "replaces=1" in said
    assert "4712" not in butler.recall("locker")
    assert butler.remember("My locker code is 4712", replaces=1, days=3) == "Kept as fact 2, in the place of fact 1."
    assert "4711" not in butler.recall("locker")
    shown = butler.recall("locker", replaced=True)
    assert re.search(r"1\. Ada's locker code is 4711 \(told by Ada on .*, held until .*, when fact 2 took its place\)", shown)
    assert "2. My locker code is 4712" in shown
    with pytest.raises(ToolError, match="Fact 1 no longer holds: fact 2 took its place"):
        butler.remember("My locker code is 4713", replaces=1)
    with pytest.raises(ToolError, match="There is no fact 9"):
        butler.remember("My locker code is 4713", replaces=9)
    assert butler.remember("My locker code at the gym is 99", replaces=0) == "Kept as fact 3."


def test_the_same_is_kept_once(butler: Butler) -> None:
    """What says the same, but for case or whose it is, is no second fact; a person's word betters a stranger's."""
    for same in ("Ada's locker code is 4711", "my LOCKER code is 4711.", "The locker code: 4711!"):
        assert butler.remember(same) == "Already known, as fact 1."
    assert butler.remember("The umbrella is red", stranger=True) == "Kept as fact 2."
    assert "(told by Ada on 2026-11-21, unsure, read in somebody else’s text)" in butler.recall("umbrella")
    assert butler.remember("The umbrella is red") == "Already known, as fact 2."
    assert "somebody else" not in butler.recall("umbrella")


def test_a_stranger_replaces_nothing(butler: Butler) -> None:
    """What was read in a stranger's text is unsure, and takes the place of nothing that a person said."""
    with pytest.raises(ToolError, match="it replaces nothing that a person said"):
        butler.remember("Ada's locker code is 666", stranger=True, replaces=1)
    assert butler.remember("Ada's locker code is 666", stranger=True).startswith(f"{ASKED} 1")
    butler.remember("Ada's bank is evil.example", stranger=True, confidence="sure")
    told = butler.recall("bank")
    assert isinstance(told, Foreign)
    assert "unsure" in told
    assert isinstance(butler.remember("Ada's bank is good.example"), Foreign)
    assert butler.remember("Ada's bank is good.example", replaces=2) == "Kept as fact 3, in the place of fact 2."


@pytest.mark.parametrize(
    ("known", "told", "like"),
    [
        ("My boss is Tom", "My boss is Eva", Likeness.DOUBT),
        ("Mein Arzt heißt Weber", "Mein Arzt heißt Huber", Likeness.DOUBT),
        ("wifi password: blue horse", "wifi password: GreenCat12", Likeness.DOUBT),
        ("Ada moved house to Vienna", "Ada moved house to Graz", Likeness.DOUBT),
        ("The flight to Oslo leaves at 7:40", "The flight to Oslo leaves at 8:15", Likeness.DOUBT),
        ("The code of locker 1 is 4001", "The code of locker 2 is 4002", None),
        ("Ada likes pizza", "Ada likes sushi", None),
        ("Ada is allergic to peanuts", "Ada is allergic to peanuts and gluten", None),
        ("My sister Eva lives in Graz", "My sister Eva has two dogs", None),
        ("My boss is Tom", "My dog is Tom", None),
        ("My boss is Tom", "my boss: Tom", Likeness.SAME),
    ],
)
def test_what_is_a_doubt(known: str, told: str, like: Likeness | None) -> None:
    """The same thing said otherwise is a doubt; another thing, or one more of a kind, is none."""
    assert doubts.likeness(known, "", Telling(told, "Ada", CONTEXT.now), ["Ada"]) is like


def test_about_decides(butler: Butler) -> None:
    """What is said to be about the same thing is a doubt in whatever words, and what is about another is none."""
    butler.remember("Ada lives in Vienna", about="home")
    assert butler.remember("She moved to Graz", about="Home").startswith(f"{ASKED} 2")
    assert butler.remember("Ada lives in Graz", about="second home") == "Kept as fact 3."
    assert "Vienna" in butler.recall("home")


def test_a_call_that_comes_twice_is_one(butler: Butler) -> None:
    """A crash that repeats a call changes nothing: neither what replaced something, nor what was forgotten."""
    call = replace(butler.context, key="twice")
    for _ in range(2):
        assert butler.memory.remember(call, "Ada's locker code is 99", replaces=1) == "Kept as fact 2, in the place of fact 1."
    for _ in range(2):
        assert butler.memory.forget(call, 2).startswith("Forgotten: fact 2.")
    with pytest.raises(ToolError, match="There is no fact 2"):
        butler.memory.forget(replace(call, key="other"), 2)
    assert butler.recall("", replaced=True) == "Nothing is known about that."  # what it had replaced went with it


@pytest.mark.both_stores
@pytest.mark.usefixtures("butler")
def test_memory_is_corrected_by_command(room: Room) -> None:
    """/memory correct keeps what was, /memory history shows it, and both are found by page and by word."""
    assert room.writes(ADA, "/memory correct 1 My locker code is 4712") == (
        "Fact 2 holds now: My locker code is 4712\n\nUntil today it was: Ada's locker code is 4711 (fact 1)"
    )
    wrong = room.writes(ADA, "/memory correct 1 My locker code is 4713")
    assert wrong == "Fact 1 no longer holds: fact 2 took its place. Correct that one."
    assert room.writes(ADA, "/memory correct 1 My locker code is 4712").startswith("Fact 2 holds now")  # as after a crash
    assert room.writes(ADA, "/memory correct 2 My locker code is 4712") == "Fact 2 says that already."
    assert room.writes(ADA, "/memory correct 7 x") == "There is no fact 7."
    history = room.writes(ADA, "/memory history 2").splitlines()
    assert history[0].startswith("- 1: Ada's locker code is 4711 (told by Ada on 2026-11-")
    assert "held until" in history[0]
    assert history[1].startswith("- 2: My locker code is 4712 (told by Ada on")
    listed = room.writes(ADA, "/memory locker")
    assert "4711" not in listed
    assert "- 2: My locker code is 4712" in listed
    for wrong in ("/memory correct", "/memory correct 1", "/memory history", "/memory forget"):
        assert room.writes(ADA, wrong).startswith("`/memory` lists what I was told")
    assert room.writes(ADA, "/memory history of Rome") == "**assistant** was told nothing about that yet."
    with room.store.write() as tx:
        for number in range(25):
            facts.tell(tx, "person:1", Telling(f"Place {number} has a garden", "Ada", room.now))
    assert "`/memory page 2` shows older ones." in room.writes(ADA, "/memory")
    assert "- 2: My locker code is 4712" in room.writes(ADA, "/memory page 2")
    assert room.writes(ADA, "/memory page 3") == "**assistant** was told nothing more."


@pytest.mark.both_stores
def test_the_first_of_many_is_found(room: Room) -> None:
    """What holds more of the words, and rarer ones, comes first; letters in a row are found in any script, large or small."""
    with room.store.write() as tx:
        for text in ("Ada's code is red", "Ada's locker code is blue", "Ada's garden", "她的密码是4711"):
            facts.tell(tx, "person:1", Telling(text, "Ada", room.now))
    assert facts.find(room.store, "person:1", "locker code")[0].text == "Ada's locker code is blue"
    assert facts.find(room.store, "person:1", "密码")[0].text == "她的密码是4711"
    assert facts.find(room.store, "person:1", "ARDE")[0].text == "Ada's garden"
    assert facts.find(room.store, "person:2", "code") == []


def test_facts_of_an_older_house_are_found(tmp_path: Path) -> None:
    """The step keeps what was told, lets it be found, and believes strangers less."""
    steps = tmp_path / "memory"
    steps.mkdir()
    (mine,) = (one for one in BUTLER_HISTORIES if "memory" in str(one))
    shutil.copy(mine / "memory_0001.py", steps)
    with closing(Database(sqlite_url(tmp_path / "old.db"))) as store:
        migrate.upgrade_here({store.url: (*migrate.BUTLER, steps)})
        with store.write() as tx:
            for number, stranger in ((1, False), (2, True)):
                tx.exec_driver_sql(
                    "INSERT INTO facts VALUES (?, 'person:1', ?, 'Ada', ?, '2026-01-01 00:00:00.000000')",
                    (number, f"fact number {number}", stranger),
                )
        migrate.upgrade_here({store.url: BUTLER_HISTORIES})
        found = {fact.id: fact for fact in facts.find(store, "person:1", "number")}
        assert {number: fact.confidence for number, fact in found.items()} == {1: Confidence.SURE, 2: Confidence.UNSURE}
        with store.write() as tx:
            facts.drop(tx, "person:1", [1])
            facts.INDEX.drop(tx, [Entry(2, "person:1", "fact number 2")])
            facts.index_all(tx)
            assert tx.scalars(select(facts.facts.c.id)).all() == [2]
        assert [fact.id for fact in facts.find(store, "person:1", "number")] == [2]


def test_an_index_that_was_made_anew_lets_go_of_all_words(room: Room) -> None:
    """After a restore facts are found by what they are about, and forgotten ones by nothing."""
    with room.store.write() as tx:
        facts.tell(tx, "person:1", Telling("Ada lives in Vienna", "Ada", room.now, about="home"))
        facts.INDEX.drop(tx, [Entry(1, "person:1", "Ada lives in Vienna home")])
        facts.index_all(tx)
    assert [fact.id for fact in facts.find(room.store, "person:1", "home")] == [1]
    with room.store.write() as tx:
        facts.drop(tx, "person:1", [1])
        for word in ("home", "Vienna"):
            assert facts.INDEX.find(tx, ["person:1"], read(word), 5) == []

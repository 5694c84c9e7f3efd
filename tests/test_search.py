"""Search: what was said is found by its words, by whom it was said to, and by nobody else."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.messages import Origin
from bot.search import folding, history, looking, snippets
from bot.search.history import INDEX, Speaker, Words
from bot.search.index import Entry
from bot.search.wish import read
from bot.store.database import Database, sqlite_url
from bot.store.said_tables import said
from tests.room import Room


@pytest.fixture
def told(room: Room) -> Room:
    """A room in which Ada wrote once, so that there is a conversation."""
    room.takes_in("/start")
    return room


def say(
    room: Room, *texts: str, subject: str = "person:1", ago: timedelta = timedelta(0), origin: Origin = Origin.PERSON
) -> None:
    """Keep something as said, one after the other."""
    with room.database.write() as tx:
        for text in texts:
            history.note(tx, Words(subject, 1, None, Speaker.PERSON, text, origin, room.now - ago, person_id=1))


def found(room: Room, words: str, subject: str = "person:1") -> list[str]:
    """Return what is found, the best first."""
    with room.database.read() as tx:
        return [row.text for row in looking.find(tx, subject, words, room.now).rows]


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("My locker code is 4711", "locker code"),
        ("My locker code is 4711", "LOCKER"),
        ("My locker code is 4711", "4711"),
        ("My locker code is 4711", "lock*"),
        ("My locker code is 4711", "lock"),  # what begins so, where the word itself is nowhere
        ("My locker code is 4711", '"locker code"'),
        ("My locker code is 4711", "„locker code“"),
        ("Der Schlüssel liegt bei Frau Müller in der Hauptstraße", "schlussel"),
        ("Der Schlüssel liegt bei Frau Müller in der Hauptstraße", "Mueller HAUPTSTRASSE"),
        ("Frau Mueller hat ihn", "Müller"),
        ("Der Ersatzschlüssel hängt im Flur", "schlüssel"),  # inside of a word, as a last resort
        ("Crème brûlée für José", "creme brulee jose"),
        ("保险箱的密码是4711。请记住", "密码"),
        ("保险箱的密码是4711。请记住", "密码 4711"),
        ("ロッカーの番号は9番です", "番号"),
        ("사물함 번호는 4711입니다", "번호"),
        ("رقم الخزانة هو 4711", "الخزانة"),
        ("See http://example.org/a_b?c=4711&d", "example.org/a_b"),
        ("It's Ada's e-mail: ada@example.org", "e-mail ada@example.org"),
    ],
)
def test_words_find_what_was_said(told: Room, text: str, words: str) -> None:
    """Case, accents, umlauts, beginnings, quotes and scripts without spaces: each way of asking finds the one message."""
    say(told, "Something else was said here", "密切 关系 代码", text)
    assert found(told, words)[0] == text


@pytest.mark.parametrize("words", ['"code locker"', "locker umbrella", "密关", "zz*", "", "  ", '""', "*", "-", "()"])
def test_what_was_not_said_is_not_found(told: Room, words: str) -> None:
    """Words in quotes must follow each other, and nothing is found where nothing was asked for; words apart come near."""
    say(told, "My locker code is 4711", "密切的关系")
    if words == "locker umbrella":
        with told.database.read() as tx:
            near = looking.find(tx, "person:1", words, told.now)
        assert near.loosely
        assert [row.text for row in near.rows] == ["My locker code is 4711"]
    else:
        assert found(told, words) == []


def test_the_best_comes_first(told: Room) -> None:
    """The newer of two alike comes first, a message that is about the words before one that only mentions them."""
    say(told, "The locker code changed", ago=timedelta(days=400))
    say(told, "The locker code changed again", ago=timedelta(days=1))
    say(told, "locker " + "and this and that " * 60 + "code", ago=timedelta(days=1))
    texts = found(told, "locker code")
    assert texts[0] == "The locker code changed again"
    assert len(texts) == 3


def test_what_is_long_is_found_in_pieces(told: Room) -> None:
    """Of a long paste the piece is found in which the words stand, cut between words."""
    say(told, "bla " * 3_000 + "the umbrella is in the hall. " + "bla " * 3_000)
    (piece,) = found(told, "umbrella")
    assert len(piece) <= history.LONGEST
    assert set(piece.replace("the umbrella is in the hall.", "").split()) == {"bla"}


@pytest.mark.both_stores
def test_each_finds_their_own(told: Room) -> None:
    """A scope holds nothing of another's, whatever it is called: not person 1 of person 11, not one group of another."""
    for subject in ("person:1", "person:11", "group:telegram:-100", "group:telegram:100", "group:slack:C1", "group:slack:c1"):
        say(told, f"umbrella of {subject}", subject=subject)
    for subject in ("person:1", "person:11", "group:telegram:-100", "group:telegram:100", "group:slack:C1", "group:slack:c1"):
        assert found(told, "umbrella", subject) == [f"umbrella of {subject}"]
        assert found(told, "mbrell", subject) == [f"umbrella of {subject}"]
        assert found(told, "umbrella missing", subject) == [f"umbrella of {subject}"]
    assert found(told, "umbrella OR person", "person:2") == []


@pytest.mark.both_stores
def test_what_is_dropped_is_found_no_more(told: Room) -> None:
    """Dropping takes a row out of the table and out of the index."""
    say(told, "The umbrella is red", "The umbrella is blue")
    with told.database.write() as tx:
        history.drop(tx, tx.execute(select(said).where(said.c.text.contains("red"))).all())
    assert found(told, "umbrella") == ["The umbrella is blue"]
    assert found(told, "red") == []


TYPED = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.lists(
    st.sampled_from(
        [
            "locker",
            "OR",
            "AND",
            "NOT",
            "NEAR(",
            '"',
            "*",
            ":",
            "scope:",
            "^",
            "-",
            "(",
            ")",
            "'",
            "\\",
            "4711",
            "{",
            "密",
            "<->",
            "|",
            "!",
            "&",
            ";",
        ]
    ),
    max_size=8,
).map(" ".join)


@given(TYPED)
@settings(max_examples=200, deadline=None)
def test_nothing_that_is_typed_is_an_error(words: str) -> None:
    """Whatever is typed is words or nothing, on either side of an index's language."""
    for term in read(words).terms:
        for way in term.ways:
            assert way
            assert all(word.isalnum() or folding.words(word) for word in way)
    snippets.snippet("My locker code is 4711: 密码", read(words), "<{}>".format, str)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with an index and nothing else."""
    with closing(Database(sqlite_url(tmp_path_factory.mktemp("index") / "index.db"))) as made:
        with made.write() as tx:
            INDEX.make(tx)
        yield made


@given(st.lists(TYPED, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_what_is_typed_finds_what_was_typed(indexed: Database, texts: list[str]) -> None:
    """Every text is found by its own words, if it has any, in its own scope; operators of the index are words like others."""
    with indexed.write() as tx:
        entries = [Entry(number, "person:1", text) for number, text in enumerate(texts, 1)]
        INDEX.add(tx, entries)
        for entry in entries:
            wish = read(" ".join(folding.words(entry.text)[:5]))
            assert not wish.terms or entry.number in INDEX.find(tx, ["person:1"], wish, 10)
            assert INDEX.find(tx, ["person:2"], wish, 10) == []
            assert all(number <= len(texts) for number in INDEX.find(tx, ["person:1"], read(entry.text).widened, 10))
        INDEX.drop(tx, entries)
        assert INDEX.find(tx, ["person:1"], wish, 10) == []


def test_snippets_show_where_it_stands() -> None:
    """The hit is marked in the words as they were written, in the middle of what stands around it, on one line."""
    wish = read("mueller 4711 密码 lock*").widened
    text = "bla " * 50 + "Die Schließfächer von Frau Müller\nhaben die 4711. " + "bla " * 50
    shown = snippets.snippet(text, wish, "<{}>".format, str)
    assert "Frau <Müller> haben die <4711>." in shown
    assert shown.startswith("…bla")
    assert shown.endswith("…")
    assert len(shown) < 220
    assert snippets.snippet("我的密码是4711", wish, "<{}>".format, str) == "我的<密码>是<4711>"
    assert snippets.snippet("the locker", wish, "<{}>".format, str) == "the <locker>"
    assert (
        snippets.snippet("a*b_c `4711`", wish, "**{}**".format, lambda part: part.replace("*", "\\*")) == "a\\*b_c `**4711**`"
    )

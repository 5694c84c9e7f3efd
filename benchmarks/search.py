"""Search: how soon something is found among a million messages, and what it costs to keep one so that it is found."""

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert

from benchmarks.table import Figure, at_most, middle, p99
from bot.messages import Origin
from bot.search import history, looking, telling
from bot.search.history import Speaker, Words
from bot.search.index import Entry
from bot.search.telling import Reader
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from bot.store.said_tables import said
from bot.store.tables import conversations, people

MANY = 1_000_000
BATCH = 10_000
LENGTH = 14  # words of a message
VOCABULARY = 60_000
ASKED = 600
KEPT = 300
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
# Somebody with most of it, somebody with a little, somebody with hardly any, and a group.
SUBJECTS = {"person:1": 0.7, "person:2": 0.2, "person:3": 0.0005, "group:telegram:-100": 0.0995}
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]


def a_million(folder: Path) -> Iterator[Figure]:
    """Measure it on SQLite, in a house's own database."""
    chance = random.Random(6)  # noqa: S311 - no secret
    words = _vocabulary(chance)
    with closing(Database(sqlite_url(folder / "house.db"))) as database:
        migrate.upgrade_here({database.url: migrate.HOUSE})
        _fill(database, words, chance)
        for name, wishes in _asked(words, chance).items():
            times = [_ask(database, wish, chance.choice(list(SUBJECTS))) for wish in wishes]
            yield at_most(f"search over {MANY:,} messages: {name}, p99", p99(times), 50, "ms", f" (p50 {middle(times):.1f})")
        yield at_most(
            "keeping a message so that it is found, within its transaction, p50", _keep(database, words, chance), 1, "ms"
        )


def _vocabulary(chance: random.Random) -> list[str]:
    """Return words, the most common first; one is as often said as its place from the front is low, as in any language."""
    return list(dict.fromkeys("".join(chance.choices(SYLLABLES, k=chance.randint(1, 5))) for _ in range(VOCABULARY * 2)))[
        :VOCABULARY
    ]


def _fill(database: Database, words: list[str], chance: random.Random) -> None:
    with database.write() as tx:
        tx.execute(insert(people).values(id=1, name="Ada", role="owner", created_at=NOW))
        place = {"channel": "telegram", "chat": "7", "thread": "", "private": True}
        tx.execute(insert(conversations).values(id=1, prompt_from=0, thoughts_from=0, **place))
    common = list(accumulate(1 / (place + 2) for place in range(len(words))))
    for first in range(0, MANY, BATCH):
        whose = chance.choices(list(SUBJECTS), list(SUBJECTS.values()), k=BATCH)
        chosen = chance.choices(words, cum_weights=common, k=BATCH * LENGTH)
        texts = [" ".join(chosen[number * LENGTH : (number + 1) * LENGTH]) for number in range(BATCH)]
        with database.write() as tx:
            _put(tx, first, whose, texts)


def _put(tx: Connection, first: int, whose: list[str], texts: list[str]) -> None:
    entries = [Entry(first + number, *one) for number, one in enumerate(zip(whose, texts, strict=True), 1)]
    same = {"conversation_id": 1, "speaker": Speaker.PERSON, "person_id": 1, "origin": Origin.PERSON}
    rows = [
        {
            "id": entry.number,
            "subject": entry.scope,
            "text": entry.text,
            "at": NOW - timedelta(seconds=40 * (MANY - entry.number)),
        }
        for entry in entries
    ]
    tx.execute(insert(said).values(**same), rows)
    history.INDEX.add(tx, entries)


def _asked(words: list[str], chance: random.Random) -> dict[str, list[str]]:
    """Return what is searched, by what makes it dear."""

    def several(first: int, last: int, count: int) -> list[str]:
        return [" ".join(chance.sample(words[first:last], count)) for _ in range(ASKED)]

    usual = [
        *several(0, 20, 1),
        *several(0, 100, 2),
        *several(100, 3_000, 2),
        *several(3_000, VOCABULARY, 1),
        *several(50, 20_000, 3),
    ]
    return {
        "usual words": chance.sample(usual, ASKED),
        "one of the 20 commonest words": several(0, 20, 1),
        "words in quotes": [f'"{one}"' for one in several(0, 200, 2)],
        "what begins so": [f"{chance.choice(words[:2_000])[:5]}*" for _ in range(ASKED)],
        "words that nobody said": [f"{one}x {other}y" for one, other in (pair.split() for pair in several(0, 500, 2))],
    }


def _ask(database: Database, words: str, subject: str) -> float:
    """Return how many milliseconds pass until the first page is there."""
    begun = perf_counter()
    with database.read() as tx:
        found = looking.find(tx, subject, words, NOW)
        telling.for_person(tx, found.rows[:8], found.wish, Reader(1, 1, ZoneInfo("UTC"), "you"))
    return (perf_counter() - begun) * 1000


def _keep(database: Database, words: list[str], chance: random.Random) -> float:
    times = []
    for _ in range(KEPT):
        text = " ".join(chance.choices(words, k=LENGTH))
        with database.write() as tx:
            begun = perf_counter()
            history.note(tx, Words("person:1", 1, None, Speaker.PERSON, text, Origin.PERSON, NOW, person_id=1))
            times.append((perf_counter() - begun) * 1000)
    return middle(times)

"""Routes: the rules of a butler.toml that say, without any guessing, which messages are for its butler.

Of several that match, the one that says more wins: first one that names senders or chats, then the one of which more letters
stand in the message. Patterns are those of RE2, which reads each letter once whatever the pattern: none can hang.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LONGEST_SEEN = 2_000  # characters of a message at which rules look
MOST_WORDS, MOST_PATTERNS, MOST_PLACES = 200, 20, 100
LONGEST_WORD, LONGEST_PATTERN = 80, 300
_MOST_MEMORY = 1 << 20  # bytes of a compiled pattern
_PLACE = re.compile(r"[a-z]+:\S+")
_KINDS = ("words", "patterns", "senders", "chats")
Words = Annotated[tuple[str, ...], Field(max_length=MOST_WORDS)]
Places = Annotated[tuple[str, ...], Field(max_length=MOST_PLACES)]


class RouteTable(BaseModel):
    """A `[[butler.route]]` table: any word or pattern of it, from any of its senders, in any of its chats."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: Words = ()
    patterns: Annotated[tuple[str, ...], Field(max_length=MOST_PATTERNS)] = ()
    senders: Places = ()
    chats: Places = ()

    @field_validator("words")
    @classmethod
    def _say_something(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if not _plain(word):
                raise ValueError(f"“{word}” holds no word")
            if len(word) > LONGEST_WORD:
                raise ValueError(f"“{word[:20]}…” has more than {LONGEST_WORD} characters")
        return words

    @field_validator("patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if len(pattern) > LONGEST_PATTERN:
                raise ValueError(f"“{pattern[:20]}…” has more than {LONGEST_PATTERN} characters")
            compiled(pattern)
        return patterns

    @field_validator("senders", "chats")
    @classmethod
    def _name_chats(cls, places: tuple[str, ...]) -> tuple[str, ...]:
        for place in places:
            if not _PLACE.fullmatch(place):
                raise ValueError(f"“{place}” is not written like telegram:7 or slack:U1")
        return places

    @model_validator(mode="after")
    def _narrow_down(self) -> "RouteTable":
        if not any(getattr(self, kind) for kind in _KINDS):
            raise ValueError(f"a route needs {', '.join(_KINDS[:-1])} or {_KINDS[-1]}, else it would take every message")
        return self

    @property
    def narrowed(self) -> int:
        """How many of senders and chats it names."""
        return bool(self.senders) + bool(self.chats)


@dataclass(frozen=True)
class Match:
    """A rule that a message meets: of which butler, and by what."""

    butler: str
    kind: str  # word, pattern, place
    what: str
    rank: tuple[int, int]


def matches(routes: Mapping[str, Sequence[RouteTable]], text: str, sender: str, chat: str) -> list[Match]:
    """Return the best match of each butler, the best first; those of the same rank stand side by side."""
    text = text[:LONGEST_SEEN]
    said = f" {_plain(text)} "
    found = []
    for butler, tables in routes.items():
        mine = [match for table in tables for match in _of(butler, table, (text, said), sender, chat)]
        found += sorted(mine, key=lambda match: match.rank, reverse=True)[:1]
    return sorted(found, key=lambda match: match.rank, reverse=True)


def _of(butler: str, table: RouteTable, words: tuple[str, str], sender: str, chat: str) -> Iterable[Match]:
    if (table.senders and sender not in table.senders) or (table.chats and chat not in table.chats):
        return
    text, said = words
    for word in table.words:
        if f" {_plain(word)} " in said:
            yield Match(butler, "word", word, (table.narrowed, len(word)))
    for pattern in table.patterns:
        if match := compiled(pattern).search(text):
            yield Match(butler, "pattern", pattern, (table.narrowed, match.end() - match.start()))
    if not table.words and not table.patterns:
        place = sender if table.senders else chat
        yield Match(butler, "place", place, (table.narrowed, 0))


def _plain(text: str) -> str:
    """Return the words of a text in small letters, one space between two."""
    return " ".join(re.findall(r"\w+", text.casefold()))


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 ships no types
    """Compile a pattern. Raises ValueError with what is wrong in it."""
    import re2  # noqa: PLC0415 - only houses that use patterns pay for it

    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"“{pattern}” does not compile: {why}") from None

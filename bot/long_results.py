"""Long results: what a tool gave stands in the prompt by its beginning and its end; the whole is kept and read on demand."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from bot.journal import Outcome
from bot.store.compaction_tables import long_results
from bot.store.database import Database
from bot.store.tables import calls, transcript, turns
from bot.tools import Context, Effect, Foreign, ToolError, tool

LONGEST = 6_000  # characters of a result that stands whole in a prompt
BEGINNING, END = 4_000, 1_000  # of a longer one
PAGE = 5_000  # characters that are read at a time
MOST_KEPT = 2_000_000  # characters: more is no result that anybody reads
FOUND = 200_000  # of which so many, from the beginning, are found by a search of the history
LONGEST_LINE = 300
_KEEP = insert(long_results).returning(long_results.c.id)
_THIS = (
    select(long_results)
    .join(turns, turns.c.conversation_id == long_results.c.conversation_id)
    .where(long_results.c.id == bindparam("handle"), turns.c.id == bindparam("turn"))
)


def keep(tx: Connection, conversation_id: int, key: str, outcome: Outcome, now: datetime) -> tuple[Outcome, str]:
    """Keep a long result whole; return what the journal holds of it, and what a prompt does."""
    if len(outcome.text) <= LONGEST:
        return outcome, outcome.text
    row = {"conversation_id": conversation_id, "call_key": key, "text": outcome.text, "stranger": outcome.stranger, "at": now}
    handle = tx.execute(_KEEP, row).scalar_one()
    part = _part(outcome.text)
    return replace(outcome, text=part), f"{part}\n[read_result({handle}, …) reads what is left out, or finds words in it]"


def bounded(text: str) -> str:
    """Return a result that can be kept, and say so where that is not all of it."""
    if len(text) <= MOST_KEPT:
        return text
    return f"{text[:MOST_KEPT]}\n[cut: a result is kept up to {MOST_KEPT:,} characters, and this one had {len(text):,}]"


def forget(tx: Connection, entry_ids: Collection[int]) -> None:
    """Delete what the calls of the turns of these entries gave."""
    theirs = select(transcript.c.turn_id).where(transcript.c.id.in_(entry_ids))
    keys = select(calls.c.key).where(calls.c.turn_id.in_(theirs))
    tx.execute(delete(long_results).where(long_results.c.call_key.in_(keys)))


def forget_all(tx: Connection, conversation_ids: Sequence[int]) -> None:
    """Delete what every call in these conversations gave."""
    tx.execute(delete(long_results).where(long_results.c.conversation_id.in_(conversation_ids)))


def _part(text: str) -> str:
    left_out = f"[… characters {BEGINNING:,} to {len(text) - END:,} of {len(text):,} are left out here …]"
    return f"{text[:BEGINNING]}\n{left_out}\n{text[-END:]}"


@dataclass(frozen=True)
class LongResults:
    """Lets a butler read long results of its conversation."""

    database: Database

    @tool(Effect.READ, doing="reading on in a long result")
    def read_result(self, context: Context, handle: int, start: int = 0, words: str = "") -> str:
        """Read a long result from a character on, or find its lines that have all these words."""
        with self.database.read() as tx:
            row = tx.execute(_THIS, {"handle": handle, "turn": context.turn_id}).first()
        if row is None:
            raise ToolError(f"No long result {handle} is kept in this conversation.")
        found = _lines(row.text, words) if words.strip() else _page(row.text, start)
        return Foreign(found) if row.stranger else found


def _page(text: str, start: int) -> str:
    if not 0 <= start < len(text):
        raise ToolError(f"start: the result has the characters 0 to {len(text) - 1}.")
    end = min(start + PAGE, len(text))
    more = f"; the next page has start={end}" if end < len(text) else "; this is its end"
    return f"{text[start:end]}\n[characters {start:,} to {end:,} of {len(text):,}{more}]"


def _lines(text: str, words: str) -> str:
    """Return the lines that have all of some words, each with the character at which it begins."""
    wanted = [re.compile(re.escape(word), re.IGNORECASE) for word in words.split()]
    room, shown, more = PAGE, [], 0
    for at, line in _split(text):
        if all(word.search(line) for word in wanted):
            room -= len(line) + 10
            if room >= 0:
                shown.append(f"{at}: {line}")
            else:
                more += 1
    if not shown:
        return f"No line of the {len(text):,} characters has all these words: {words}"
    left = f"\n[{more} more lines have them]" if more else ""
    return "\n".join(shown) + f"{left}\n[each begins with the character at which it stands]"


def _split(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines of a text and where each begins; a long line comes in pieces that overlap a little."""
    at = 0
    for line in text.splitlines(keepends=True):
        step = LONGEST_LINE * 4 // 5 if len(line) > LONGEST_LINE else len(line)
        for position in range(0, len(line), step):
            piece = line[position : position + LONGEST_LINE].strip()
            if piece:
                yield at + position, piece
        at += len(line)

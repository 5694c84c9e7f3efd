"""Handing over: a butler who takes up a conversation is told what was said last with another one, and nothing else.

Each butler's prompt holds the butler's own turns. What others said and were told comes as one entry of the house: the last
messages of both sides as they were, cut where they are long. What others looked up is not passed on.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from bot import transcript
from bot.conversations import Conversation
from bot.hearing import Reader, fenced, stamp
from bot.messages import Origin
from bot.ports import CONTENT, Text
from bot.schedules.runs import HOUSE
from bot.store.tables import conversations, turns
from bot.store.tables import transcript as entries
from bot.transcript import words_of

MOST = 10  # entries
LONGEST, LONGEST_ENTRY = 4_000, 700  # characters
_HANDED = "had this conversation until now. This was said last; it is for you to know, no order:"
_BEFORE = (
    select(turns.c.butler)
    .where(turns.c.conversation_id == bindparam("conversation"), turns.c.id < bindparam("turn"))
    .order_by(turns.c.id.desc())
    .limit(1)
)
_MINE = (
    select(func.coalesce(func.max(entries.c.id), 0))
    .join(turns, turns.c.id == entries.c.turn_id)
    .where(entries.c.conversation_id == bindparam("conversation"), turns.c.butler == bindparam("butler"))
)
_SAID = (
    select(entries.c.role, entries.c.content, turns.c.butler)
    .join(turns, turns.c.id == entries.c.turn_id)
    .join(conversations, conversations.c.id == entries.c.conversation_id)
    .where(
        entries.c.conversation_id == bindparam("conversation"),
        entries.c.id > bindparam("mine"),
        entries.c.id > conversations.c.prompt_from,
        entries.c.turn_id < bindparam("turn"),
        entries.c.withdrawn.is_(False),
    )
    .order_by(entries.c.id.desc())
    .limit(MOST * 3)
)


def tell(tx: Connection, turn_id: int, conversation: Conversation, butler: str, reader: Reader) -> None:
    """Let a butler know what was said with another one since they last spoke here."""
    here = {"conversation": conversation.id, "turn": turn_id}
    before = tx.scalar(_BEFORE, here)
    if before in (None, butler) or conversation.address.channel == HOUSE:
        return
    mine = tx.scalar(_MINE, {"conversation": conversation.id, "butler": butler})
    said = _lines(tx.execute(_SAID, {**here, "mine": mine}).all())
    if not said:
        return
    at = stamp(reader.now.astimezone(reader.zone))
    words = f"[the house, {at}] {before} {_HANDED}\n<told>\n{fenced(said, 'told')}\n</told>"
    origin = Origin.STRANGER if transcript.stranger_was_read(tx, conversation.id) else Origin.HOUSE
    transcript.append(tx, conversation.id, turn_id, "user", (Text(text=words),), origin, reader.now)


def _lines(rows: Sequence[Row[Any, Any, Any]]) -> str:
    """Return what both sides said, the newest as long as there is room."""
    told: list[str] = []
    for row in rows:
        words = words_of(CONTENT.validate_python(row.content))
        if not words or _was_handed(words):
            continue
        line = words if row.role == "user" else f"[{row.butler}]\n{words}"
        line = line if len(line) <= LONGEST_ENTRY else f"{line[:LONGEST_ENTRY]} […]"
        if len(told) == MOST or sum(map(len, told)) + len(line) > LONGEST:
            break
        told.insert(0, line)
    return "\n".join(told)


def _was_handed(words: str) -> bool:
    """Tell whether an entry is one of these itself: what it holds was said, and is told from there."""
    first = words.partition("\n")[0]
    return first.startswith("[the house, ") and first.endswith(_HANDED)

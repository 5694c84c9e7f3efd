"""The transcript: everything that was said and done in a conversation, as it happened, and the prompt made of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, String, bindparam, cast, func, insert, select, update

from bot.messages import Origin
from bot.ports import CONTENT, Call, Content, PromptMessage, Result, Text, Thought
from bot.store.tables import conversations, transcript

Role = Literal["user", "butler"]
_ORIGINS = {str(origin): origin for origin in Origin}
_ADD = insert(transcript)
_IN_PROMPT = (
    select(
        transcript.c.id,
        transcript.c.turn_id,
        transcript.c.role,
        # A prompt can be long: its contents come as text, since pydantic reads that twice as fast as decoded JSON.
        cast(transcript.c.content, String).label("content"),
        transcript.c.origin,
        conversations.c.thoughts_from,
    )
    .join(conversations, conversations.c.id == transcript.c.conversation_id)
    .where(
        transcript.c.conversation_id == bindparam("conversation_id"),
        transcript.c.id > conversations.c.prompt_from,
        transcript.c.withdrawn.is_(False),
    )
)
_OF_TURN = (
    select(transcript.c.role, transcript.c.content).where(transcript.c.turn_id == bindparam("turn")).order_by(transcript.c.id)
)
_PROMPT = _IN_PROMPT.order_by(transcript.c.id)
_LAST = _IN_PROMPT.order_by(transcript.c.id.desc()).limit(1)
_STRANGE = _IN_PROMPT.where(transcript.c.origin == Origin.STRANGER).limit(1)
LOST = "No result was kept: the work was cut off here. It may have happened, or not."


class Entry(NamedTuple):
    """One entry of a transcript; its thoughts are left out when the provider no longer takes them back."""

    id: int
    turn_id: int
    role: Role
    content: Content
    origin: Origin


def append(
    tx: Connection, conversation_id: int, turn_id: int, role: Role, content: Content, origin: Origin, now: datetime
) -> None:
    """Add an entry."""
    tx.execute(
        _ADD,
        {
            "conversation_id": conversation_id,
            "turn_id": turn_id,
            "role": role,
            "content": CONTENT.dump_python(content, mode="json"),
            "origin": origin,
            "at": now,
            "withdrawn": False,
        },
    )


def load(tx: Connection, conversation_id: int) -> list[Entry]:
    """Return what a prompt of this conversation is made of."""
    return [_entry(row) for row in tx.execute(_PROMPT, {"conversation_id": conversation_id})]


def open_calls(tx: Connection, conversation_id: int) -> tuple[Entry, tuple[Call, ...]] | None:
    """Return the last entry with the calls in it that nothing has answered yet."""
    row = tx.execute(_LAST, {"conversation_id": conversation_id}).first()
    if row is None:
        return None
    last = _entry(row)
    calls = tuple(block for block in last.content if isinstance(block, Call))
    return (last, calls) if calls else None


def stranger_was_read(tx: Connection, conversation_id: int) -> bool:
    """Tell whether the prompt holds what a stranger may have written."""
    return tx.execute(_STRANGE, {"conversation_id": conversation_id}).first() is not None


def stranger_in(tx: Connection, turn_id: int) -> bool:
    """Tell whether a turn read what a stranger may have written."""
    mine = (transcript.c.turn_id == turn_id, transcript.c.origin == Origin.STRANGER)
    return tx.execute(select(transcript.c.id).where(*mine).limit(1)).first() is not None


def _entry(row: Row[Any]) -> Entry:
    content = CONTENT.validate_json(row.content)
    if row.id <= row.thoughts_from:
        content = tuple(block for block in content if not isinstance(block, Thought))
    return Entry(row.id, row.turn_id, row.role, content, _ORIGINS[row.origin])


def drop_thoughts(tx: Connection, conversation_id: int, entries: Sequence[Entry]) -> bool:
    """Give the thoughts of these entries back to no model again. Tell whether there were any."""
    if not any(isinstance(block, Thought) for entry in entries for block in entry.content):
        return False
    last = entries[-1].id
    tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(thoughts_from=last))
    return True


def begin_anew(tx: Connection, conversation_id: int) -> None:
    """Leave everything said so far out of the prompts to come."""
    last = select(func.coalesce(func.max(transcript.c.id), 0)).where(transcript.c.conversation_id == conversation_id)
    tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(prompt_from=last.scalar_subquery()))


def withdraw(tx: Connection, turn_id: int) -> None:
    """Keep a turn's entries, but show them to no model again."""
    tx.execute(update(transcript).where(transcript.c.turn_id == turn_id).values(withdrawn=True))


def drop_older_half(tx: Connection, conversation_id: int, current_turn: int, entries: Sequence[Entry]) -> bool:
    """Leave the older half of the turns before this one out of the prompts to come. Tell whether there was any."""
    earlier = sorted({entry.turn_id for entry in entries} - {current_turn})
    if not earlier:
        return False
    dropped = set(earlier[: (len(earlier) + 1) // 2])
    last = max(entry.id for entry in entries if entry.turn_id in dropped)
    tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(prompt_from=last))
    return True


def words_before(tx: Connection, turn_id: int, request: Content) -> list[str]:
    """Return what a turn said before each time that the house made it go on with this request."""
    rows = tx.execute(_OF_TURN, {"turn": turn_id}).all()
    words = []
    for row, following in pairwise(rows):
        if row.role == "butler" and CONTENT.validate_python(following.content) == request:
            words.append(words_of(CONTENT.validate_python(row.content)))
    return words


def words_of(content: Content) -> str:
    """Return the words of an entry."""
    return "".join(block.text for block in content if isinstance(block, Text)).strip()


def prompt_messages(entries: Iterable[Entry]) -> tuple[PromptMessage, ...]:
    """Make a prompt that every provider takes, whatever a crash left behind.

    Every call is followed by its result, results without a call are left out, messages of the same side become one, and
    the first message is the person's.
    """
    messages: list[PromptMessage] = []
    for entry in entries:
        waiting = tuple(block for block in messages[-1].content if isinstance(block, Call)) if messages else ()
        if entry.role == "user":
            _add(messages, "user", _answered(waiting, entry.content))
        else:
            _add(messages, "user", _answered(waiting, ()))
            _add(messages, "butler", entry.content)
    return tuple(messages)


def _answered(waiting: Sequence[Call], content: Content) -> Content:
    """Put each call's result first, and one that says so where there is none."""
    results = {block.call_id: block for block in content if isinstance(block, Result)}
    answers = tuple(results.get(call.id, Result(call_id=call.id, text=LOST, is_error=True)) for call in waiting)
    return answers + tuple(block for block in content if not isinstance(block, Result))


def _add(messages: list[PromptMessage], role: Role, content: Content) -> None:
    content = tuple(block for block in content if not isinstance(block, Text) or block.text.strip())
    if not content or (not messages and role == "butler"):
        return
    if messages and messages[-1].role == role:
        content = (*messages.pop().content, *content)
    messages.append(PromptMessage(role=role, content=content))

"""The stretch of a conversation that is to be summed up next: whole turns, none that still runs, and not the newest."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, case, func, select

from bot.schedules.runs import HOUSE
from bot.store.compaction_tables import compactions, summaries
from bot.store.tables import OPEN, STRANGE, conversations, transcript, turns
from bot.transcript import WRITTEN

ABOVE = 80_000  # characters: a longer prompt is shortened
KEPT = 16_000  # of which so many at the end stay as they are
KEPT_WHEN_ASKED = 4_000  # where somebody wants it to be short now
LONGEST_LAST = ABOVE // 2  # the newest turn stays, unless it is longer than this
AT_ONCE = 80_000  # characters that are summed up by one request
LEAST = 4_000  # fewer are not worth a request
MOST_COUNTED = 40_000  # characters of an entry that count: what is more is a picture's, which a model reads otherwise
_LENGTH = func.length(WRITTEN)
_SIZE = func.coalesce(func.sum(case((_LENGTH > MOST_COUNTED, MOST_COUNTED), else_=_LENGTH)), 0)
_MINE = and_(transcript.c.conversation_id == bindparam("conversation_id"), transcript.c.withdrawn.is_(False))
_IN_PROMPT = (_MINE, transcript.c.id > conversations.c.prompt_from)
_STANDING = (
    select(
        conversations.c.begun_from,
        conversations.c.prompt_from,
        conversations.c.summary_id,
        summaries.c.until_id,
        summaries.c.text,
        summaries.c.origin,
        compactions.c.worker,
        compactions.c.begun_at,
        compactions.c.ready_id,
        compactions.c.due_at,
        compactions.c.failures,
        compactions.c.asked_by,
        compactions.c.focus,
        compactions.c.was_entries,
        compactions.c.was_characters,
        (conversations.c.channel == HOUSE).label("is_of_a_schedule"),
        select(_SIZE).where(*_IN_PROMPT).correlate(conversations).scalar_subquery().label("characters"),
        select(func.count())
        .select_from(transcript)
        .where(*_IN_PROMPT)
        .correlate(conversations)
        .scalar_subquery()
        .label("entries"),
    )
    .select_from(conversations)
    .outerjoin(summaries, summaries.c.id == conversations.c.summary_id)
    .outerjoin(compactions, compactions.c.conversation_id == conversations.c.id)
    .where(conversations.c.id == bindparam("conversation_id"))
)
_TURNS = (
    select(
        transcript.c.turn_id,
        func.max(transcript.c.id).label("last"),
        func.count().label("entries"),
        _SIZE.label("size"),
        func.max(case((OPEN, 1), else_=0)).label("is_open"),
    )
    .join(turns, turns.c.id == transcript.c.turn_id)
    .where(_MINE, transcript.c.id > bindparam("after"))
    .group_by(transcript.c.turn_id)
    .order_by(func.max(transcript.c.id))
)
_STRANGE = (
    select(transcript.c.id)
    .where(_MINE, transcript.c.id > bindparam("after"), transcript.c.id <= bindparam("until"))
    .where(STRANGE)
    .limit(1)
)


class Standing(NamedTuple):
    """How a conversation stands: where its prompt begins, what stands before that, how long it is, and who is at it."""

    begun_from: int
    prompt_from: int
    summary_id: int | None
    until_id: int | None
    text: str | None
    origin: str | None
    worker: str | None
    begun_at: Any
    ready_id: int | None
    due_at: Any
    failures: int | None
    asked_by: int | None
    focus: str | None
    was_entries: int | None
    was_characters: int | None
    is_of_a_schedule: bool  # whose next run begins anew
    characters: int
    entries: int

    @property
    def summed_up(self) -> int:
        """The entry up to which a summary speaks."""
        return self.begun_from if self.until_id is None else self.until_id

    @property
    def has_gap(self) -> bool:
        """Whether something stands neither in the prompt nor in its summary."""
        return self.summed_up < self.prompt_from

    @property
    def length(self) -> int:
        """The characters of the prompt, that of its summary included."""
        return self.characters + len(self.text or "")

    @property
    def is_long(self) -> bool:
        """Whether the prompt is to be shortened, or to be told what it lacks."""
        return not self.is_of_a_schedule and (self.characters > ABOVE or self.has_gap)


class Stretch(NamedTuple):
    """Entries that are to be summed up: those after one, up to another, of these turns."""

    after: int
    until: int
    turn_id: int
    entries: int
    characters: int


def standing(tx: Connection, conversation_id: int) -> Standing:
    """Return how a conversation stands."""
    return Standing._make(tx.execute(_STANDING, {"conversation_id": conversation_id}).one())


def turns_after(tx: Connection, conversation_id: int, after: int) -> Sequence[Row[Any]]:
    """Return the turns of a conversation after an entry, each with its last entry and its length."""
    return tx.execute(_TURNS, {"conversation_id": conversation_id, "after": after}).all()


def choose(tx: Connection, conversation_id: int, now: Standing, kept: int, at_once: int) -> Stretch | None:
    """Return what is to be summed up next, so that about `kept` characters stay; None where that is nothing."""
    closed = [row for row in turns_after(tx, conversation_id, now.summed_up) if not row.is_open]
    end = len(closed)
    room = kept
    while end and (closed[end - 1].size <= room or (end == len(closed) and closed[-1].size <= min(LONGEST_LAST, kept * 4))):
        end -= 1
        room -= closed[end].size
    end = max(end, sum(row.last <= now.prompt_from for row in closed))
    chosen: list[Row[Any]] = []
    for row in closed[:end]:
        if chosen and sum(one.size for one in chosen) + row.size > at_once:
            break
        chosen.append(row)
    size = sum(row.size for row in chosen)
    if not chosen or (size < LEAST and not now.has_gap):
        return None
    return Stretch(now.summed_up, chosen[-1].last, closed[-1].turn_id, sum(row.entries for row in chosen), size)


def is_strange(tx: Connection, conversation_id: int, stretch: Stretch) -> bool:
    """Tell whether a stranger may have written any of it."""
    bounds = {"conversation_id": conversation_id, "after": stretch.after, "until": stretch.until}
    return tx.execute(_STRANGE, bounds).first() is not None

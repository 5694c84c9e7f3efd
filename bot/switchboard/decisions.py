"""Decisions: whom each message was given to and why; of each conversation the last ones are kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from bot.ports import Json
from bot.store.switchboard_tables import decisions
from bot.store.tables import inbox, outbox
from bot.switchboard.follow_up import Before

OPEN = "?"  # in place of a butler's name, which it cannot be: a worker is to find out whom a message is for
KEPT = 50  # of a conversation
LOOKED_AT = 6
UNHEARD, AT_WORK = "unheard", "at work"  # why speech is left open, and why a butler has what nobody was sure of
_NOTE = insert(decisions).returning(decisions.c.id)
_HERE = decisions.c.conversation_id == bindparam("conversation")
_OLDEST_KEPT = select(decisions.c.id).where(_HERE).order_by(decisions.c.id.desc()).offset(KEPT - 1).limit(1).scalar_subquery()
_PRUNE = delete(decisions).where(_HERE, decisions.c.id < _OLDEST_KEPT)
_LAST = (
    select(decisions, inbox.c.text, inbox.c.origin, outbox.c.text.label("answered"), outbox.c.created_at.label("answered_at"))
    .join(inbox, inbox.c.id == decisions.c.inbox_id)
    .outerjoin(outbox, outbox.c.id == inbox.c.reply_id)
    .where(_HERE)
    .order_by(decisions.c.id.desc())
    .limit(LOOKED_AT)
)
_BEFORE = _LAST.where(decisions.c.inbox_id < bindparam("before"))
_CLOSE = update(decisions).where(decisions.c.id == bindparam("row"))
_GIVE = update(inbox).where(inbox.c.id == bindparam("message")).values(butler=bindparam("to"))


class By(StrEnum):
    """How it was decided."""

    NAMED = "named"  # the message begins with @name
    PINNED = "pinned"  # somebody has chosen this butler for the conversation
    RULE = "rule"
    FOLLOW_UP = "follow-up"
    LIKENESS = "likeness"
    OPEN = "open"  # not yet
    ASKING = "asking"  # a model is being asked
    MODEL = "model"
    DEFAULT = "default"


TAUGHT_FROM = (By.RULE, By.FOLLOW_UP, By.LIKENESS, By.MODEL, By.DEFAULT)  # where a person may know better


@dataclass(frozen=True)
class Decision:
    """Whom a message is given to, and why; without a butler it is left open."""

    butler: str | None
    by: By
    reason: Json = field(default_factory=dict)
    confidence: float | None = None


def note(tx: Connection, conversation_id: int, inbox_id: int, person_id: int, decision: Decision, now: datetime) -> None:
    """Note a decision and let it hold for its message."""
    row = {"conversation_id": conversation_id, "inbox_id": inbox_id, "person_id": person_id, "at": now}
    mine = {"butler": decision.butler, "by": decision.by, "reason": decision.reason, "confidence": decision.confidence}
    tx.execute(_NOTE, {**row, **mine})
    tx.execute(_PRUNE, {"conversation": conversation_id})
    tx.execute(_GIVE, {"message": inbox_id, "to": decision.butler or OPEN})


def note_asking(tx: Connection, inbox_ids: Iterable[int]) -> None:
    """Note that a model is being asked whom messages are for."""
    mine = (decisions.c.inbox_id.in_(list(inbox_ids)), decisions.c.by == By.OPEN)
    tx.execute(update(decisions).where(*mine).values(by=By.ASKING))


def of_messages(tx: Connection, inbox_ids: Iterable[int]) -> list[Row[Any]]:
    """Return the decisions about messages."""
    mine = decisions.c.inbox_id.in_(list(inbox_ids))
    return list(tx.execute(select(decisions).where(mine).order_by(decisions.c.id)))


def last(tx: Connection, conversation_id: int, person_id: int | None = None) -> Row[Any] | None:
    """Return the last decision of a conversation, with its message; with a person, the last about their messages."""
    rows = tx.execute(_LAST, {"conversation": conversation_id}).all()
    return next((row for row in rows if person_id in (None, row.person_id)), None)


def before(tx: Connection, conversation_id: int, person_id: int, inbox_id: int, now: datetime) -> Before | None:
    """Return what came last here before a message: with its writer where they wrote lately, otherwise with whomever."""
    rows = tx.execute(_BEFORE, {"conversation": conversation_id, "before": inbox_id}).all()
    row = next((row for row in rows if row.person_id == person_id), rows[0] if rows else None)
    if row is None:
        return None
    age = now - max(row.at, row.answered_at or row.at)
    return Before(row.butler or OPEN, row.text, row.answered or "", age, is_vague=row.by == By.DEFAULT)


def before_these(tx: Connection, conversation_id: int, inbox_ids: Iterable[int]) -> Before | None:
    """Return what came last here before these messages."""
    mine = set(inbox_ids)
    rows = tx.execute(_LAST, {"conversation": conversation_id}).all()
    row = next((row for row in rows if row.inbox_id not in mine and row.butler is not None), None)
    return None if row is None else Before(row.butler, row.text, row.answered or "", timedelta(0))


def weigh_anew(tx: Connection, inbox_ids: Iterable[int], reason: Json) -> None:
    """Note what speaks for whom in messages that have been heard, and that stay open all the same."""
    mine = (decisions.c.inbox_id.in_(list(inbox_ids)), decisions.c.by == By.OPEN)
    tx.execute(update(decisions).where(*mine).values(reason=reason))


def close(tx: Connection, inbox_ids: Iterable[int], decision: Decision) -> None:
    """Note who has messages of which that was left open."""
    for row in of_messages(tx, inbox_ids):
        if row.by in (By.OPEN, By.ASKING):
            weighed = {name: what for name, what in row.reason.items() if name != "why"}
            values = {"butler": decision.butler, "by": decision.by, "confidence": decision.confidence}
            tx.execute(_CLOSE, {"row": row.id, **values, "reason": weighed | decision.reason})


def shares(row: Row[Any]) -> Mapping[str, float]:
    """Return how likely each butler seemed when a decision was made."""
    return {str(name): float(share) for name, share in row.reason.get("shares", ())}

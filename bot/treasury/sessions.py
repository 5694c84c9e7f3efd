"""Sessions: which key a conversation stays with, for the sake of its cache, and when it goes on to the next."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from bot.store.treasury_tables import keys, sessions
from bot.treasury import ring
from bot.treasury.choice import NEARLY, Chosen, is_nearly_spent
from bot.treasury.periods import day_of
from bot.treasury.providers import Providers
from bot.treasury.rests import is_resting

_MINE = update(sessions).where(sessions.c.conversation_id == bindparam("conversation"))
_USE = (
    _MINE.where(sessions.c.key_id == bindparam("key"))
    .values(used=sessions.c.used + bindparam("tokens"), used_at=bindparam("now"))
    .returning(sessions)
)
_LEAVE = _MINE.values(leave=True, why=bindparam("because"))
_REST = select(keys.c.is_set, is_resting(["key:" + keys.c.id, keys.c.organisation]).label("rests")).where(
    keys.c.id == bindparam("key")
)


def keep(
    tx: Connection,
    providers: Providers,
    chosen: Chosen,
    conversation_id: int,
    turn_id: int,
    avoid: Mapping[str, str],
    now: datetime,
) -> None:
    """Note by which key a conversation goes on, and why it left the one before."""
    session, route = chosen.session, chosen.route
    same = session is not None and (session.key_id, session.model, session.wanted_key) == (route.key_id, route.model, None)
    if same and session is not None and day_of(session.started_at) == day_of(now):  # each day gives a key its tokens anew
        return
    values = {
        "key_id": route.key_id,
        "model": route.model,
        "allocated": max(chosen.row.free, 0),
        "used": 0,
        "started_at": now,
        "used_at": now,
        "wanted_key": None,
        "leave": False,
        "why": None,
    }
    if session is None:
        tx.execute(insert(sessions).values(conversation_id=conversation_id, **values))
        return
    tx.execute(_MINE.values(values), {"conversation": conversation_id})
    if session.key_id != route.key_id:
        reason = _why(tx, providers, session, route.key_id, avoid, now)
        places = {"conversation_id": conversation_id, "turn_id": turn_id}
        ring.note(tx, "rotated", session.key_id, reason, now, to_key=route.key_id, **places)


def use(tx: Connection, conversation_id: int, key_id: str, tokens: int, now: datetime) -> str | None:
    """Count what a conversation used of its key; at three quarters of its allocation return the sentence that says so."""
    row = tx.execute(_USE, {"conversation": conversation_id, "key": key_id, "tokens": tokens, "now": now}).first()
    if row is None or row.leave or row.used < int(row.allocated * NEARLY):
        return None
    why = f"75 % of the conversation's {row.allocated:,} tokens on {key_id} are used"
    leave(tx, conversation_id, why)
    return why


def leave(tx: Connection, conversation_id: int, why: str) -> None:
    """Let the next request of a conversation go by another key, if there is one."""
    tx.execute(_LEAVE, {"conversation": conversation_id, "because": why})


def want(tx: Connection, conversation_id: int, key_id: str) -> None:
    """Let the next request of a conversation go by a key that somebody chose."""
    tx.execute(_MINE.values(wanted_key=key_id), {"conversation": conversation_id})


def _why(tx: Connection, providers: Providers, session: Row[Any], to_key: str, avoid: Mapping[str, str], now: datetime) -> str:
    """Return why a conversation leaves its key for another."""
    if session.key_id in avoid:
        return avoid[session.key_id]
    if session.leave or session.wanted_key == to_key:
        return "chosen by hand" if session.wanted_key == to_key else str(session.why)
    row = tx.execute(select(keys).where(keys.c.id == session.key_id)).first()
    if row is None or not row.is_set:
        return "the settings no longer name it"
    if tx.execute(_REST, {"key": session.key_id, "model": session.model, "now": now}).one().rests:
        return "it rests"
    if row.provider in providers and is_nearly_spent(providers[row.provider], row):
        return f"75 % of the day of {session.key_id} are used"
    return "another key is better now"

"""The record of summaries: who is making one, which one stands in the prompt, and what is forgotten of them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_once

from bot import long_results, outbox
from bot.compaction import stretch
from bot.compaction.stretch import Standing, Stretch, turns_after
from bot.messages import ReplyKind
from bot.store.compaction_tables import AT_WORK, DUE, compactions, summaries
from bot.store.tables import conversations, turns
from bot.transcript import last_entry
from bot.treasury.budgets import Spender
from bot.treasury.treasury import Treasury

LEASE = timedelta(minutes=10)  # then a summary is made by another, whatever became of the first
_OPEN = insert_once(compactions).values(conversation_id=bindparam("conversation"), failures=0).on_conflict_do_nothing()
_MINE = update(compactions).where(compactions.c.conversation_id == bindparam("conversation"))
_CLAIM = _MINE.where(compactions.c.worker.is_(None)).values(
    worker=bindparam("by"), token=bindparam("mark"), turn_id=bindparam("turn"), begun_at=bindparam("now")
)
_FREE = {"worker": None, "token": None, "turn_id": None, "begun_at": None}
_HELD = _MINE.where(compactions.c.token == bindparam("mark"))
# Who asked is still to be told, should this worker die before that.
_UNTOLD = case((compactions.c.asked_by.is_not(None), bindparam("now")), else_=None)
_DONE = _HELD.values(**_FREE, due_at=_UNTOLD, failures=0, error=None)
_FAILED = _HELD.values(**_FREE, due_at=bindparam("again"), failures=compactions.c.failures + 1, error=bindparam("why"))
_REVOKED = _MINE.where(compactions.c.token.is_(None), compactions.c.worker == bindparam("by")).values(
    **_FREE, due_at=bindparam("now")
)
_ADD = insert(summaries).returning(summaries.c.id)


def claim(tx: Connection, conversation_id: int, worker: str, token: str, turn_id: int, now: datetime) -> bool:
    """Take it on to sum up a conversation; tell whether nobody else is at it."""
    tx.execute(_OPEN, {"conversation": conversation_id})
    mine = {"conversation": conversation_id, "by": worker, "mark": token, "turn": turn_id, "now": now}
    return tx.execute(_CLAIM, mine).rowcount == 1


def free_stale(tx: Connection, conversation_id: int, treasury: Treasury, now: datetime) -> None:
    """Take it from whoever is at it for too long. What was reserved counts as spent."""
    stale = select(compactions).where(
        compactions.c.conversation_id == conversation_id, AT_WORK, compactions.c.begun_at <= now - LEASE
    )
    for row in tx.execute(stale).all():
        _free(tx, row, treasury, now)


def release(tx: Connection, conversation_id: int, worker: str, token: str, now: datetime) -> bool:
    """Have done with it; tell whether it was still wanted. Where something was forgotten meanwhile, it is begun anew."""
    mine = {"conversation": conversation_id, "mark": token, "by": worker, "now": now}
    if tx.execute(_DONE, mine).rowcount == 1:
        return True
    tx.execute(_REVOKED, mine)
    return False


def note_failure(tx: Connection, conversation_id: int, token: str, reason: str, again_at: datetime) -> None:
    """Have done with it without a summary, to try again later."""
    tx.execute(_FAILED, {"conversation": conversation_id, "mark": token, "why": reason, "again": again_at})


def keep(
    tx: Connection, conversation_id: int, before: Standing, covered: Stretch, text: str, origin: str, now: datetime
) -> int:
    """Keep a summary, which stands in no prompt yet; return its id."""
    values = {
        "conversation_id": conversation_id,
        "after_id": before.begun_from,
        "until_id": covered.until,
        "before_id": before.summary_id,
        "text": text,
        "origin": origin,
        "entries": covered.entries,
        "characters": covered.characters,
        "at": now,
    }
    return int(tx.execute(_ADD, values).scalar_one())


def put_in_place(tx: Connection, conversation_id: int, summary_id: int, claim_token: str | None = None) -> bool:
    """Let a summary stand in the prompt for what it covers, unless a turn runs there; tell whether it is settled.

    Thoughts are bound to what stood before them, so that none of the earlier ones is given back any more. A summary of what
    is no longer talked about, or that goes on from one that is gone, is dropped.
    """
    made = tx.execute(select(summaries).where(summaries.c.id == summary_id)).first()
    here = tx.execute(select(conversations).where(conversations.c.id == conversation_id)).one()
    ready = update(compactions).where(compactions.c.conversation_id == conversation_id)
    if made is None or (made.after_id, made.before_id) != (here.begun_from, here.summary_id):
        tx.execute(delete(summaries).where(summaries.c.id == summary_id))
    elif here.claim not in (None, claim_token):
        tx.execute(ready.values(ready_id=summary_id))
        return False
    else:
        start = max(here.prompt_from, made.until_id)
        changed = {"summary_id": summary_id, "prompt_from": start, "thoughts_from": last_entry(conversation_id)}
        tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(**changed))
    tx.execute(ready.values(ready_id=None))
    return True


def ask(tx: Connection, conversation_id: int, person_id: int, focus: str, here: Standing, now: datetime) -> None:
    """Note that somebody wants a conversation to be summed up now, and what they want to be kept in mind."""
    tx.execute(_OPEN, {"conversation": conversation_id})
    was = {"was_entries": here.entries, "was_characters": here.length}
    wish = {"asked_by": person_id, "focus": focus or None, "due_at": now, **was}
    tx.execute(update(compactions).where(compactions.c.conversation_id == conversation_id).values(**wish))


def answer(tx: Connection, conversation_id: int, words: str, now: datetime) -> None:
    """Tell whoever asked for a summary what came of it."""
    answered = {"asked_by": None, "focus": None, "due_at": None, "was_entries": None, "was_characters": None}
    tx.execute(update(compactions).where(compactions.c.conversation_id == conversation_id).values(**answered))
    outbox.add(tx, conversation_id, ReplyKind.NOTICE, words, now)


def in_words(here: Standing) -> str:
    """Return how much of a conversation is read at each message."""
    entries = f"{here.entries} message{'' if here.entries == 1 else 's'}"
    summed_up = "" if here.text is None else "a summary and "
    return f"{summed_up}{entries} ({here.length:,} characters)"


def due(tx: Connection, now: datetime) -> list[int]:
    """Return the conversations of which somebody is to look after the summary now."""
    wanted = select(compactions.c.conversation_id).where(DUE, compactions.c.due_at <= now, compactions.c.worker.is_(None))
    return list(tx.scalars(wanted.order_by(compactions.c.due_at, compactions.c.conversation_id)))


def workers_at_it(tx: Connection) -> set[str]:
    """Return the workers that are making summaries."""
    return {str(worker) for worker in tx.scalars(select(compactions.c.worker).where(AT_WORK).distinct())}


def abandon(tx: Connection, worker: str, treasury: Treasury, now: datetime) -> None:
    """Let others make what a dead worker was making. What it had reserved counts as spent."""
    theirs = select(compactions).where(AT_WORK, compactions.c.worker == worker)
    for row in tx.execute(theirs).all():
        _free(tx, row, treasury, now)


def _free(tx: Connection, row: Row[Any], treasury: Treasury, now: datetime) -> None:
    treasury.charge_left(tx, row.turn_id, now)
    mine = update(compactions).where(compactions.c.conversation_id == row.conversation_id)
    tx.execute(mine.values(**_FREE, due_at=now, failures=compactions.c.failures + 1))


def spender(tx: Connection, conversation_id: int, turn_id: int, asked_by: int | None) -> Spender:
    """Return whose money a summary costs: that of whom the newest turn in it was for, or who asked for it."""
    row = tx.execute(select(turns).where(turns.c.id == turn_id)).one()
    return Spender(turn_id, conversation_id, asked_by or row.person_id, row.butler, row.root_id, row.job)


def forget_entries(tx: Connection, conversation_id: int, entry_ids: Collection[int]) -> None:
    """Drop every summary that covers one of these entries, and the long results of their turns.

    The prompt is made of the log again, and the summary anew: as much of the log stands in the prompt as it may hold, and what
    is older is summed up by the next compaction.
    """
    if not entry_ids:
        return
    first = min(entry_ids)
    gone = (summaries.c.conversation_id == conversation_id, summaries.c.until_id >= first)
    covered = [row.id for row in tx.execute(select(summaries).where(*gone)) if _covers(row, entry_ids)]
    here = tx.execute(select(conversations).where(conversations.c.id == conversation_id)).one()
    revoked = update(compactions).where(compactions.c.conversation_id == conversation_id)
    tx.execute(revoked.values(token=None, ready_id=None))
    tx.execute(delete(summaries).where(summaries.c.id.in_(covered)))
    long_results.forget(tx, entry_ids)
    if here.summary_id in covered:
        _fall_back(tx, conversation_id, here.begun_from)


def _covers(row: Row[Any], entry_ids: Collection[int]) -> bool:
    return any(row.after_id < one <= row.until_id for one in entry_ids)


def _fall_back(tx: Connection, conversation_id: int, begun_from: int) -> None:
    """Let the newest summary that is left stand in the prompt, and as much of the log as fits."""
    left = (summaries.c.conversation_id == conversation_id, summaries.c.after_id == begun_from)
    row = tx.execute(select(summaries).where(*left).order_by(summaries.c.until_id.desc()).limit(1)).first()
    start, summary_id = (begun_from, None) if row is None else (row.until_id, row.id)
    room = stretch.ABOVE
    for turn in reversed(turns_after(tx, conversation_id, start)):
        room -= turn.size
        if room < 0:
            start = turn.last
            break
    changed = {"summary_id": summary_id, "prompt_from": start, "thoughts_from": last_entry(conversation_id)}
    tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(**changed))


def forget(tx: Connection, conversation_ids: Sequence[int]) -> None:
    """Drop every summary of conversations of which all is forgotten."""
    tx.execute(update(conversations).where(conversations.c.id.in_(conversation_ids)).values(summary_id=None))
    nothing = {"token": None, "ready_id": None, "focus": None, "error": None}
    tx.execute(update(compactions).where(compactions.c.conversation_id.in_(conversation_ids)).values(**nothing))
    tx.execute(delete(summaries).where(summaries.c.conversation_id.in_(conversation_ids)))

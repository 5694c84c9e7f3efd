"""Cleaning: going through all that was said, a bounded stretch at a time, and marking where it says what is to be forgotten."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Row, String, cast, delete, select, update

from bot.compaction.record import forget_entries
from bot.forgetting import attached, places, wishes
from bot.forgetting.places import PLACES, Place, Scope
from bot.forgetting.traces import Traces
from bot.forgetting.wishes import State, Wish
from bot.search import history
from bot.store.database import Database
from bot.store.said_tables import said
from bot.store.tables import inbox, outbox, parts, transcript
from bot.switchboard import corrections

AT_A_TIME = 300  # rows that are read together
THOUGHT = "thought"
_WORDS = {"text": ("text",), "result": ("text",), "call": ("arguments",), "document": ("name",)}  # of each kind of block


def go_on(
    database: Database, wish: Wish, stores: Callable[[Wish], bool], clock: Callable[[], datetime], seconds: float
) -> bool:
    """Clean for some seconds at most; tell whether nothing says it any more. `stores` forgets it in those of butlers."""
    deadline = monotonic() + seconds
    with database.read() as tx:
        scope = places.scope(tx, wish.what.subject, wish.until_turn, wish.until_at)
        if wish.state is State.AGAIN and not _is_quiet(tx, wish, scope):
            return False
    # Files before messages, whose words tell what those say that cannot be read.
    if not stores(wish) or not attached.go_on(database, wish, scope, deadline):
        return False
    for place in PLACES:
        while wish.progress.get(place.table.name) != "":
            if monotonic() > deadline:
                return False
            wish.progress[place.table.name] = _stretch(database, wish, place, scope)
    with database.write() as tx:
        if wish.state is State.WANTED:
            # What a file says that is still on its way is read by a turn that must not be later than what is gone through.
            if attached.are_there(tx, scope, clock()):
                wishes.go_through_again(tx, wish, clock())
            return False
        wishes.note_clean(tx, wish)
        return True


def drop_all(database: Database, wish: Wish, seconds: float) -> bool:
    """Let nothing be found any more that was said to somebody of whom all is forgotten; tell whether that is so."""
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        with database.write() as tx:
            scope = places.scope(tx, wish.what.subject, wish.until_turn, wish.until_at)
            mine = next(place for place in PLACES if place.table is said).rows(scope)
            found = tx.execute(select(said).where(mine).limit(AT_A_TIME)).all()
            if not found:
                wishes.note_clean(tx, wish)
                return True
            history.drop(tx, found)
    return False


def _is_quiet(tx: Connection, wish: Wish, scope: Scope) -> bool:
    return places.is_quiet(tx, scope, wish.traces.says) and attached.is_quiet(tx, wish, scope)


def _stretch(database: Database, wish: Wish, place: Place, scope: Scope) -> Any:  # noqa: ANN401 - a key
    """Go through the next rows of a table; return the key of the last, or nothing when there are no more."""
    last = wish.progress.get(place.table.name)
    mine = [place.rows(scope), *([] if last is None else [place.key > last])]
    # As text: most of it says nothing of what is looked for, and need not be read as JSON.
    columns = [cast(place.table.c[name], String).label(name) for name in place.words]
    with database.read() as tx:
        found = tx.execute(select(place.key.label("key"), *columns).where(*mine).order_by(place.key).limit(AT_A_TIME)).all()
    held = [row.key for row in found if any(wish.traces.may_hold(text) for text in row[1:] if text)]
    reached = found[-1].key if len(found) == AT_A_TIME else ""
    with database.write() as tx:
        cleaned = sum(_clean(tx, row, place, wish) for row in _rows(tx, place, held)) if held else 0
        wishes.note_progress(tx, wish, {**wish.progress, place.table.name: reached}, cleaned)
    return reached


def _rows(tx: Connection, place: Place, keys: Sequence[object]) -> Sequence[Row[Any]]:
    return tx.execute(select(place.table).where(place.key.in_(keys), places.over(place))).all()


def _clean(tx: Connection, row: Row[Any], place: Place, wish: Wish) -> bool:
    """Clean one row; tell whether it said anything of what is to be forgotten."""
    traces = wish.traces
    told_there = place.turn is not None and getattr(row, place.turn.name) in wish.what.turns
    before = {name: getattr(row, name) for name in place.words}
    if place.table is transcript:
        after: dict[str, Any] = {"content": _entry(row.content, traces, told_there=told_there)}
    else:
        after = {name: traces.clean_json(value, told_there=told_there) for name, value in before.items()}
    if after == before:
        return False
    tx.execute(update(place.table).where(place.key == getattr(row, place.key.name)).values(**after))
    if place.table is transcript:
        _drop_thoughts(tx, row.turn_id)
        forget_entries(tx, row.conversation_id, [row.id])
    elif place.table is inbox:
        corrections.unlearn(tx, [row.id])
    elif place.table is outbox:
        tx.execute(delete(parts).where(parts.c.reply_id == row.id))
    elif place.table is said:
        history.reindex(tx, row, after["text"])
    return place.table is not said  # which says only once more what stands elsewhere


def _entry(content: list[dict[str, Any]], traces: Traces, *, told_there: bool) -> list[dict[str, Any]]:
    """Return an entry's blocks without what they say of it, and without thoughts, where these may say it."""
    return [
        {
            **block,
            **{name: traces.clean_json(block[name], told_there=told_there) for name in _WORDS.get(block["type"], ())},
        }
        for block in content
        if block["type"] != THOUGHT or not traces.may_hold(json.dumps(block, ensure_ascii=False))
    ]


def _drop_thoughts(tx: Connection, turn_id: int) -> None:
    """Keep no thoughts of a turn that said it: they cannot be read here, and may say it too."""
    for row in tx.execute(select(transcript.c.id, transcript.c.content).where(transcript.c.turn_id == turn_id)).all():
        kept = [block for block in row.content if block["type"] != THOUGHT]
        if len(kept) < len(row.content):
            tx.execute(update(transcript).where(transcript.c.id == row.id).values(content=kept))

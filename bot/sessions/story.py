"""The story of a session: everything that happened in a turn, as it happened, read from what was written down meanwhile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from bot.messages import Origin
from bot.ports import CONTENT, Call, Content, Text
from bot.sessions.listing import Session, counted
from bot.store.busy_tables import turn_events
from bot.store.tables import calls, inbox, outbox, parts, transcript
from bot.store.treasury_tables import ledger, reservations
from bot.treasury.prices import dollars
from bot.turn_events import Happening

_ENTRIES = select(transcript).where(transcript.c.turn_id == bindparam("turn")).order_by(transcript.c.id)
_MESSAGES = select(inbox).where(inbox.c.turn_id == bindparam("turn")).order_by(inbox.c.id)
_CALLS = select(calls).where(calls.c.turn_id == bindparam("turn"))
_EVENTS = select(turn_events).where(turn_events.c.turn_id == bindparam("turn")).order_by(turn_events.c.id)
_REQUESTS = (
    select(reservations.c.made_at, reservations.c.provider, reservations.c.key_id, reservations.c.model, ledger)
    .join(ledger, ledger.c.reservation_id == reservations.c.id, isouter=True)
    .where(reservations.c.turn_id == bindparam("turn"))
    .order_by(reservations.c.id)
)
_REPLIES = select(outbox).where(outbox.c.turn_id == bindparam("turn")).order_by(outbox.c.id)
_PARTS = select(parts).where(parts.c.reply_id == bindparam("reply")).order_by(parts.c.position)
_SAID = {
    Happening.WAITS: "waits",
    Happening.GOES_ON: "goes on",
    Happening.WORKER_DIED: "taken over",
    Happening.STOPPED: "stopped",
    Happening.INTERRUPTED: "interrupted",
    Happening.NOT_ANSWERED: "refused",
}


@dataclass(frozen=True)
class Event:
    """Something that happened; `words` are what was said or given."""

    at: datetime
    what: str
    head: str = ""
    words: str = ""


def of_session(tx: Connection, one: Session, *, costs: bool = True) -> list[Event]:
    """Return what happened in a turn, in the order of time."""
    key = {"turn": one.id}
    told = chain(
        _messages(tx, key),
        _entries(tx, key),
        _requests(tx, key, costs=costs),
        (Event(row.at, _SAID[Happening(row.kind)], words=row.words) for row in tx.execute(_EVENTS, key)),
        _replies(tx, key),
    )
    return sorted(told, key=lambda event: event.at)


def _messages(tx: Connection, key: Mapping[str, int]) -> Iterator[Event]:
    """Tell when messages came; what they say stands where they were read."""
    for row in tx.execute(_MESSAGES, key):
        again = f", {counted(row.kills, 'worker')} died over it" if row.kills else ""
        written = f"written {row.sent_at:%H:%M:%S} UTC"
        yield Event(row.received_at, "taken in", f"message {row.id} on {row.channel}, {written}{again}")


def _entries(tx: Connection, key: Mapping[str, int]) -> Iterator[Event]:
    journal = {row.call_id: row for row in tx.execute(_CALLS, key)}
    was_asked = False
    for row in tx.execute(_ENTRIES, key):
        content = CONTENT.validate_python(row.content)
        words = "".join(block.text for block in content if isinstance(block, Text)).strip()
        if row.role == "butler":
            was_asked = True
            if words:
                yield Event(row.at, "says", "left out of the prompt" if row.withdrawn else "", words)
            yield from _calls(content, journal, row.at)
        elif words:
            yield Event(row.at, _reading(row, was_asked=was_asked), "a stranger’s" * (row.origin == Origin.STRANGER), words)


def _reading(row: Row[Any], *, was_asked: bool) -> str:
    if row.origin == Origin.HOUSE:
        return "house"
    return "steered" if was_asked else "reads"


def _calls(content: Content, journal: Mapping[str, Row[Any]], at: datetime) -> Iterator[Event]:
    for block in content:
        if not isinstance(block, Call):
            continue
        row = journal.get(block.id)
        if row is None:
            yield Event(at, "call", f"{in_brackets(block.name, block.arguments)}: never begun")
            continue
        took = f" in {(row.ended_at - row.begun_at).total_seconds():.2f} s" if row.ended_at is not None else ""
        state = {"begun": "under way", "done": "done", "unknown": "nobody knows whether it was done"}[row.state]
        failed = ", failed" if row.is_error and row.state == "done" else ""
        foreign = ", a stranger’s words in it" if row.stranger else ""
        head = f"{in_brackets(row.tool, row.arguments)}: {row.effect}, {state}{took}{failed}{foreign}"
        yield Event(row.begun_at, "call", head, row.result or "")


def in_brackets(tool: str, arguments: Mapping[str, object]) -> str:
    """Return a call with all its arguments."""
    return f"{tool}({', '.join(f'{name}: {value}' for name, value in arguments.items())})"


def _requests(tx: Connection, key: Mapping[str, int], *, costs: bool) -> Iterator[Event]:
    for row in tx.execute(_REQUESTS, key):
        head = f"{row.model} by {row.key_id} ({row.provider})"
        if row.at is None:
            yield Event(row.made_at, "asks", f"{head}: under way")
            continue
        took = f"{(row.at - row.made_at).total_seconds():.1f} s"
        dear = f", ${dollars(row.cost):.4f}" if costs else ""
        if not row.reported:
            used = f"its usage was never reported, so all that was reserved is charged{dear}"
        elif not row.tokens and not row.output:
            used = "nothing was charged"
        else:
            cached = f", {row.cache_read:,} read from cache" * bool(row.cache_read)
            kept = f", {row.cache_write:,} written to it" * bool(row.cache_write)
            used = f"{row.input:,} tokens in{cached}{kept}, {row.output:,} out{dear}"
        yield Event(row.made_at, "asks", f"{head}, {took}: {used}")


def _replies(tx: Connection, key: Mapping[str, int]) -> Iterator[Event]:
    for row in tx.execute(_REPLIES, key).all():
        why = f": {row.error}" if row.error else ""
        again = f" after {counted(row.attempts, 'further try') if row.attempts == 1 else f'{row.attempts} further tries'}"
        state = f"{row.state}{again if row.attempts else ''}{why}"
        yield Event(row.created_at, "replies", f"{row.kind}, reply {row.id}, {state}", row.text)
        pieces = tx.execute(_PARTS, {"reply": row.id}).all()
        for one in pieces:
            if one.sent_at is not None:
                doubt = f", sent again {counted(one.doubts, 'time')} in doubt" if one.doubts else ""
                kind = " (a picture or a file)" if one.enclosed else ""
                yield Event(one.sent_at, "delivered", f"part {one.position + 1} of {len(pieces)}{kind}{doubt}")

"""Ailments: what can be wrong with a house without anybody having said so; looking for them costs milliseconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, String, bindparam, func, literal, or_, select

from bot.people import TERMINAL
from bot.schedules.runs import HOUSE
from bot.store.schedule_tables import ON, schedules
from bot.store.tables import CLAIMED, GONE, OPEN, PENDING, WAITING, calls, conversations, inbox, outbox, transcript, turns
from bot.store.treasury_tables import HELD, keys, reservations, rests
from bot.treasury.rests import Kind

OVERDUE_AFTER = timedelta(minutes=1)
STUCK_AFTER = timedelta(minutes=15)
UNHEARD_AFTER = timedelta(minutes=1)
UNDELIVERED_AFTER = timedelta(minutes=10)
NEWS_FOR = timedelta(days=2)  # what was never delivered for longer, to a chat that is set up no more, is no news
GIVEN_UP_SINCE = timedelta(hours=1)


@dataclass(frozen=True)
class Ailment:
    """Something that is wrong, in a sentence; what owners hear of in another way is not told once more."""

    kind: str
    words: str
    is_told: bool = True


_OVERDUE = select(func.count(), func.min(schedules.c.fire_at)).where(
    # Few are overdue, and many are a butler's: of the two indexes, the other one is not to be taken.
    ON,
    schedules.c.fire_at <= bindparam("before"),
    literal("", String) + schedules.c.butler == bindparam("whose"),
)
_LONG = (
    select(turns.c.id, turns.c.trigger, turns.c.started_at, conversations.c.channel)
    .join(conversations, conversations.c.id == turns.c.conversation_id)
    .where(CLAIMED, OPEN, turns.c.butler == bindparam("whose"), turns.c.started_at <= bindparam("before"))
    .order_by(turns.c.started_at, turns.c.id)  # by the number alone SQLite reads all turns instead of the open ones
)
_SIGNS = (
    select(func.max(transcript.c.at)).where(transcript.c.turn_id == bindparam("turn")),
    select(func.max(calls.c.begun_at)).where(calls.c.turn_id == bindparam("turn")),
    select(func.max(calls.c.ended_at)).where(calls.c.turn_id == bindparam("turn")),
    select(func.max(reservations.c.made_at)).where(HELD, reservations.c.turn_id == bindparam("turn")),
)
_FREE = (
    conversations.c.claim.is_(None),
    or_(conversations.c.wake_at.is_(None), conversations.c.wake_at <= bindparam("before")),
)
_UNHEARD = (
    select(inbox.c.conversation_id, inbox.c.received_at.label("since"))
    .join(conversations, conversations.c.id == inbox.c.conversation_id)
    .where(WAITING, inbox.c.received_at <= bindparam("before"), *_FREE)
    .where(func.coalesce(inbox.c.butler, conversations.c.butler, bindparam("default")) == bindparam("whose"))
)
_LEFT = (
    select(turns.c.conversation_id, func.coalesce(conversations.c.wake_at, turns.c.started_at).label("since"))
    .join(conversations, conversations.c.id == turns.c.conversation_id)
    .where(OPEN, turns.c.butler == bindparam("whose"), turns.c.started_at <= bindparam("before"), *_FREE)
)
_LATE = (
    select(conversations.c.channel, func.count().label("replies"), func.min(outbox.c.created_at).label("since"))
    .add_columns(func.max(outbox.c.error).label("error"))
    .join(conversations, conversations.c.id == outbox.c.conversation_id)
    .where(PENDING, outbox.c.created_at.between(bindparam("since"), bindparam("before")), conversations.c.channel != TERMINAL)
    .group_by(conversations.c.channel)
    .order_by(conversations.c.channel)
)
_GIVEN_UP = (
    select(conversations.c.channel, func.count().label("replies"), func.max(outbox.c.error).label("error"))
    .join(conversations, conversations.c.id == outbox.c.conversation_id)
    .where(GONE, outbox.c.next_try_at > bindparam("since"))  # of its last try
    .group_by(conversations.c.channel)
    .order_by(conversations.c.channel)
)
_UNUSED = (
    select(keys.c.id, rests.c.kind, rests.c.reason)
    .join(rests, rests.c.subject == literal("key:", String) + keys.c.id)
    .where(keys.c.is_set, rests.c.model == "", rests.c.kind.in_([Kind.REFUSED.value, Kind.NO_CREDIT.value]))
    .where(or_(rests.c.until.is_(None), rests.c.until > bindparam("now")))
    .order_by(keys.c.position)
)


def of_butler(tx: Connection, butler: str, default: str, now: datetime) -> list[Ailment]:
    """Return what is wrong with a butler; the default one also has what is nobody's."""
    return [*_overdue(tx, butler, now), *_stuck(tx, butler, now), *_unheard(tx, butler, default, now)]


def of_house(tx: Connection, now: datetime) -> list[Ailment]:
    """Return what is wrong with what all butlers share."""
    return [*_undelivered(tx, now), *_given_up(tx, now), *_unused_keys(tx, now)]


def minutes(span: timedelta) -> str:
    """Return a span in words."""
    whole = max(span // timedelta(minutes=1), 1)
    if whole >= 120:  # noqa: PLR2004 - two hours
        return f"{whole // 60} hours"
    return f"{whole} minute{'s' if whole != 1 else ''}"


def _overdue(tx: Connection, butler: str, now: datetime) -> list[Ailment]:
    count, first = tx.execute(_OVERDUE, {"whose": butler, "before": now - OVERDUE_AFTER}).one()
    if not count:
        return []
    what = "schedule is" if count == 1 else "schedules are"
    return [Ailment("due", f"{count} {what} overdue at {butler}, the first by {minutes(now - first)}.")]


def _stuck(tx: Connection, butler: str, now: datetime) -> list[Ailment]:
    before = now - STUCK_AFTER
    found = []
    for row in tx.execute(_LONG, {"whose": butler, "before": before}).all():
        sign = _last_sign(tx, row.id, row.started_at)
        if sign > before:
            continue
        cure = "" if row.channel == HOUSE else " `/stop` in its chat ends it."
        words = f"Turn {row.id} of {butler} ({row.trigger}) has come no further for {minutes(now - sign)}.{cure}"
        found.append(Ailment("stuck", words))
    return found


def _last_sign(tx: Connection, turn_id: int, began: datetime) -> datetime:
    """Return when a turn last came further, as far as that was noted."""
    noted: list[datetime | None] = [began, *(tx.scalar(sign, {"turn": turn_id}) for sign in _SIGNS)]
    return max(at for at in noted if at is not None)


def _unheard(tx: Connection, butler: str, default: str, now: datetime) -> list[Ailment]:
    before = now - UNHEARD_AFTER
    waiting = tx.execute(_UNHEARD, {"whose": butler, "default": default, "before": before}).all()
    rows = [*waiting, *tx.execute(_LEFT, {"whose": butler, "before": before}).all()]
    if not rows:
        return []
    count = len({row.conversation_id for row in rows})
    what = "conversation waits" if count == 1 else "conversations wait"
    words = f"{count} {what} for a worker at {butler}, the first for {minutes(now - min(row.since for row in rows))}."
    return [Ailment("unheard", words)]


def _undelivered(tx: Connection, now: datetime) -> list[Ailment]:
    rows = tx.execute(_LATE, {"since": now - NEWS_FOR, "before": now - UNDELIVERED_AFTER})
    return [
        Ailment(
            f"undelivered:{row.channel}",
            f"{_replies(row.replies)} could not be brought to {row.channel} for {minutes(now - row.since)}{_because(row)}.",
        )
        for row in rows
    ]


def _given_up(tx: Connection, now: datetime) -> list[Ailment]:
    rows = tx.execute(_GIVEN_UP, {"since": now - GIVEN_UP_SINCE})
    return [
        Ailment(
            f"given up:{row.channel}",
            f"{_replies(row.replies)} to {row.channel} had to be given up in the last hour{_because(row)}. "
            "`/failed` shows more.",
        )
        for row in rows
    ]


def _unused_keys(tx: Connection, now: datetime) -> list[Ailment]:
    rows = tx.execute(_UNUSED, {"now": now})
    return [Ailment("key", f"The key {row.id} is not used ({row.kind}): {row.reason}", is_told=False) for row in rows]


def _replies(count: int) -> str:
    return f"{count} repl{'y' if count == 1 else 'ies'}"


def _because(row: Row[Any]) -> str:
    return f" ({row.error})" if row.error else ""

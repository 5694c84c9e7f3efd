"""The list of sessions: what began each, who did it, how long it took, what it used and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, select

from bot.names import one_line
from bot.progress import duration
from bot.store.tables import calls, conversations, people, turns
from bot.store.treasury_tables import ledger
from bot.treasury.prices import dollars

LONGEST_REASON = 80  # characters
UNDER_WAY = {"running": "at work", "waiting": "waits"}
_OUTCOMES = {**UNDER_WAY, "parked": "set aside", "split": "tried again in parts"}
_FAULTS = ("failed", "waiting", "parked")  # of which the reason is told
_TOKENS = ledger.c.input + ledger.c.output + ledger.c.cache_read + ledger.c.cache_write
_USED = (
    select(func.coalesce(func.sum(_TOKENS), 0)).where(ledger.c.turn_id == turns.c.id).scalar_subquery().label("tokens"),
    select(func.coalesce(func.sum(ledger.c.cost), 0)).where(ledger.c.turn_id == turns.c.id).scalar_subquery().label("cost"),
    select(func.count()).select_from(calls).where(calls.c.turn_id == turns.c.id).scalar_subquery().label("called"),
)
_SESSIONS = (
    select(turns, people.c.name.label("person"), conversations.c.channel, conversations.c.private, *_USED)
    .join(people, people.c.id == turns.c.person_id)
    .join(conversations, conversations.c.id == turns.c.conversation_id)
)


PLACE = select(turns.c.conversation_id).where(turns.c.id == bindparam("turn"))
Condition = ColumnElement[bool]


@dataclass(frozen=True)
class Session:
    """A turn, as it is listed."""

    id: int
    person_id: int
    person: str
    conversation_id: int
    channel: str
    private: bool
    butler: str
    trigger: str
    began_at: datetime
    ended_at: datetime | None
    steps: int
    calls: int
    tokens: int
    cost: int  # nano-dollars
    state: str
    error: str | None
    follows: int | None

    @property
    def outcome(self) -> str:
        """How it ended, in words, with the reason where it failed."""
        word = _OUTCOMES.get(self.state, self.state)
        reason = one_line(self.error or "", LONGEST_REASON) if self.state in _FAULTS else ""
        more = "…" if reason and len(self.error or "") > LONGEST_REASON else ""
        return f"{word}: {reason}{more}" if reason else word

    def took(self, now: datetime) -> str:
        """How long it took, or takes already."""
        seconds = ((self.ended_at or now) - self.began_at).total_seconds()
        return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)  # noqa: PLR2004 - seconds of a minute

    def used(self, *, costs: bool) -> str:
        """What it used."""
        dear = [f"${dollars(self.cost):.4f}"] if costs else []
        return " · ".join((counted(self.steps, "step"), counted(self.calls, "call"), f"{self.tokens:,} tokens", *dear))


def find(tx: Connection, where: Sequence[Condition] = (), *, limit: int | None = None, offset: int = 0) -> list[Session]:
    """Return sessions, the newest first."""
    wanted = _SESSIONS.where(*where).order_by(turns.c.id.desc())
    if limit is not None:
        wanted = wanted.limit(limit).offset(offset)
    return [_session(row) for row in tx.execute(wanted)]


def get(tx: Connection, number: int, where: Sequence[Condition] = ()) -> Session | None:
    """Return a session; None where there is none of this number for whom the conditions stand."""
    row = tx.execute(_SESSIONS.where(turns.c.id == number, *where)).first()
    return None if row is None else _session(row)


def of_person(person_id: int, place: int | None) -> tuple[Condition, ...]:
    """Return the condition for a person's own sessions; in a group those of the group only."""
    mine = (turns.c.person_id == person_id,)
    return mine if place is None else (*mine, turns.c.conversation_id == place)


def in_a_line(one: Session, now: datetime, zone: ZoneInfo, *, costs: bool = True, whose: bool = False) -> str:
    """Return a session on one line, as the shell and a butler read it."""
    began = f"{one.began_at.astimezone(zone):%Y-%m-%d %H:%M}"
    who = f", for {one.person}" if whose else ""
    return f"{one.id}: {began}, {one.butler}, {one.trigger}{who}, {one.took(now)}, {one.used(costs=costs)}, {one.outcome}"


def counted(number: int, what: str) -> str:
    """Return a number of things."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        person_id=row.person_id,
        person=row.person,
        conversation_id=row.conversation_id,
        channel=row.channel,
        private=row.private,
        butler=row.butler,
        trigger=row.trigger,
        began_at=row.started_at,
        ended_at=row.ended_at,
        steps=row.steps,
        calls=row.called,
        tokens=int(row.tokens),
        cost=int(row.cost),
        state=row.state,
        error=row.error,
        follows=row.follows,
    )

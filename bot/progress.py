"""How far a turn is, in a line: what is being done, and what becomes of what was written meanwhile.

All of it is read from the database, so that it is true after a crash of the bot or of the worker as well.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bot.people import Mode
from bot.store.tables import WAITING, calls, inbox, people, turns
from bot.store.tables import conversations as places

SIGN = "⏳"
THINKING = "thinking"
NOTED = "(noted; I read it at my next step)"
WAITS = "(it waits until this is done)"
ANEW = "(I stopped, and begin anew with all that you asked)"
_RUNS = (
    select(turns, people.c.mode)
    .join(places, places.c.id == turns.c.conversation_id)
    .join(people, people.c.id == turns.c.person_id)
    .where(turns.c.id == bindparam("turn"), turns.c.state == "running", places.c.claim.is_not(None))
)
_IN_FLIGHT = (
    select(calls.c.tool, calls.c.doing)
    .where(calls.c.turn_id == bindparam("turn"), calls.c.state == "begun")
    .order_by(calls.c.begun_at, calls.c.tool)
)
_UNREAD = (
    select(inbox.c.person_id, inbox.c.butler)
    .where(inbox.c.conversation_id == bindparam("conversation"), WAITING)
    .order_by(inbox.c.id)
)


@dataclass(frozen=True)
class Progress:
    """How far a turn is."""

    since: datetime
    step: int
    doing: tuple[str, ...]
    note: str  # what becomes of what was written meanwhile; empty when nothing was

    def in_words(self, now: datetime, *, silent: bool) -> str:
        """Return the line; what is being done stands in it when nothing has been heard of the turn for a while."""
        what = self.doing[0] if self.doing else THINKING
        more = f" and {len(self.doing) - 1} more" if len(self.doing) > 1 else ""
        step = f" (step {self.step})" if self.step > 1 else ""
        done = f"{SIGN} {duration((now - self.since).total_seconds())}: {what}{more}{step}" if silent else ""
        return " ".join(filter(None, (done, self.note)))


def of_turn(tx: Connection, turn_id: int) -> Progress | None:
    """Return how far a turn is; None when it does not run now."""
    row = tx.execute(_RUNS, {"turn": turn_id}).first()
    if row is None:
        return None
    doing = tuple(one.doing or tool_in_words(one.tool) for one in tx.execute(_IN_FLIGHT, {"turn": turn_id}))
    mode = Mode(row.mode or Mode.STEER)
    note = ANEW if row.follows is not None and not row.steps else ""
    return Progress(row.started_at, row.steps + 1, doing, _note(tx, row, mode) or note)


def _note(tx: Connection, turn: Any, mode: Mode) -> str:  # noqa: ANN401 - a row
    unread = tx.execute(_UNREAD, {"conversation": turn.conversation_id}).all()
    mine = [row for row in unread if row.person_id == turn.person_id]
    if mine and mine[0].butler in (None, turn.butler) and mode is not Mode.QUEUE:
        return NOTED
    return WAITS if unread else ""


def tool_in_words(name: str) -> str:
    """Return a tool's name as a person reads it."""
    return f"using {name.replace('_', ' ')}"


def duration(seconds: float) -> str:
    """Return how long something takes, in the two units that matter."""
    whole = max(0, int(seconds))
    if whole < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004 - and of an hour
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"

"""The heartbeat: looks after the house and each butler every minute, asks no model, and says what is wrong."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from bot import ailments, questions
from bot.ailments import Ailment
from bot.household import Household
from bot.notices import tell_owners
from bot.people import Gate
from bot.store.database import Database
from bot.store.schedule_tables import beats
from bot.store.tables import workers
from bot.turn import Clock

HOUSE = ""  # what all butlers share
LOOKS_AGAIN_AFTER = timedelta(seconds=30)  # where several clocks run, one of them looks
STALE_AFTER = timedelta(minutes=3)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heartbeat:
    """Looks after all; what it finds twice in a row is told to the owners, once a day for each kind."""

    database: Database
    gate: Gate
    household: Callable[[], Household]
    clock: Clock

    def beat(self) -> list[int]:
        """Look after the house and every butler; return the conversations that have something to deliver."""
        butlers = (HOUSE, *self.household().butlers)
        rung = self._alone("what is gone", lambda: self._forget_others(butlers))
        for butler in butlers:
            rung += self._alone(butler or "the house", lambda butler=butler: self.tick(butler))  # type: ignore[misc]
        return rung

    def tick(self, butler: str) -> list[int]:
        """Look after one butler, or after what all share; return the conversations that have something to deliver."""
        now = self.clock()
        with self.database.read() as tx:
            last = tx.execute(select(beats).where(beats.c.butler == butler)).first()
            if last is not None and timedelta(0) <= now - last.at < LOOKS_AGAIN_AFTER:
                return []
            found = ailments.of_house(tx, now) if butler == HOUSE else ailments.of_butler(tx, butler, self._default, now)
        known = {one["kind"] for one in last.findings} if last is not None else set()
        with self.database.write() as tx:
            rung = questions.expire(tx, now) if butler == HOUSE else []
            for one in found:
                if one.is_told and one.kind in known:
                    rung += tell_owners(tx, self.gate, f"beat:{one.kind}", one.words, now)
            _note(tx, butler, found, now)
        return rung

    @property
    def _default(self) -> str:
        return self.household().default

    def _alone(self, whom: str, look: Callable[[], list[int]]) -> list[int]:
        """Let what goes wrong with one harm no other."""
        try:
            return look()
        except SQLAlchemyError:
            log.exception("%s could not be looked after", whom)
            return []

    def _forget_others(self, butlers: Sequence[str]) -> list[int]:
        """Forget what was found of butlers that are gone."""
        others = beats.c.butler.not_in(butlers)
        with self.database.read() as tx:
            if tx.execute(select(beats.c.butler).where(others)).first() is None:
                return []
        with self.database.write() as tx:
            tx.execute(delete(beats).where(others))
        return []


def _note(tx: Connection, butler: str, found: Sequence[Ailment], now: datetime) -> None:
    values = {"at": now, "findings": [{"kind": one.kind, "words": one.words} for one in found]}
    tx.execute(
        insert(beats).values(butler=butler, **values).on_conflict_do_update(index_elements=[beats.c.butler], set_=values)
    )


def in_words(tx: Connection, now: datetime, *, with_findings: bool) -> list[str]:
    """Return what the clock found when it last looked after the house, and whether one runs at all, a line each."""
    rows = tx.execute(select(beats).order_by(beats.c.butler)).all()
    last = max((row.at for row in rows), default=None)
    since = last or tx.scalar(select(func.min(workers.c.started_at)))  # a house that has just begun lacks nothing yet
    if since is not None and now - since > STALE_AFTER:
        ago = "" if last is None else f" It last looked {ailments.minutes(now - last)} ago."
        return [f"Clock: none is running, so that nothing is done at its time.{ago}"]
    if not with_findings:
        return []
    stale = [row.butler or "the house" for row in rows if now - row.at > STALE_AFTER]
    lines = [f"⚠ {whom} could not be looked after; the clock’s log says why" for whom in stale]
    return lines + [f"⚠ {one['words']}" for row in rows for one in row.findings]

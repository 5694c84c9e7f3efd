"""Reflection: what butlers do by themselves for everybody who talks with them, as long as their folder says how."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select, update

from bot import people
from bot.household import Butler
from bot.practice import path_of
from bot.roles import Right
from bot.schedules import book
from bot.schedules import when as times
from bot.schedules.book import Draft, Schedule, Source
from bot.schedules.looks import BY_A_MESSAGE
from bot.schedules.when import When
from bot.store.schedule_tables import schedules
from bot.store.tables import conversations, transcript, turns
from bot.treasury.prices import nano

REVERIE, CONSOLIDATION = "reverie", "consolidation"
EVERY = timedelta(minutes=30)
AT_NIGHT = "0 3 * * *"
MOST, MOST_IN_A_MONTH = nano(Decimal("0.05")), nano(Decimal(1))
LOOK = {"name": "new_message", "conversation": "any"}
_LAST = select(func.max(turns.c.id))


@dataclass
class Pairs:
    """Who has talked with which butler in private, found out from each turn once."""

    _met: dict[str, set[int]] = field(default_factory=dict)
    _last: int = 0

    def look(self, tx: Connection) -> bool:
        """Look through the turns since the last time; tell whether somebody talked with a butler for the first time."""
        last = tx.scalar(_LAST) or 0
        if last == self._last:
            return False
        private = (turns.c.trigger == BY_A_MESSAGE, conversations.c.private.is_(True))
        found = select(turns.c.person_id, turns.c.butler).distinct().join(conversations)
        rows = tx.execute(found.where(turns.c.id > self._last, turns.c.id <= last, *private)).all()
        self._last = last
        new = [row for row in rows if row.person_id not in self._met.get(row.butler, ())]
        for row in new:
            self._met.setdefault(row.butler, set()).add(row.person_id)
        return bool(new)

    def of(self, tx: Connection, butler: str) -> list[int]:
        """Return who has talked with a butler and may have things done at times."""
        met = sorted(self._met.get(butler, ()))
        return [person_id for person_id in met if people.person(tx, person_id).may(Right.SCHEDULE)]


def drafts(butler: Butler, person_id: int, zone: ZoneInfo, now: datetime) -> Iterator[Draft]:
    """Give what a butler does by itself for somebody with whom it talked."""
    whens = {REVERIE: times.every(EVERY, zone, now), CONSOLIDATION: times.cron(AT_NIGHT, zone, now)}
    for name, when in whens.items():
        if name in butler.practices:
            yield _draft(butler.name, name, person_id, when)


def begin(tx: Connection, draft: Draft, now: datetime) -> Schedule:
    """Keep such a schedule; what was said until now is nothing new to it."""
    made = book.add(tx, draft, now)
    last = tx.scalar(select(func.max(transcript.c.id))) or 0
    tx.execute(update(schedules).where(schedules.c.id == made.id).values(cursor=last))
    return made


def _draft(butler: str, name: str, person_id: int, when: When) -> Draft:
    return Draft(
        butler=butler,
        name=name,
        source=Source.HOUSE,
        person_id=person_id,
        when=when,
        follows=False,
        prompt_file=path_of(name),
        check=dict(LOOK),
        silent=True,
        catch_up=book.CatchUp.LATEST,
        max_cost=MOST,
        max_cost_month=MOST_IN_A_MONTH,
    )

"""Synchronising: the book of schedules says what the butlers' files say, and of a butler that is gone nothing stays on."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, or_, select

from bot import people, unasked
from bot.household import Butler, Household
from bot.people import Gate
from bot.practice import Practice
from bot.schedules import book, reflection
from bot.schedules.book import Draft, OffBy, Schedule, Source
from bot.schedules.drafts import Setting, Unmet, differ, draft_of
from bot.schedules.reflection import Pairs
from bot.store.database import Database
from bot.store.schedule_tables import ON, schedules
from bot.store.tables import identities
from bot.turn import Clock
from bot.unasked import Word

Step = Callable[[Connection], list[int]]  # one change of the book; returns where something is to be delivered
_BUTLERS = select(schedules.c.butler).where(ON).distinct()
_KNOWN = select(func.count()).select_from(identities)
# Those that were made in a chat are left alone, but for what the going of their butler did to them.
_CONCERNED = or_(schedules.c.source != Source.CHAT, schedules.c.off_by == OffBy.BUTLER)
log = logging.getLogger(__name__)


@dataclass
class Sync:
    """Brings the book into line with the household whenever there may be a reason to."""

    database: Database
    gate: Gate
    household: Callable[[], Household]
    practice: Practice
    clock: Clock
    zone: ZoneInfo
    pairs: Pairs = field(default_factory=Pairs)
    _seen: Household | None = None
    _known: int = -1  # how many chat identities there were, where a schedule waits for somebody's first message

    def look(self) -> list[int]:
        """Synchronise if something has changed; return the conversations in which there is something to be delivered."""
        household = self.household()
        with self.database.read() as tx:
            met = self.pairs.look(tx)
            waited = self._known >= 0 and tx.scalar(_KNOWN) != self._known
        if household is self._seen and not met and not waited:
            return []
        told = self.run(household)
        self._seen = household
        return told

    def run(self, household: Household) -> list[int]:
        """Synchronise; where all is as it should be, nothing is written."""
        now = self.clock()
        with self.database.read() as tx:
            if not self._steps(tx, household, now):
                return []
        with self.database.write() as tx:
            return [place for step in self._steps(tx, household, now) for place in step(tx)]

    def _steps(self, tx: Connection, household: Household, now: datetime) -> list[Step]:
        self._known = -1
        setting = Setting(self.gate, self.zone, now)
        steps = [step for butler in household.butlers.values() for step in self._of(tx, butler, setting)]
        gone = [name for name in tx.scalars(_BUTLERS) if name not in household.butlers and not self.practice.is_here(name)]
        return steps + [partial(_gone, name, now) for name in sorted(gone)]

    def _of(self, tx: Connection, butler: Butler, setting: Setting) -> Iterator[Step]:
        standing = book.find(tx, schedules.c.butler == butler.name, _CONCERNED)
        mine = {one.name: one for one in standing if one.source is Source.TOML}
        for table in butler.schedules:
            known = mine.pop(table.name, None)
            try:
                draft = draft_of(tx, butler.name, table, known, setting)
            except Unmet as why:
                self._known = tx.scalar(_KNOWN) or 0
                log.info("schedule %s of %s waits: %s", table.name, butler.name, why)
            else:
                yield from self._put(draft, known, setting.now)
        for one in mine.values():
            if one.is_on or one.off_by is OffBy.BUTLER:
                yield partial(_off, one, OffBy.TOML)
        for one in standing:
            if one.source is Source.CHAT:
                yield from self._back(one, setting.now)
        yield from self._reflects(tx, butler, standing, setting.now)

    def _reflects(self, tx: Connection, butler: Butler, standing: Sequence[Schedule], now: datetime) -> Iterator[Step]:
        """Keep what a butler does by itself for everybody who talked with it."""
        kept: dict[tuple[str, int | None], Schedule] = {}
        for one in standing:
            if one.source is Source.HOUSE and kept.setdefault((one.name, one.person_id), one) is not one:
                yield partial(_off, one, OffBy.REMOVED)  # two chats became one person's, who needs it once
        for person_id in self.pairs.of(tx, butler.name):
            for draft in reflection.drafts(butler, person_id, self.zone, now):
                known = kept.get((draft.name, person_id))
                if known is None:
                    yield partial(_begin, draft, now)
                else:
                    yield from self._put(replace(draft, when=draft.when.going_on_from(known.when)), known, now)

    def _put(self, draft: Draft, known: Schedule | None, now: datetime) -> Iterator[Step]:
        """Let the book say what a file says."""
        if known is None:
            if draft.next_after(now) is None:
                log.info("schedule %s of %s is not kept: %s", draft.name, draft.butler, book.NEVER)
            else:
                yield partial(_add, draft, now)
            return
        is_changed = differ(draft, known)
        if is_changed:
            yield partial(_change, known, draft, now)
        wanted = replace(known, when=draft.when, until=draft.until, prompt_file=draft.prompt_file)
        if is_changed and known.off_by is OffBy.DONE and wanted.next_after(now) is not None:
            yield partial(_on, wanted, now)
        yield from self._back(wanted, now)

    def _back(self, known: Schedule, now: datetime) -> Iterator[Step]:
        """Switch on what was off for a reason that is over; what would never be due any more is done."""
        has_words = known.prompt_file is None or bool(self.practice.read(known.butler, known.prompt_file))
        if known.off_by in (OffBy.TOML, OffBy.BUTLER) or (known.off_by is OffBy.FILE and has_words):
            yield partial(_on, known, now) if known.next_after(now) is not None else partial(_off, known, OffBy.DONE)


def _add(draft: Draft, now: datetime, tx: Connection) -> list[int]:
    book.add(tx, draft, now)
    return []


def _begin(draft: Draft, now: datetime, tx: Connection) -> list[int]:
    reflection.begin(tx, draft, now)
    return []


def _change(known: Schedule, draft: Draft, now: datetime, tx: Connection) -> list[int]:
    """Change what a schedule says; one whose last time is past by what it says now is done."""
    if known.is_on and draft.next_after(now) is None:
        known = book.switch_off(tx, known.id, OffBy.DONE)
    book.change(tx, known, draft, now)
    return []


def _on(known: Schedule, now: datetime, tx: Connection) -> list[int]:
    book.switch_on(tx, known, now)
    return []


def _off(known: Schedule, why: OffBy, tx: Connection) -> list[int]:
    book.switch_off(tx, known.id, why)
    return []


def _gone(butler: str, now: datetime, tx: Connection) -> list[int]:
    """Switch off all schedules of a butler that is gone, and tell each person concerned once."""
    told = []
    live = sorted(book.find(tx, schedules.c.butler == butler, ON), key=lambda one: (one.person_id or 0, one.id))
    for one in live:
        book.switch_off(tx, one.id, OffBy.BUTLER)
    for person_id, theirs in groupby(live, lambda one: one.person_id):
        home = unasked.home_of(tx, person_id) if person_id is not None else None
        if person_id is not None and home is not None:
            names = ", ".join(f"{one.name} ({one.id})" for one in theirs)
            text = f"The butler **{butler}** has left the household, so that is off: {names}. It goes on when {butler} is back."
            unasked.say(tx, people.person(tx, person_id), home, Word(f"{butler} has left", text), now)
            told.append(home.id)
    return told

"""The desk: where butlers make, change and read the schedules of the person for whom they work."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from bot import conversations, heartbeat, people, unasked
from bot.heartbeat import Heartbeat
from bot.household import Household
from bot.people import TERMINAL
from bot.roles import Right, refusal
from bot.schedules import book, english, runs
from bot.schedules import when as times
from bot.schedules.book import Draft, OffBy, Purpose, Schedule, Source
from bot.schedules.firing import Fired, Firing
from bot.schedules.reading import read_when
from bot.schedules.runs import HOUSE
from bot.schedules.when import When
from bot.store.database import Database
from bot.store.schedule_tables import ON, schedules
from bot.store.tables import turns, workers
from bot.tools import Context
from bot.zones import read_zone

MOST, MOST_NUDGES = 100, 20  # live ones of a person and a butler, made by tools
MOST_TRIGGERS = 20  # that one request may begin, with all that these begin
LONGEST_NAME, LONGEST_PROMPT = 60, 8_000
AT_ONCE = timedelta(seconds=1)
ALIVE = timedelta(seconds=15)  # since a worker's last beat
START = 40  # characters of a prompt that name what has no name


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a butler wants done, and how."""

    purpose: Purpose
    prompt: str
    name: str = ""
    zone: str = ""
    silent: bool = False
    root_id: int | None = None


@dataclass(frozen=True)
class Desk:
    """Serves the tools of one turn at a time; `announce` tells who has to do something about what was fired."""

    database: Database
    household: Callable[[], Household]
    firing: Firing
    beat: Heartbeat
    announce: Callable[[Fired], object]

    def make(self, context: Context, when: str, wish: Wish) -> str:
        """Keep a schedule, once for each call, and return it in words. Raises ValueError with what is wrong."""
        with self.database.write() as tx:
            if (made := _made_before(tx, context)) is None:
                zone = read_zone(wish.zone) if wish.zone.strip() else context.zone
                made = self._keep(tx, context, read_when(when, context.now, zone), wish)
        return in_words(made, context)

    def begin(self, context: Context, wish: Wish) -> str:
        """Let a turn of its own begin now, paid by the turn that started this one. Raises ValueError with what is wrong."""
        with self.database.write() as tx:
            if (made := _made_before(tx, context)) is None:
                row = _turn(tx, context)
                at = times.once(context.now + AT_ONCE, context.zone)
                made = self._keep(tx, context, at, replace(wish, root_id=row.root_id or row.id))
        return f"It begins now, as schedule {made.id}; its answer comes as a message of its own."

    def replace_or_make(self, context: Context, when: str, key: str, wish: Wish) -> str:
        """Keep a schedule in the place of the one with the same key. Raises ValueError with what is wrong."""
        with self.database.write() as tx:
            made = _made_before(tx, context) or self._put(tx, context, read_when(when, context.now, context.zone), key, wish)
        return in_words(made, context)

    def _put(self, tx: Connection, context: Context, due: When, key: str, wish: Wish) -> Schedule:
        known = _find(tx, context, schedules.c.purpose == wish.purpose, schedules.c.name == key) if key.strip() else []
        if not known:
            return self._keep(tx, context, due, replace(wish, name=key))
        changed = replace(known[0], when=due, prompt=_prompt(wish), silent=wish.silent, made_by=context.key)
        return _change(tx, known[0], changed, context)

    def listed(self, context: Context) -> str:
        """Return all schedules of the person and the butler, a line each."""
        with self.database.read() as tx:
            found = _find(tx, context, schedules.c.off_by.is_distinct_from(OffBy.DONE))
        return "\n".join(in_words(one, context, with_prompt=True) for one in found) or "There are no schedules."

    def change(self, context: Context, schedule_id: int, values: dict[str, Any], *, on: bool | None) -> str:
        """Change a schedule, pause it or let it go on; return it in words. Raises ValueError with what is wrong."""
        with self.database.write() as tx:
            known = _own(tx, context, schedule_id)
            zone = read_zone(values.pop("zone")) if "zone" in values else known.when.zone
            if values or zone != known.when.zone:
                _refuse_kept(known)
                when = read_when(values.pop("when"), context.now, zone) if "when" in values else replace(known.when, zone=zone)
                follows = known.follows and zone == known.when.zone
                known = _change(tx, known, replace(known, when=when, follows=follows, **values), context, wanted=on)
            if on is not None and on != known.is_on:
                known = book.switch_on(tx, known, context.now) if on else book.switch_off(tx, known.id, OffBy.PERSON)
        return in_words(known, context)

    def remove(self, context: Context, schedule_id: int) -> str:
        """Remove a schedule. Raises ValueError for one that is kept for a file."""
        with self.database.write() as tx:
            known = _own(tx, context, schedule_id)
            _refuse_kept(known)
            book.switch_off(tx, known.id, OffBy.REMOVED)
        return f"Schedule {known.id} “{known.name}” is removed."

    def status(self, context: Context) -> str:
        """Return who the butler is and how the house stands."""
        butler = self.household().get(context.butler)
        with self.database.read() as tx:
            may_see = people.person(tx, context.person_id).may(Right.SEE_FAILURES) and context.subject.startswith("person:")
            health = heartbeat.in_words(tx, context.now, with_findings=may_see) or ["Health: nothing is wrong"]
            since = tx.scalar(select(func.min(workers.c.started_at)).where(workers.c.beat_at > context.now - ALIVE))
        modules = ", ".join(butler.modules) or "none"
        up = (
            "no worker shows that it is at work"
            if since is None
            else f"at work for {english.length(_whole(context.now - since))}"
        )
        return "\n".join((f"{butler.name}: {butler.description}", f"Modules: {modules}", *health, f"Uptime: {up}"))

    def tick(self, context: Context) -> str:
        """Carry out what is due and look after the butler now; return what came of it."""
        fired = self.firing.fire()
        told = self.beat.tick(context.butler)
        self.announce(Fired(fired.turns, [*fired.replies, *told]))
        return f"Runs that begin: {len(fired.turns)}. Chats that are told something: {len(fired.replies) + len(told)}."

    def _keep(self, tx: Connection, context: Context, when: When, wish: Wish) -> Schedule:
        person = people.person(tx, context.person_id)
        if not person.may(Right.SCHEDULE):
            raise ValueError(refusal(Right.SCHEDULE))
        prompt = _prompt(wish)
        name = " ".join(wish.name.split()) or " ".join(prompt.split())[:START]
        if len(name) > LONGEST_NAME:
            raise ValueError(f"A name has {LONGEST_NAME} characters at most.")
        _refuse_more(tx, context, wish, name)
        draft = Draft(
            butler=context.butler,
            name=name,
            source=Source.CHAT,
            purpose=wish.purpose,
            person_id=context.person_id,
            conversation_id=_place_id(tx, context),
            when=when,
            follows=not wish.zone.strip() and when.zone == context.zone,
            prompt=prompt,
            silent=wish.silent,
            exact=wish.purpose is Purpose.TRIGGER,
            root_id=wish.root_id,
            made_by=context.key,
        )
        return book.add(tx, draft, context.now)


def in_words(schedule: Schedule, context: Context, *, with_prompt: bool = False) -> str:
    """Return a schedule in words: number, name, when it is due and next, and how it stands."""
    off = "" if schedule.is_on else f" (off: {schedule.off_by})"
    kept = (
        ""
        if schedule.source is Source.CHAT
        else f" ({'butler.toml' if schedule.source is Source.TOML else schedule.prompt_file})"
    )
    silent = " (silent)" if schedule.silent else ""
    prompt = f" — {' '.join((schedule.prompt or schedule.prompt_file or '').split())[: START * 3]}" if with_prompt else ""
    due = english.in_words(schedule, context.zone, context.now)
    return f"Schedule {schedule.id} “{schedule.name}”{kept}{silent}{off}: {due}{prompt}"


def _whole(length: timedelta) -> timedelta:
    """Return a length of time in whole minutes, a minute at least."""
    return max(length // timedelta(minutes=1), 1) * timedelta(minutes=1)


def _prompt(wish: Wish) -> str:
    if not wish.prompt.strip():
        raise ValueError("The prompt is empty. Say what is to be done, such as “Brief me on the day.”")
    if len(wish.prompt) > LONGEST_PROMPT:
        raise ValueError(f"A prompt has {LONGEST_PROMPT} characters at most.")
    return wish.prompt.strip()


def _refuse_more(tx: Connection, context: Context, wish: Wish, name: str) -> None:
    """Refuse a second one of a name, and more than anybody can mean."""
    mine = (*_whose(context), schedules.c.source == Source.CHAT, ON)
    same = tx.scalar(select(schedules.c.id).where(*mine, schedules.c.name == name, schedules.c.purpose == Purpose.TASK))
    if wish.purpose is Purpose.TASK and same is not None:
        raise ValueError(
            f"Schedule {same} is named “{name}” already. Change that with schedule_update, or choose another name."
        )
    count = select(func.count()).select_from(schedules).where(*mine)
    if wish.purpose is Purpose.NUDGE and (tx.scalar(count.where(schedules.c.purpose == Purpose.NUDGE)) or 0) >= MOST_NUDGES:
        raise ValueError(f"{MOST_NUDGES} nudges wait already; delete one first.")
    if wish.purpose is Purpose.TRIGGER:
        begun = select(func.count()).select_from(schedules).where(*_whose(context), schedules.c.root_id == wish.root_id)
        if (tx.scalar(begun) or 0) >= MOST_TRIGGERS:
            raise ValueError(f"{MOST_TRIGGERS} turns were begun for this request already, and no more are; go on by yourself.")
    if (tx.scalar(count) or 0) >= MOST:
        raise ValueError(f"There are {MOST} schedules already; delete one first.")


def _refuse_kept(known: Schedule) -> None:
    """Refuse to change what the next look at a file would undo."""
    if known.source is not Source.CHAT:
        file = "butler.toml" if known.source is Source.TOML else known.prompt_file
        raise ValueError(
            f"“{known.name}” is kept for the butler's {file}, which says what it does. Disable it instead: on=false."
        )


def _change(tx: Connection, known: Schedule, draft: Schedule, context: Context, *, wanted: bool | None = True) -> Schedule:
    """Change a schedule; one whose times were over goes on when it has new ones."""
    changed = book.change(tx, known, draft, context.now)
    return book.switch_on(tx, changed, context.now) if changed.off_by is OffBy.DONE and wanted is not False else changed


def _whose(context: Context) -> tuple[ColumnElement[bool], ...]:
    return schedules.c.butler == context.butler, schedules.c.person_id == context.person_id


def _find(tx: Connection, context: Context, *where: ColumnElement[bool]) -> list[Schedule]:
    """Return a person's schedules with a butler; in a group, those that were made there, since others read along."""
    here = () if context.subject.startswith("person:") else (schedules.c.conversation_id == _place_id(tx, context),)
    return book.find(tx, *_whose(context), *here, *where)


def _own(tx: Connection, context: Context, schedule_id: int) -> Schedule:
    found = _find(tx, context, schedules.c.id == schedule_id)
    if not found:
        raise ValueError(f"{context.person} has no schedule {schedule_id} with you. schedule_list shows all.")
    return found[0]


def _made_before(tx: Connection, context: Context) -> Schedule | None:
    """Return what the same call made before a crash, whatever became of it since."""
    found = tx.scalar(select(schedules.c.id).where(schedules.c.made_by == context.key))
    return None if found is None else book.get(tx, found)


def _turn(tx: Connection, context: Context) -> Row[Any]:
    return tx.execute(select(turns).where(turns.c.id == context.turn_id)).one()


def _place_id(tx: Connection, context: Context) -> int | None:
    """Return where answers go: into the chat of the turn, or where the run's own answer goes; none: the main chat."""
    row = _turn(tx, context)
    place = conversations.get(tx, row.conversation_id)
    if place.address.channel == HOUSE:
        return runs.get(tx, row.run_id).schedule.conversation_id if row.run_id is not None else None
    home = unasked.home_of(tx, context.person_id)
    is_main = place.address.channel == TERMINAL or (home is not None and home.id == place.id)
    return None if is_main and place.address.private else place.id

"""Leaving: what becomes of a person's schedules when they are served no longer."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from bot.schedules import book
from bot.schedules import runs as run_book
from bot.schedules.book import LISTED, OffBy, Source
from bot.silence import private_conversations
from bot.store.schedule_tables import ON, held, runs, schedules
from bot.store.tables import turns

FORGOTTEN = "(forgotten)"


def switch_off(tx: Connection, person_id: int, now: datetime) -> None:
    """Let nothing be due for a person any more, and tell them nothing of what waits; they may take it up when they return.

    What stands in a butler's file is the owners', and goes on for another one.
    """
    mine = schedules.c.person_id == person_id
    own = (mine, schedules.c.source != Source.TOML)
    tx.execute(update(schedules).where(*own, ON).values(book.off(OffBy.PERSON)))
    run_book.stop_all(tx, _of(mine), "its person is served no longer", now)
    tx.execute(
        delete(held).where(or_(held.c.person_id == person_id, held.c.conversation_id.in_(private_conversations(person_id))))
    )


def forget(tx: Connection, person_id: int) -> None:
    """Blank the words of a person's schedules and of what came of them; when they were, and what they cost, stays."""
    mine = schedules.c.person_id == person_id
    tx.execute(update(runs).where(_of(mine)).values(why=None, note=None, fingerprint=None))
    own = (mine, schedules.c.source != Source.TOML)
    theirs = select(runs.c.id).where(_of(and_(*own)))
    tx.execute(update(turns).where(turns.c.run_id.in_(theirs)).values(trigger="schedule"))
    blank = {"name": FORGOTTEN, "prompt": "", "prompt_file": None, "check": None, "cursor": None, "off_by": OffBy.REMOVED}
    tx.execute(update(schedules).where(*own).values(blank))


def hand_on(tx: Connection, person_id: int) -> None:
    """Let the schedules of butlers' files be the next owner's who is there when they are due."""
    theirs = (schedules.c.person_id == person_id, schedules.c.source == Source.TOML)
    tx.execute(update(schedules).where(*theirs).values(person_id=None, conversation_id=None))


def end_doubles(tx: Connection, person_id: int) -> None:
    """Let what a butler does by itself for somebody who was two people be done once."""
    mine = (schedules.c.person_id == person_id, schedules.c.source == Source.HOUSE, LISTED)
    first = select(func.min(schedules.c.id)).where(*mine).group_by(schedules.c.butler, schedules.c.name)
    tx.execute(update(schedules).where(*mine, schedules.c.id.not_in(first)).values(book.off(OffBy.REMOVED)))


def _of(which: ColumnElement[bool]) -> ColumnElement[bool]:
    return runs.c.schedule_id.in_(select(schedules.c.id).where(which))

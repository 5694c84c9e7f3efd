"""What people are told without having asked: now, or in one digest when their quiet hours are over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from bot import conversations, outbox, people
from bot.conversations import Conversation
from bot.messages import Origin, ReplyKind
from bot.names import bold
from bot.people import Person
from bot.ports import Json
from bot.search import history
from bot.search.history import Speaker, Words
from bot.store.schedule_tables import held, runs

REMINDS = "⏰ "  # before the words of a reminder
_DUE = select(held).where(held.c.until <= bindparam("now")).order_by(held.c.conversation_id, held.c.id)


@dataclass(frozen=True)
class Word:
    """Something to be told: a title says what it is about, where several are told together."""

    title: str
    text: str
    origin: Origin | None = None  # who may have written it, where the butler of that chat is to know of it
    kind: ReplyKind = ReplyKind.NOTICE
    urgent: bool = False  # it does not wait for the end of quiet hours
    run_id: int | None = None
    turn_id: int | None = None
    enclosure: Json | None = None  # the file that it is
    made_by: str | None = None  # the key of the call that sends it, once


def home_of(tx: Connection, person_id: int) -> Conversation | None:
    """Return a person's main chat: their first one, the terminal only where there is no other."""
    homes = people.homes(tx, person_id)
    return conversations.find_or_open(tx, homes[0]) if homes else None


def say(tx: Connection, person: Person | None, place: Conversation, word: Word, now: datetime) -> int | None:
    """Tell a person something in a place, and return the reply; None when it waits for the end of their quiet hours.

    Quiet hours are one person's, so that they hold nothing back in a group.
    """
    until = None if person is None or word.urgent or not place.address.private else person.quiet_until(now)
    if until is None:
        if word.turn_id is None:  # what a turn said is found as its answer
            _note_told(tx, place, None if person is None else person.id, word.text, word.origin, now)
        more: dict[str, Any] = {"enclosure": word.enclosure, "made_by": word.made_by}
        return outbox.add(tx, place.id, word.kind, word.text, now, aside=word.origin, turn_id=word.turn_id, **more)
    values = {"conversation_id": place.id, "person_id": person.id if person else None, "until": until, "at": now}
    words = {"title": word.title, "text": word.text, "origin": word.origin, "run_id": word.run_id}
    file = {"enclosure": word.enclosure, "made_by": word.made_by}
    tx.execute(held.insert().values(**values, **words, **file))
    return None


def release(tx: Connection, now: datetime) -> list[int]:
    """Tell in one digest for each chat what waited and is due; return the conversations in which something is told."""
    due = tx.execute(_DUE, {"now": now}).all()
    if not due:
        return []
    told = []
    for conversation_id, rows in groupby(due, key=lambda row: row.conversation_id):
        _tell(tx, conversation_id, list(rows), now)
        told.append(conversation_id)
    tx.execute(delete(held).where(held.c.until <= now))
    return told


def hold_anew(tx: Connection, person_id: int, now: datetime) -> list[int]:
    """Let what waits for a person whose quiet hours changed wait until these end, or tell it; return where it is told."""
    until = people.person(tx, person_id).quiet_until(now)
    tx.execute(update(held).where(held.c.person_id == person_id).values(until=until or now))
    return release(tx, now) if until is None else []


def _tell(tx: Connection, conversation_id: int, rows: Sequence[Row[Any]], now: datetime) -> None:
    for row in rows:
        if row.made_by is not None:  # what a call sent stays a message of its own
            what: dict[str, Any] = {"enclosure": row.enclosure, "made_by": row.made_by, "aside": row.origin}
            outbox.add(tx, conversation_id, ReplyKind.ANSWER, row.text, now, **what)
    rows = [row for row in rows if row.made_by is None]
    if not rows:
        return
    origins = {row.origin for row in rows if row.origin is not None}
    origin = Origin.STRANGER if Origin.STRANGER in origins else Origin.HOUSE if origins else None
    kind = ReplyKind.ANSWER if origins else ReplyKind.NOTICE
    digest = _digest(tx, rows)
    whose = next((row.person_id for row in rows if row.person_id is not None), None)
    _note_told(tx, conversations.get(tx, conversation_id), whose, digest, origin, now)
    reply_id = outbox.add(tx, conversation_id, kind, digest, now, aside=origin)
    mine = [row.run_id for row in rows if row.run_id is not None]
    tx.execute(update(runs).where(runs.c.id.in_(mine)).values(reply_id=reply_id, told="told"))


def _note_told(
    tx: Connection, place: Conversation, person_id: int | None, text: str, origin: Origin | None, now: datetime
) -> None:
    """Let what was told be found; what the house says about itself is not."""
    if origin is not None and (person_id is not None or not place.address.private):
        subject = place.address.subject(person_id or 0)
        history.note(tx, Words(subject, place.id, None, Speaker.HOUSE, text, origin, now))


def _digest(tx: Connection, rows: Sequence[Row[Any]]) -> str:
    if len(rows) == 1:
        return str(rows[0].text)
    whose = next((row.person_id for row in rows if row.person_id is not None), None)
    zone = people.person(tx, whose).zone if whose is not None else None  # quiet hours are kept with their zone
    told = "\n\n".join(_item(row, zone or UTC) for row in rows)
    return f"While it was quiet:\n\n{told}"


def _item(row: Row[Any], zone: tzinfo) -> str:
    """Return one of several words with its time; a title that only says the same is left out."""
    at = f"{row.at.astimezone(zone):%H:%M}"
    if row.text == f"{REMINDS}{row.title}":
        return f"**{at}** {row.text}"
    return f"{bold(f'{at} {row.title}')}\n{row.text}"

"""Telling: what was found, in lines for a person and for a model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from bot import names
from bot.messages import Origin
from bot.schedules.runs import HOUSE
from bot.search.history import Speaker
from bot.search.snippets import snippet
from bot.search.wish import Wish
from bot.store.tables import conversations, people


@dataclass(frozen=True)
class Reader:
    """Who reads the lines: where, and in which zone; `you` is how this person's own words are shown."""

    person_id: int
    conversation_id: int | None
    zone: ZoneInfo
    you: str


def for_person(tx: Connection, rows: Sequence[Row[Any]], wish: Wish, reader: Reader) -> list[str]:
    """Return a line of Markdown for each, with the hits in bold."""
    return _lines(tx, rows, reader, lambda row: snippet(row.text, wish, lambda hit: f"**{names.plain(hit)}**", names.plain))


def for_model(tx: Connection, rows: Sequence[Row[Any]], wish: Wish, reader: Reader) -> list[str]:
    """Return a line for each, with the words as they were said."""
    return _lines(tx, rows, reader, lambda row: snippet(row.text, wish, str, str))


def _lines(tx: Connection, rows: Sequence[Row[Any]], reader: Reader, words: Callable[[Row[Any]], str]) -> list[str]:
    channels = _by_id(
        tx, select(conversations.c.id, conversations.c.channel), conversations.c.id, {r.conversation_id for r in rows}
    )
    writers = _by_id(tx, select(people.c.id, people.c.name), people.c.id, {r.person_id for r in rows if r.person_id})
    lines = []
    for row in rows:
        place = "here" if row.conversation_id == reader.conversation_id else _place(channels[row.conversation_id])
        at = row.at.astimezone(reader.zone)
        lines.append(f"{at:%Y-%m-%d %H:%M}, {_who(row, writers, reader)}, {place}: {words(row)}")
    return lines


def _place(channel: str) -> str:
    return "by a schedule" if channel == HOUSE else f"on {channel}"


def _who(row: Row[Any], writers: Mapping[int, str], reader: Reader) -> str:
    if row.speaker == Speaker.PERSON:
        who = reader.you if row.person_id == reader.person_id else names.escaped(writers[row.person_id])
        return f"{who} (forwarded)" if row.origin == Origin.STRANGER else who
    return {Speaker.TOOL: f"read with {row.name}", Speaker.HOUSE: "the house"}.get(row.speaker, str(row.name))


def _by_id(tx: Connection, query: Any, column: Any, wanted: set[int]) -> dict[int, str]:  # noqa: ANN401 - two tables
    return {row[0]: row[1] for row in tx.execute(query.where(column.in_(wanted)))}

"""What a table of a butler's file means in this house: for whom, where, and in whose zone."""

from dataclasses import dataclass, fields
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot import conversations, people
from bot.messages import Address, Sender
from bot.people import Gate, Person
from bot.schedules.book import CatchUp, Draft, Schedule, Source
from bot.schedules.table import ScheduleTable
from bot.treasury.prices import nano

_SAID = [one.name for one in fields(Draft) if one.name not in ("when", "made_by", "root_id")]


class Unmet(Exception):
    """A schedule waits for somebody's first message."""


@dataclass(frozen=True)
class Setting:
    """What a file leaves open: who is the owner, what is the house's zone, and from when on times are counted."""

    gate: Gate
    zone: ZoneInfo
    now: datetime


def draft_of(tx: Connection, butler: str, table: ScheduleTable, known: Schedule | None, setting: Setting) -> Draft:
    """Return what a table says. Raises Unmet when it names somebody, or a chat, of whom nothing was heard yet."""
    person = _person(tx, table, known, setting.gate)
    own = person.zone if person is not None else None
    zone = ZoneInfo(table.zone) if table.zone else own or setting.zone
    return Draft(
        butler=butler,
        name=table.name,
        source=Source.TOML,
        person_id=person.id if person is not None else None,
        conversation_id=_place(tx, table.to) if table.to else None,
        when=table.when(zone, setting.now).going_on_from(known.when if known else None),
        follows=table.zone is None,
        prompt=table.prompt or "",
        prompt_file=table.prompt_file,
        check=dict(table.check) if table.check is not None else None,
        silent=table.silent,
        urgent=table.urgent,
        exact=table.exact,
        catch_up=CatchUp(table.catch_up),
        until=table.ends(zone),
        max_cost=None if table.max_cost is None else nano(table.max_cost),
        max_cost_month=None if table.max_cost_month is None else nano(table.max_cost_month),
    )


def differ(draft: Draft, known: Schedule) -> bool:
    """Tell whether the book says something else than a file."""
    return not draft.when.is_like(known.when) or any(getattr(draft, name) != getattr(known, name) for name in _SAID)


def _person(tx: Connection, table: ScheduleTable, known: Schedule | None, gate: Gate) -> Person | None:
    """Return for whom a table is: whom it names, or the first owner."""
    if table.person is None:
        owner = next((owner for _, owner in people.owners(tx, gate) if owner is not None), None)
        return owner or (people.person(tx, known.person_id) if known is not None and known.person_id is not None else None)
    channel, _, name = table.person.partition(":")
    found = people.owner_of(tx, Sender(channel=channel, id=name, name=name))
    if found is None:
        raise Unmet(f"nobody is known as {table.person} yet")
    return found


def _place(tx: Connection, to: str) -> int:
    channel, _, chat = to.partition(":")
    found = conversations.find(tx, Address(channel=channel, chat=chat))
    if found is None:
        raise Unmet(f"nobody wrote in {to} yet")
    return found.id

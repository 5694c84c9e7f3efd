"""People, and the chat identities by which the house knows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, and_, bindparam, insert, or_, select, update

from bot import quiet
from bot.messages import Address, Sender
from bot.roles import MAY, Right, Role, may
from bot.settings import Settings
from bot.store.tables import identities, people

TERMINAL = "terminal"
_BY_ID = select(people).where(people.c.id == bindparam("person_id"))
_THIS_IDENTITY = and_(identities.c.channel == bindparam("on_channel"), identities.c.external_id == bindparam("as_id"))
_BY_IDENTITY = select(people, identities.c.source, identities.c.home).join(identities).where(_THIS_IDENTITY)
_WITH_IDENTITIES = select(people, identities).join(identities).order_by(people.c.id)
_HEAR = _WITH_IDENTITIES.where(
    or_(
        people.c.role.in_([role for role, rights in MAY.items() if Right.HEAR_TROUBLE in rights]),
        identities.c.external_id.in_(bindparam("named", expanding=True)),
        identities.c.short.in_(bindparam("named", expanding=True)),
    )
)


class Mode(StrEnum):
    """What becomes of a message that comes while a butler works."""

    STEER = "steer"  # it is read at the next step
    QUEUE = "queue"  # it begins the next turn


class Source(StrEnum):
    """By what the house knows a chat identity."""

    LIST = "list"  # the settings, as long as they name it
    PAIRED = "paired"  # an owner's yes
    LINKED = "linked"  # the person's own, out of another chat


@dataclass(frozen=True)
class Person:
    """Somebody the house serves."""

    id: int
    name: str
    role: Role
    zone: ZoneInfo | None = None  # none: the house's
    language: str = ""
    quiet: str = ""
    mode: Mode = Mode.STEER

    def may(self, right: Right) -> bool:
        """Tell whether this person has a right."""
        return may(self.role, right)

    def quiet_until(self, now: datetime) -> datetime | None:
        """Return until when unasked words wait for this person; None when they need not."""
        return quiet.end_of_quiet(self.quiet, self.zone, now) if self.quiet and self.zone else None


class Gate:
    """Who may speak to the house without being let in by an owner: an empty list names nobody."""

    def __init__(self, allowed: Mapping[str, frozenset[str]], owners: frozenset[tuple[str, str]]) -> None:
        self._allowed = allowed
        self.owners = owners

    def role(self, sender: Sender) -> Role | None:
        """Return what the settings make of a sender, or None when they do not name them."""
        if not self.names(sender.channel, sender.id, sender.short):
            return None
        return Role.OWNER if self.names_owner(sender.channel, sender.id, sender.short) else Role.MEMBER

    def names(self, channel: str, *ids: str | None) -> bool:
        """Tell whether a list of the settings holds one of the forms of an id."""
        return not self._allowed.get(channel, frozenset()).isdisjoint(ids)

    def names_owner(self, channel: str, *ids: str | None) -> bool:
        """Tell whether the settings name an owner by one of the forms of an id."""
        return any((channel, one) in self.owners for one in ids)


def gate(settings: Settings, terminal_user: str) -> Gate:
    """Return the gate as the settings say. Whoever can start the terminal chat can read the house's files: an owner."""
    allowed = {channel: frozenset(chat.allowed) for channel, chat in settings.chats.items()}
    allowed["terminal"] = frozenset({terminal_user})
    owners = {(channel, name) for channel, _, name in (owner.partition(":") for owner in settings.owners)}
    if not owners:
        owners = {(channel, name) for channel, chat in settings.chats.items() for name in chat.allowed[:1]}
    return Gate(allowed, frozenset(owners | {("terminal", terminal_user)}))


def recognise(tx: Connection, gate: Gate, sender: Sender, address: Address, now: datetime) -> Person | None:
    """Return the person behind a sender, made known at the first message; None for a stranger.

    An owner whom the settings name is one whatever the house was told since, so that nobody can lock himself out.
    """
    key = {"on_channel": sender.channel, "as_id": sender.id}
    row = tx.execute(_BY_IDENTITY, key).first()
    named = gate.role(sender)
    if row is None:
        return None if named is None else take_in(tx, sender, named, Source.LIST, address, now)
    if named is not Role.OWNER and (row.role == Role.REMOVED or (row.source == Source.LIST and named is None)):
        return None
    role = Role.OWNER if named is Role.OWNER else Role(row.role)
    # Somebody with two chats goes by the name of the first, and not by that of whichever they used last.
    name = row.name if row.source == Source.LINKED else sender.name.strip() or row.name
    if (row.name, row.role) != (name, role):
        tx.execute(update(people).where(people.c.id == row.id).values(name=name, role=role))
    if address.private and row.home != address.chat:
        home = {"home": address.chat, "short": sender.short or None}
        tx.execute(update(identities).where(_THIS_IDENTITY).values(**home), key)
    return _person(row, name, role)


def take_in(tx: Connection, sender: Sender, role: Role, source: Source, address: Address, now: datetime) -> Person:
    """Make somebody known and return them; whoever was known before is the same person again."""
    key = {"on_channel": sender.channel, "as_id": sender.id}
    known = tx.execute(_BY_IDENTITY, key).first()
    if known is not None:
        tx.execute(update(identities).where(_THIS_IDENTITY).values(source=source), key)
        tx.execute(update(people).where(people.c.id == known.id).values(role=role))
        return _person(known, known.name, role)
    name = sender.name.strip() or sender.id
    made = tx.execute(insert(people).values(name=name, role=role, created_at=now).returning(people.c.id)).scalar_one()
    add_identity(tx, sender, made, source, address)
    return Person(made, name, role)


def add_identity(tx: Connection, sender: Sender, person_id: int, source: Source, address: Address) -> None:
    """Let an identity that nobody has yet be a person's."""
    where = {"home": address.chat if address.private else None, "short": sender.short or None}
    values = {"channel": sender.channel, "external_id": sender.id, "person_id": person_id, "source": source, **where}
    tx.execute(insert(identities).values(values))


def person(tx: Connection, person_id: int) -> Person:
    """Return a person who is known."""
    row = tx.execute(_BY_ID, {"person_id": person_id}).one()
    return _person(row, row.name, Role(row.role))


def find(tx: Connection, person_id: int) -> Person | None:
    """Return a person by a number that somebody typed; None when nobody who still has a chat has it."""
    row = tx.execute(_BY_ID, {"person_id": person_id}).first()
    return _person(row, row.name, Role(row.role)) if row is not None and identities_of(tx, person_id) else None


def owner_of(tx: Connection, sender: Sender) -> Person | None:
    """Return whose identity this is, also when the house no longer hears it."""
    row = tx.execute(_BY_IDENTITY, {"on_channel": sender.channel, "as_id": sender.id}).first()
    return None if row is None else _person(row, row.name, Role(row.role))


def identities_of(tx: Connection, person_id: int) -> list[Row[Any]]:
    """Return a person's chat identities, the one by which the house knew them first before those that were joined to it."""
    found = tx.execute(select(identities).where(identities.c.person_id == person_id)).all()
    return sorted(found, key=lambda one: (one.source == Source.LINKED, one.channel, one.external_id))


def is_named_owner(tx: Connection, gate: Gate, person_id: int) -> bool:
    """Tell whether the settings name one of a person's identities as an owner's."""
    return any(gate.names_owner(one.channel, one.external_id, one.short) for one in identities_of(tx, person_id))


def homes(tx: Connection, person_id: int) -> list[Address]:
    """Return a person's private chats, the terminal last: it is open only now and then."""
    found = [Address(channel=one.channel, chat=one.home) for one in identities_of(tx, person_id) if one.home]
    return sorted(found, key=lambda address: address.channel == TERMINAL)


def owners(tx: Connection, gate: Gate) -> list[tuple[Address, Person | None]]:
    """Return where each owner hears what they did not ask for; None for one whom the settings name and who never wrote.

    The terminal is told only where no owner has another chat.
    """
    silent = set(gate.owners)
    found: dict[int, tuple[bool, bool, Address, Person]] = {}
    for row in tx.execute(_HEAR, {"named": [name for _, name in gate.owners]}).all():
        ids = (row.external_id, row.short)
        silent -= {(row.channel, one) for one in ids}
        if not gate.names_owner(row.channel, *ids):
            hears = may(Role(row.role), Right.HEAR_TROUBLE)
            if not hears or (row.source == Source.LIST and not gate.names(row.channel, *ids)):
                continue
        home = Address(channel=row.channel, chat=row.home or row.short or row.external_id)
        one = (row.channel == TERMINAL, row.source == Source.LINKED, home, _person(row, row.name, Role(row.role)))
        found[row.id] = min(found.get(row.id, one), one, key=lambda choice: choice[:2])
    told: list[tuple[Address, Person | None]] = [(home, who) for _, _, home, who in found.values()]
    told += [(Address(channel=channel, chat=name), None) for channel, name in sorted(silent)]
    return [one for one in told if one[0].channel != TERMINAL] or told


def _person(row: Row[Any], name: str, role: Role) -> Person:
    zone = ZoneInfo(row.zone) if row.zone else None
    return Person(row.id, name, role, zone, row.language or "", row.quiet or "", Mode(row.mode or Mode.STEER))

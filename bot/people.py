"""People, and the chat identities by which the house knows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, and_, bindparam, insert, or_, select, update

from bot import names, quiet, silence
from bot.messages import Address, Sender
from bot.roles import MAY, Right, Role, may
from bot.settings import Settings
from bot.store.tables import identities, people

TERMINAL = "terminal"
_BY_ID = select(people).where(people.c.id == bindparam("person_id"))
_THIS_IDENTITY = and_(identities.c.channel == bindparam("on_channel"), identities.c.external_id == bindparam("as_id"))
_IDENTITY = (identities.c.source, identities.c.home, identities.c.joined)
_BY_IDENTITY = select(people, *_IDENTITY).join(identities).where(_THIS_IDENTITY)
_WITH_IDENTITIES = (
    select(people, identities)
    .join(identities)
    .order_by(people.c.id, identities.c.joined, identities.c.channel, identities.c.external_id)
)
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
    INTERRUPT = "interrupt"  # it ends the turn, and one begins anew with what was asked before and with it


class Source(StrEnum):
    """By what the house knows a chat identity."""

    LIST = "list"  # the settings, as long as they name it
    PAIRED = "paired"  # an owner's yes
    LINKED = "linked"  # the person's own, out of another chat, as long as one that needs no other is heard


class OwnerBy(StrEnum):
    """What made an owner one."""

    SETTINGS = "settings"  # as long as they name them
    PERSON = "person"  # an owner's word


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
    verbose: bool = False  # whether answers say which tools were used
    allowance: int | None = None  # how often a day butlers may write of their own accord; none: as the house has it

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
        """Tell whether the settings name one of the forms of an id, in a list or as an owner's."""
        return not self._allowed.get(channel, frozenset()).isdisjoint(ids) or self.names_owner(channel, *ids)

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

    An owner whom the settings name is one whatever the house was told since, so that nobody can lock himself out; one whom
    only they made an owner is a member when they name none of the person's chats so any more.
    """
    key = {"on_channel": sender.channel, "as_id": sender.id}
    row = tx.execute(_BY_IDENTITY, key).first()
    named = gate.role(sender)
    if row is None:
        return None if named is None else take_in(tx, gate, sender, named, Source.LIST, address, now)
    if not _is_heard(tx, gate, row, named):
        return None
    role, by = _standing(tx, gate, row, named)
    # Somebody with two chats goes by the name of the first, and not by that of whichever they used last.
    name = row.name if row.joined else names.clean(sender.name) or row.name
    if (row.name, row.role, row.owner_by) != (name, role, by):
        tx.execute(update(people).where(people.c.id == row.id).values(name=name, role=role, owner_by=by))
        if row.role == Role.OWNER and role is not Role.OWNER:
            silence.hush(tx, row.id)
    if address.private and row.home != address.chat:
        home = {"home": address.chat, "short": sender.short or None}
        tx.execute(update(identities).where(_THIS_IDENTITY).values(**home), key)
    return _person(row, name, role)


def heard(tx: Connection, gate: Gate, sender: Sender) -> Person | None:
    """Return the person behind a sender whom the house hears, as `recognise` does, but change nothing."""
    row = tx.execute(_BY_IDENTITY, {"on_channel": sender.channel, "as_id": sender.id}).first()
    is_heard = row is not None and _is_heard(tx, gate, row, gate.role(sender))
    return _person(row, row.name, Role(row.role)) if row is not None and is_heard else None


def _is_heard(tx: Connection, gate: Gate, row: Row[Any], named: Role | None) -> bool:
    """Tell whether the house hears an identity that it knows, by what it is and by what the settings make of it."""
    if named is Role.OWNER or row.role == Role.REMOVED:
        return named is Role.OWNER
    if named is not None or row.source == Source.PAIRED:
        return True
    return row.source == Source.LINKED and any(stands_alone(gate, one) for one in identities_of(tx, row.id))


def stands_alone(gate: Gate, identity: Row[Any]) -> bool:
    """Tell whether an identity is heard for itself, and not for another of the same person."""
    return identity.source == Source.PAIRED or gate.names(identity.channel, identity.external_id, identity.short)


def _standing(tx: Connection, gate: Gate, row: Row[Any], named: Role | None) -> tuple[Role, str | None]:
    """Return what a person is now, and what made an owner one."""
    if named is Role.OWNER:
        return Role.OWNER, OwnerBy.SETTINGS
    if row.owner_by == OwnerBy.SETTINGS and not is_named_owner(tx, gate, row.id):
        return Role.MEMBER, None
    return Role(row.role), row.owner_by


def take_in(tx: Connection, gate: Gate, sender: Sender, role: Role, source: Source, address: Address, now: datetime) -> Person:
    """Make somebody known and return them; whoever was known is the same person again, and what they are in another chat."""
    known = owner_of(tx, sender)
    if known is not None:
        key = {"on_channel": sender.channel, "as_id": sender.id}
        tx.execute(update(identities).where(_THIS_IDENTITY).values(source=source), key)
        others = [one for one in identities_of(tx, known.id) if (one.channel, one.external_id) != (sender.channel, sender.id)]
        if known.role is Role.REMOVED or not any(stands_alone(gate, one) for one in others):
            give_role(tx, known, role)
        return person(tx, known.id)
    name = names.clean(sender.name) or names.clean(sender.id)
    by = OwnerBy.SETTINGS if role is Role.OWNER else None
    values = {"name": name, "role": role, "owner_by": by, "created_at": now}
    made = tx.execute(insert(people).values(values).returning(people.c.id)).scalar_one()
    add_identity(tx, sender, made, source, address)
    return Person(made, name, role)


def give_role(tx: Connection, person: Person, role: Role) -> None:
    """Give a person a role by an owner's word; who is no owner any more is told nothing more that is for owners."""
    by = OwnerBy.PERSON if role is Role.OWNER else None
    tx.execute(update(people).where(people.c.id == person.id).values(role=role, owner_by=by))
    if person.role is Role.OWNER and role is not Role.OWNER:
        silence.hush(tx, person.id)


def add_identity(tx: Connection, sender: Sender, person_id: int, source: Source, address: Address) -> None:
    """Let an identity that nobody has yet be a person's."""
    where = {"home": address.chat if address.private else None, "short": sender.short or None}
    values = {"channel": sender.channel, "external_id": sender.id, "person_id": person_id, "source": source, **where}
    tx.execute(insert(identities).values(joined=source is Source.LINKED, **values))


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
    return sorted(found, key=lambda one: (one.joined, one.channel, one.external_id))


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
    rows = tx.execute(_HEAR, {"named": [name for _, name in gate.owners]}).all()
    silent = gate.owners - {(row.channel, one) for row in rows for one in (row.external_id, row.short)}
    found: dict[int, tuple[bool, bool, Address, Person]] = {}
    for row in _of_owners(gate, rows):
        home = Address(channel=row.channel, chat=row.home or row.short or row.external_id)
        one = (row.channel == TERMINAL, row.joined, home, _person(row, row.name, Role(row.role)))
        found[row.id] = min(found.get(row.id, one), one, key=lambda choice: choice[:2])
    told: list[tuple[Address, Person | None]] = [(home, who) for _, _, home, who in found.values()]
    told += [(Address(channel=channel, chat=name), None) for channel, name in sorted(silent)]
    return [one for one in told if one[0].channel != TERMINAL] or told


def has_other_owner(tx: Connection, gate: Gate, person_id: int) -> bool:
    """Tell whether the house hears an owner besides this person."""
    rows = tx.execute(_HEAR, {"named": [name for _, name in gate.owners]}).all()
    return any(row.id != person_id for row in _of_owners(gate, rows))


def _of_owners(gate: Gate, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Return those of these identities by which the house hears an owner."""
    named = {row.id for row in rows if gate.names_owner(row.channel, row.external_id, row.short)}
    appointed = {row.id for row in rows if row.owner_by == OwnerBy.PERSON and stands_alone(gate, row)}
    return [row for row in rows if row.id in named | appointed and (row.source == Source.LINKED or stands_alone(gate, row))]


def _person(row: Row[Any], name: str, role: Role) -> Person:
    zone = ZoneInfo(row.zone) if row.zone else None
    wishes = row.language or "", row.quiet or "", Mode(row.mode or Mode.STEER), bool(row.verbose)
    return Person(row.id, name, role, zone, *wishes, row.allowance)

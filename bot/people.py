"""People, and the chat identities by which the house knows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, insert, select, update

from bot.messages import Sender
from bot.settings import Settings
from bot.store.tables import identities, people

_BY_ID = select(people).where(people.c.id == bindparam("person_id"))
_BY_IDENTITY = (
    select(people)
    .join(identities)
    .where(identities.c.channel == bindparam("channel"), identities.c.external_id == bindparam("external_id"))
)


class Role(StrEnum):
    """What a person is to the house."""

    OWNER = "owner"
    MEMBER = "member"


@dataclass(frozen=True)
class Person:
    """Somebody the house serves."""

    id: int
    name: str
    role: Role


class Gate:
    """Who may speak to the house: the vendor's immutable id decides, and an empty list admits nobody."""

    def __init__(self, allowed: Mapping[str, frozenset[str]], owners: frozenset[tuple[str, str]]) -> None:
        self._allowed = allowed
        self.owners = owners

    def role(self, sender: Sender) -> Role | None:
        """Return what a sender may be, or None for a stranger."""
        if sender.id not in self._allowed.get(sender.channel, frozenset()):
            return None
        return Role.OWNER if (sender.channel, sender.id) in self.owners else Role.MEMBER


def gate(settings: Settings, terminal_user: str) -> Gate:
    """Return the gate as the settings say. Whoever can start the terminal chat can read the house's files: an owner."""
    allowed = {
        "telegram": frozenset(settings.telegram_allowed_users),
        "terminal": frozenset({terminal_user}),
    }
    named = {tuple(owner.split(":", 1)) for owner in settings.owners}
    owners = {(channel, name) for channel, *rest in named for name in rest}
    if not owners:
        owners = {("telegram", name) for name in settings.telegram_allowed_users[:1]}
    return Gate(allowed, frozenset(owners | {("terminal", terminal_user)}))


def admit(tx: Connection, sender: Sender, role: Role, now: datetime) -> Person:
    """Return the person behind a sender whom the gate lets in, made known at the first message."""
    row = tx.execute(_BY_IDENTITY, {"channel": sender.channel, "external_id": sender.id}).first()
    if row is None:
        made = tx.execute(
            insert(people).values(name=sender.name, role=role, created_at=now).returning(people.c.id)
        ).scalar_one()
        tx.execute(insert(identities).values(channel=sender.channel, external_id=sender.id, person_id=made))
        return Person(made, sender.name, role)
    if (row.name, row.role) != (sender.name, role):
        tx.execute(update(people).where(people.c.id == row.id).values(name=sender.name, role=role))
    return Person(row.id, sender.name, role)


def person(tx: Connection, person_id: int) -> Person:
    """Return a person who is known."""
    row = tx.execute(_BY_ID, {"person_id": person_id}).one()
    return Person(row.id, row.name, Role(row.role))

"""Removal: a person is served no longer, and what was said is kept or forgotten, as an owner decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from bot import codes, conversations, outbox, people, questions, stopping
from bot.messages import ReplyKind
from bot.people import Gate, Person
from bot.ports import Json
from bot.questions import Done, Question
from bot.roles import Role
from bot.store.tables import GONE, PARKED, PENDING, calls, identities, inbox, parts, transcript, turns
from bot.store.tables import conversations as places
from bot.store.tables import outbox as replies
from bot.store.tables import people as people_rows
from bot.treasury.treasury import Treasury

KIND = "removal"
OPTIONS = ("Remove and forget everything", "Remove, keep what was said", "Cancel")
HOLDS = timedelta(hours=1)
GOODBYE = "You no longer have access to this house."
Forget = Callable[[str, Sequence[str]], None]


@dataclass(frozen=True)
class Removal:
    """Removes people; `forget` deletes what butlers keep for a subject, and blanks what calls gave, by their keys."""

    gate: Gate
    treasury: Treasury
    forget: Forget

    def ask(self, tx: Connection, asker: Person, person: Person, reply_id: int, now: datetime) -> str:
        """Ask an owner what shall become of a person; return the words."""
        about = {"person": person.id}
        questions.ask_in(tx, Question(KIND, about, OPTIONS, asker.id, now + HOLDS), reply_id, now)
        return (
            f"Shall I remove **{person.name}** (person {person.id})? I then answer none of their messages, stop what I do for "
            "them, and let no chat of theirs in again unless you say `/people admit`.\n\n"
            "“Forget everything” also deletes what butlers remember for them, and the words of their private chats and of "
            "the tool calls made there; it cannot be undone. What they said in groups stays, and so does what it all cost."
        )

    def answer(self, tx: Connection, owner: Person, about: Json, position: int, now: datetime) -> Done:
        """Do with a person what an owner said."""
        person = people.find(tx, int(about["person"]))
        if position >= OPTIONS.index("Cancel") or person is None or person.role is Role.REMOVED:
            return Done("Nothing was changed.")
        kept = why_kept(tx, self.gate, person) or _is_self(owner, person)
        if kept:
            return Done(kept)
        stopped = stopping.stop_all(tx, self.treasury, person.id, f"I no longer serve {person.name}.", now)
        tx.execute(update(people_rows).where(people_rows.c.id == person.id).values(role=Role.REMOVED))
        codes.void_all(tx, person.id)
        said = f"{person.name} is removed."
        if position == 0:
            self._forget(tx, person)
            said += " What I knew of them is forgotten; what they cost stays in the books."
        told = self._say_goodbye(tx, person, now)
        return Done(said + self._still_listed(tx, person), (*stopped, *told))

    def _say_goodbye(self, tx: Connection, person: Person, now: datetime) -> tuple[int, ...]:
        homes = people.homes(tx, person.id)[:1]
        told = tuple(conversations.find_or_open(tx, address).id for address in homes)
        for conversation_id in told:
            outbox.add(tx, conversation_id, ReplyKind.NOTICE, GOODBYE, now)
        return told

    def _still_listed(self, tx: Connection, person: Person) -> str:
        """Return a sentence about the settings that still name this person, or nothing."""
        listed = [
            f"{one.external_id} still stands in {one.channel.upper()}_ALLOWED_USERS"
            for one in people.identities_of(tx, person.id)
            if self.gate.names(one.channel, one.external_id, one.short)
        ]
        return f" {' and '.join(listed)}; they stay out all the same." if listed else ""

    def _forget(self, tx: Connection, person: Person) -> None:
        """Blank the words of a person's private chats, and delete what butlers keep for them."""
        here = _private_conversations(tx, person)
        theirs = select(turns.c.id).where(turns.c.conversation_id.in_(here))
        keys = list(tx.scalars(select(calls.c.key).where(calls.c.turn_id.in_(theirs))))
        tx.execute(update(inbox).where(inbox.c.conversation_id.in_(here), PARKED).values(state="answered"))
        tx.execute(update(inbox).where(inbox.c.conversation_id.in_(here)).values(text=""))
        tx.execute(update(transcript).where(transcript.c.conversation_id.in_(here)).values(content=[], withdrawn=True))
        tx.execute(update(calls).where(calls.c.turn_id.in_(theirs)).values(arguments={}, result=None))
        tx.execute(update(turns).where(turns.c.conversation_id.in_(here)).values(error=None))
        said = select(replies.c.id).where(replies.c.conversation_id.in_(here))
        tx.execute(delete(parts).where(parts.c.reply_id.in_(said)))
        blank = update(replies).where(replies.c.conversation_id.in_(here))
        tx.execute(blank.where(PENDING | GONE).values(state="withdrawn"))
        tx.execute(blank.values(text="", error=None))
        mine = {"zone": None, "language": None, "quiet": None, "mode": None}
        tx.execute(update(people_rows).where(people_rows.c.id == person.id).values(mine))
        self.forget(f"person:{person.id}", keys)


def why_kept(tx: Connection, gate: Gate, person: Person) -> str | None:
    """Return why a person cannot stop being an owner, if that is so."""
    if person.role is not Role.OWNER:
        return None
    if people.is_named_owner(tx, gate, person.id):
        return f"The settings name {person.name} as an owner. Change BUTLER_OWNERS and start the house again."
    others = tx.scalar(
        select(func.count())
        .select_from(people_rows)
        .where(people_rows.c.role == Role.OWNER, people_rows.c.id != person.id)
        .where(people_rows.c.id.in_(select(identities.c.person_id)))
    )
    return None if others else f"{person.name} is the last owner, and a house needs one. Make somebody else an owner first."


def _is_self(owner: Person, person: Person) -> str | None:
    return "You cannot remove yourself; another owner can." if owner.id == person.id else None


def _private_conversations(tx: Connection, person: Person) -> list[int]:
    """Return the private chats that a person ever wrote in, or has at home."""
    wrote = select(inbox.c.conversation_id).where(inbox.c.person_id == person.id)
    found = set(tx.scalars(select(places.c.id).where(places.c.private, places.c.id.in_(wrote))))
    for address in people.homes(tx, person.id):
        at_home = (places.c.channel == address.channel, places.c.chat == address.chat, places.c.private)
        found |= set(tx.scalars(select(places.c.id).where(*at_home)))
    return sorted(found)

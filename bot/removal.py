"""Removal: a person is served no longer, and what was said is kept or forgotten, as an owner decides."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, update

from bot import codes, conversations, outbox, people, questions, silence, stopping
from bot.erasing import erase
from bot.messages import ReplyKind
from bot.people import Gate, Person
from bot.ports import Json
from bot.questions import Done, Question
from bot.roles import Role
from bot.schedules import leaving
from bot.store.tables import GONE, PARKED, inbox
from bot.store.tables import outbox as replies
from bot.store.tables import people as people_rows
from bot.treasury.treasury import Treasury

KIND = "removal"
OPTIONS = ("Remove and forget everything", "Remove, keep what was said", "Cancel")
HOLDS = timedelta(hours=1)
GOODBYE = "You no longer have access to this house."


@dataclass(frozen=True)
class Removal:
    """Removes people."""

    gate: Gate
    treasury: Treasury

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
        self._shut_out(tx, person, now)
        said = f"{person.name} is removed."
        if position == 0:
            self._forget(tx, person, now)
            said += " What I knew of them is forgotten within seconds; what they cost stays in the books."
        leaving.hand_on(tx, person.id)
        told = self._say_goodbye(tx, person, now)
        return Done(said + self._still_listed(tx, person), (*stopped, *told))

    def _shut_out(self, tx: Connection, person: Person, now: datetime) -> None:
        """Let nothing of a person be answered any more, nor reach them, nor let them in again."""
        mine = people_rows.c.id == person.id
        tx.execute(update(people_rows).where(mine).values(role=Role.REMOVED, owner_by=None))
        silence.hush(tx, person.id)
        leaving.switch_off(tx, person.id, now)
        here = silence.private_conversations(person.id)
        tx.execute(update(inbox).where(inbox.c.person_id == person.id, PARKED).values(state="answered"))
        tx.execute(update(replies).where(replies.c.conversation_id.in_(here), GONE).values(state="withdrawn"))
        codes.void_all(tx, person.id)
        for one in people.identities_of(tx, person.id):
            codes.void_shown_to(tx, f"{one.channel}:{one.external_id}")

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

    def _forget(self, tx: Connection, person: Person, now: datetime) -> None:
        """Blank the words of a person's private chats, and let butlers delete what they keep for them."""
        erase(tx, person.id, now)
        mine = {"zone": None, "language": None, "quiet": None, "mode": None, "allowance": None}
        tx.execute(update(people_rows).where(people_rows.c.id == person.id).values(mine))
        leaving.forget(tx, person.id)


def why_kept(tx: Connection, gate: Gate, person: Person) -> str | None:
    """Return why a person cannot stop being an owner, if that is so."""
    if person.role is not Role.OWNER:
        return None
    if people.is_named_owner(tx, gate, person.id):
        return f"The settings name {person.name} as an owner. Change BUTLER_OWNERS and start the house again."
    if people.has_other_owner(tx, gate, person.id):
        return None
    return f"{person.name} is the last owner, and a house needs one. Make somebody else an owner first."


def _is_self(owner: Person, person: Person) -> str | None:
    return "You cannot remove yourself; another owner can." if owner.id == person.id else None

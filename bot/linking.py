"""Linking: a second chat becomes the same person's, by a code that is shown in one and typed in the other."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, update

from bot import codes, conversations, outbox, people, questions, stopping
from bot.conversations import Conversation
from bot.messages import IncomingMessage, ReplyKind, Sender
from bot.notices import one_line, tell_owners
from bot.people import Gate, Person, Source
from bot.ports import Json
from bot.questions import Done, Question
from bot.roles import MAY, Role
from bot.store.tables import identities, metadata
from bot.store.tables import people as people_rows
from bot.treasury.treasury import Treasury

CODE = "link"
KIND = "linking"
OPTIONS = ("Yes, join us", "No")
RIGHT = "The code is right. Say yes in your other chat; this one, and what I keep for you here, is then that person’s."
_LINK = re.compile(r"/link\b\s*(.*)$", re.DOTALL | re.IGNORECASE)
# Every column of the house's database that names a person, those of tables to come included.
_COLUMNS = [
    column
    for table in metadata.sorted_tables
    for column in table.columns
    if any(key.column is people_rows.c.id for key in column.foreign_keys)
]


def as_link(text: str) -> str | None:
    """Return what follows /link, or None for any other text."""
    match = _LINK.match(text.strip())
    return match[1].strip() if match else None


@dataclass(frozen=True)
class Linking:
    """Joins chats; `move_subject` lets what butlers keep for one subject be kept for another."""

    gate: Gate
    treasury: Treasury
    move_subject: Callable[[str, str], None]

    def offer(self, tx: Connection, asker: Person, conversation: Conversation, now: datetime) -> str:
        """Show a person the code that they can type in another chat."""
        shown = codes.Shown(CODE, f"person:{asker.id}", conversation.id, {}, asker.id)
        _, code = codes.make(tx, shown, now)
        minutes = codes.HOLDS // timedelta(minutes=1)
        return f"Write `/link {code}` to me in your other chat. The code holds for {minutes} minutes, and for one chat."

    def enter(self, tx: Connection, asker: Person, conversation: Conversation, typed: str, gesture: str, now: datetime) -> Done:
        """Take the code that somebody typed whom the house knows."""
        channel = conversation.address.channel
        mine = [one for one in people.identities_of(tx, asker.id) if one.channel == channel]
        here = [one for one in mine if one.home == conversation.address.chat] or mine
        sender = Sender(channel=channel, id=here[0].external_id, name=asker.name, short=here[0].short or "")
        return self._enter(tx, asker, sender, conversation.id, (typed, f"person:{asker.id}", gesture), now)

    def enter_as_stranger(self, tx: Connection, message: IncomingMessage, typed: str, now: datetime) -> list[int]:
        """Take the code that a stranger typed; whoever goes on after three wrong ones is no longer answered."""
        who = f"{message.sender.channel}:{message.sender.id}"
        if codes.was_typed(tx, who, message.id) or codes.must_wait(tx, who, now):
            return []
        conversation = conversations.find_or_open(tx, message.address)
        known = people.owner_of(tx, message.sender)
        done = self._enter(tx, known, message.sender, conversation.id, (typed, who, message.id), now)
        outbox.add(tx, conversation.id, ReplyKind.COMMAND, done.sentence, now)
        return [conversation.id, *done.rung]

    def _enter(
        self, tx: Connection, second: Person | None, sender: Sender, here: int, entry: tuple[str, str, str], now: datetime
    ) -> Done:
        found = codes.enter(tx, CODE, *entry, now)
        if isinstance(found, str):
            return Done(found)
        first = people.person(tx, found.person_id)
        if second is not None and second.id == first.id:
            return Done("That is your own code. Write it in your other chat, where I do not know you as the same person yet.")
        refusal = _refusal(first, second)
        if refusal:
            return Done(refusal)
        codes.use(tx, found.id)
        about = {"sender": sender.model_dump(), "conversation": here}
        question = Question(KIND, about, OPTIONS, first.id, now + codes.HOLDS)
        text = (
            f"{sender.channel} {sender.id} ({one_line(sender.name)}) typed your code. Is that you? If so, I take that chat "
            "for yours, with all that I keep for it."
        )
        codes.note_question(tx, found.id, questions.ask(tx, question, [found.conversation_id], text, now))
        return Done(RIGHT, (found.conversation_id,))

    def answer(self, tx: Connection, first: Person, about: Json, position: int, now: datetime) -> Done:
        """Join two chats or leave them apart, as the person said who was shown the code."""
        sender, here = Sender.model_validate(about["sender"]), int(about["conversation"])
        second = people.owner_of(tx, sender)
        refusal = "" if position else _refusal(first, second)
        if position or refusal or (second is not None and second.id == first.id):
            outbox.add(tx, here, ReplyKind.NOTICE, f"{first.name} did not join this chat; nothing was changed.", now)
            return Done(refusal or "Nothing was changed.", (here,))
        rung = () if second is None else self._merge(tx, second, first, now)
        if second is None:
            people.add_identity(tx, sender, first.id, Source.LINKED, conversations.get(tx, here).address)
        codes.void_shown_to(tx, f"{sender.channel}:{sender.id}")
        welcome = f"This chat is {first.name}’s now, as the other one is: the same memory, settings and rights."
        outbox.add(tx, here, ReplyKind.NOTICE, welcome, now)
        if first.role is not Role.OWNER:
            text = f"{first.name} joined a second chat to their own: {sender.channel}, id {sender.id}."
            rung = (*rung, *tell_owners(tx, self.gate, f"linked:{sender.channel}:{sender.id}", text, now))
        return Done(f"{sender.channel} {sender.id} is your chat now.", (here, *rung))

    def _merge(self, tx: Connection, second: Person, first: Person, now: datetime) -> tuple[int, ...]:
        """Let everything of a person be another's."""
        # What runs would go on in the name of the person who is no more.
        stopped = stopping.stop_all(tx, self.treasury, second.id, f"This chat becomes {first.name}’s.", now)
        tx.execute(update(identities).where(identities.c.person_id == second.id).values(source=Source.LINKED))
        for column in _COLUMNS:
            tx.execute(update(column.table).where(column == second.id).values({column: first.id}))
        tx.execute(update(people_rows).where(people_rows.c.id == second.id).values(role=Role.REMOVED))
        self.move_subject(f"person:{second.id}", f"person:{first.id}")
        return stopped


def _refusal(first: Person, second: Person | None) -> str:
    """Return why two chats cannot become one person's, or nothing."""
    if first.role is Role.REMOVED or (second is not None and second.role is Role.REMOVED):
        return "That code no longer holds."
    if second is not None and not MAY[second.role] <= MAY[first.role]:
        return (
            f"This chat belongs to {_a(second.role)} of this house, and that code to {_a(first.role)}. Write /link here and "
            "the code there, so that nothing is lost."
        )
    return ""


def _a(role: Role) -> str:
    return f"an {role}" if role is Role.OWNER else f"a {role}"

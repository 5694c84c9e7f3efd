"""Linking: a second chat becomes the same person's, by a code that is shown in one and typed in the other."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, update

from bot import codes, conversations, moves, outbox, people, questions, stopping
from bot.commands.book import Asking
from bot.messages import IncomingMessage, ReplyKind, Sender
from bot.names import escaped, quoted
from bot.notices import tell_owners
from bot.people import Gate, Person, Source
from bot.ports import Json
from bot.questions import Done, Question
from bot.roles import MAY, Right, Role, a
from bot.schedules import book, leaving
from bot.store.tables import identities, metadata
from bot.store.tables import people as people_rows
from bot.treasury import budgets
from bot.treasury.treasury import Treasury

CODE = "link"
KIND = "linking"
OPTIONS = ("Yes, join us", "No")
HANDOVER = "handover"  # what is asked first in a chat that is somebody's already
HANDOVER_OPTIONS = ("Yes, that is me", "No")
MOST_CHATS = 6  # of one person
MOST_TRIES = 30  # of all strangers, as long as a wrong code counts
RIGHT = "The code is right. Say yes in your other chat; this one, and what I keep for you here, is then that person’s."
NO_LONGER = "That code no longer holds."
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
class _Meeting:
    """Two chats that are to be one person's: `here` the code was typed by `sender`, and `there` the first person saw it."""

    sender: Sender
    second: int | None  # whose the chat was in which the code was typed
    here: int
    first: int
    there: int

    def kept(self) -> Json:
        """Return it as a question keeps it."""
        return {**vars(self), "sender": self.sender.model_dump()}


@dataclass(frozen=True)
class Linking:
    """Joins chats."""

    gate: Gate
    treasury: Treasury

    def offer(self, asking: Asking) -> str:
        """Show a person the code that they can type in another chat."""
        asker = asking.person
        shown = codes.Shown(CODE, f"person:{asker.id}", asking.conversation.id, {}, asker.id)
        _, code = codes.make(asking.tx, shown, asking.now)
        minutes = codes.HOLDS // timedelta(minutes=1)
        return f"Write `/link {code}` to me in your other chat. The code holds for {minutes} minutes, and for one chat."

    def enter(self, asking: Asking) -> Done:
        """Take the code that somebody typed whom the house knows; they are asked before anybody else is."""
        tx, second, now = asking.tx, asking.person, asking.now
        entry = (asking.arguments, f"person:{second.id}", f"reply:{asking.reply_id}")
        found = self._check(tx, entry, second, now)
        if isinstance(found, str):
            return Done(found)
        first = people.person(tx, found.person_id)
        meeting = _Meeting(asking.sender, second.id, asking.conversation.id, first.id, found.conversation_id)
        question = Question(HANDOVER, meeting.kept(), HANDOVER_OPTIONS, second.id, now + codes.HOLDS)
        codes.note_question(tx, found.id, questions.ask_in(tx, question, asking.reply_id, now))
        name = escaped(first.name)
        return Done(f"Everything I keep for you becomes {name}’s (person {first.id}), who can then read it. Is {name} you?")

    def hand_over(self, tx: Connection, second: Person, about: Json, position: int, now: datetime) -> Done:
        """Let the first person be asked, when the second one wants to be the same."""
        meeting = _meeting(about)
        why = self._why_not(tx, meeting)
        if position or why:
            return Done(why or "Nothing was changed.")
        return self._ask_first(tx, meeting, second, now)

    def enter_as_stranger(self, tx: Connection, message: IncomingMessage, typed: str, now: datetime) -> list[int]:
        """Take the code that a stranger typed, where there is one to be typed.

        Whoever goes on after three wrong ones is no longer answered, and nobody is when many strangers try.
        """
        sender = message.sender
        who = f"{sender.channel}:{sender.id}"
        if not codes.may_be_typed(tx, CODE, typed, now) or codes.tries_of_strangers(tx, now) >= MOST_TRIES:
            return []
        if codes.was_typed(tx, who, message.id) or codes.must_wait(tx, who, now):
            return []
        here = conversations.find_or_open(tx, message.address).id
        found = self._check(tx, (typed, who, message.id), None, now)
        if isinstance(found, str):
            done = Done(found)
        else:
            done = self._ask_first(tx, _Meeting(sender, None, here, found.person_id, found.conversation_id), None, now)
        outbox.add(tx, here, ReplyKind.COMMAND, done.sentence, now)
        return [here, *done.rung]

    def _check(self, tx: Connection, entry: tuple[str, str, str], second: Person | None, now: datetime) -> Row[Any] | str:
        """Use the code that was typed up and return it, or return a sentence about why it joins nothing."""
        found = codes.enter(tx, CODE, *entry, now)
        if isinstance(found, str):
            return found
        if second is not None and second.id == found.person_id:
            return "That is your own code. Write it in your other chat, where I do not know you as the same person yet."
        why = _refusal(tx, people.person(tx, found.person_id), second)
        if why:
            return why
        codes.use(tx, found.id)
        return found

    def _ask_first(self, tx: Connection, meeting: _Meeting, second: Person | None, now: datetime) -> Done:
        """Ask the person who was shown the code whether the chat in which it was typed is theirs, too."""
        first, sender = people.person(tx, meeting.first), meeting.sender
        if second is None:
            text = (
                f"{sender.channel} id {sender.id}, who calls themselves {quoted(sender.name)}, typed your code. Is that you? "
            )
            text += "If so, I take that chat for yours."
        else:
            text = (
                f"{escaped(second.name)} (person {second.id}; {sender.channel} id {sender.id}) typed your code. Is that you? "
                "If so, I take that chat for yours, with all that I keep for it."
            )
        text += f" It then has your rights as {a(first.role)}."
        question = Question(KIND, meeting.kept(), OPTIONS, first.id, now + codes.HOLDS)
        questions.ask(tx, question, [meeting.there], text, now)
        return Done(RIGHT, (meeting.there,))

    def answer(self, tx: Connection, first: Person, about: Json, position: int, now: datetime) -> Done:
        """Join two chats or leave them apart, as the person said who was shown the code."""
        meeting = _meeting(about)
        why = "" if position else self._why_not(tx, meeting)
        if position or why:
            outbox.add(tx, meeting.here, ReplyKind.NOTICE, f"{first.name} did not join this chat; nothing was changed.", now)
            return Done(why or "Nothing was changed.", (meeting.here,))
        return self._join(tx, meeting, first, now)

    def _join(self, tx: Connection, meeting: _Meeting, first: Person, now: datetime) -> Done:
        sender, here = meeting.sender, meeting.here
        if meeting.second is None:
            rung: tuple[int, ...] = ()
            people.add_identity(tx, sender, first.id, Source.LINKED, conversations.get(tx, here).address)
        else:
            rung = self._merge(tx, people.person(tx, meeting.second), first, now)
        codes.void_shown_to(tx, f"{sender.channel}:{sender.id}")
        follows = "" if meeting.second is None else " What I kept for you here follows within seconds."
        welcome = f"This chat is {first.name}’s now, as the other one is: the same memory, settings and rights.{follows}"
        outbox.add(tx, here, ReplyKind.NOTICE, welcome, now)
        text = f"{first.name} joined a second chat to their own: {sender.channel}, id {sender.id}."
        told = tell_owners(tx, self.gate, f"linked:{sender.channel}:{sender.id}", text, now)
        return Done(f"{sender.channel} {sender.id} is your chat now.", (here, *rung, *told))

    def _why_not(self, tx: Connection, meeting: _Meeting) -> str:
        """Return why two chats cannot be joined any more, or nothing: much may have changed since the code was typed."""
        second = people.owner_of(tx, meeting.sender)
        if (None if second is None else second.id) != meeting.second:
            return "That chat is somebody else’s by now; nothing was changed."
        if second is not None and people.heard(tx, self.gate, meeting.sender) is None:
            return NO_LONGER
        return _refusal(tx, people.person(tx, meeting.first), second)

    def _merge(self, tx: Connection, second: Person, first: Person, now: datetime) -> tuple[int, ...]:
        """Let everything of a person be another's."""
        # What runs would go on in the name of the person who is no more.
        stopped = stopping.stop_all(tx, self.treasury, second.id, f"This chat becomes {first.name}’s.", now)
        tx.execute(update(identities).where(identities.c.person_id == second.id).values(joined=True))
        budgets.join_people(tx, second.id, first.id)
        for column in _COLUMNS:
            tx.execute(update(column.table).where(column == second.id).values({column: first.id}))
        tx.execute(update(people_rows).where(people_rows.c.id == second.id).values(role=Role.REMOVED, owner_by=None))
        leaving.end_doubles(tx, first.id)
        book.move_zone(tx, first.id, first.zone or self.treasury.zone, now)
        moves.hand_over(tx, second.id, first.id, now)
        return stopped


def _meeting(about: Json) -> _Meeting:
    return _Meeting(**{**about, "sender": Sender.model_validate(about["sender"])})


def _refusal(tx: Connection, first: Person, second: Person | None) -> str:
    """Return why two chats cannot become one person's, or nothing."""
    if not first.may(Right.LINK) or (second is not None and second.role is Role.REMOVED):
        return NO_LONGER
    if second is not None and not MAY[second.role] <= MAY[first.role]:
        return (
            f"This chat belongs to {a(second.role)} of this house, and that code to {a(first.role)}. Write `/link` here and "
            "the code there, so that nothing is lost."
        )
    added = 1 if second is None else len(people.identities_of(tx, second.id))
    if len(people.identities_of(tx, first.id)) + added > MOST_CHATS:
        return f"One person can have {MOST_CHATS} chats, and no more; nothing was changed."
    return ""

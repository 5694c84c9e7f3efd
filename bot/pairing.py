"""Pairing: a stranger shows a one-time code, and an owner lets them in, or not."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot import codes, conversations, outbox, people, questions
from bot.linking import Linking, as_link
from bot.messages import IncomingMessage, Origin, ReplyKind, Sender
from bot.names import escaped, quoted
from bot.notices import count_told, tell_owners
from bot.people import Gate, Person, Source
from bot.ports import Json
from bot.questions import Done, Question
from bot.roles import Role, a

CODE = "pair"
KIND = "pairing"
ROLES = (Role.MEMBER, Role.GUEST)
OPTIONS = (*(f"Admit as {role}" for role in ROLES), "Refuse")
MOST_SHOWN = 3  # codes for one stranger in a day
MOST_OPEN = 10  # codes that hold at a time, of all strangers: more would be somebody's game
MOST_TOLD = 10  # strangers in a day of whom owners hear one by one although none was shown a code
DAY = timedelta(hours=24)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Strangers:
    """What becomes of those whom the house does not know. None of their words is kept, and none reaches a model."""

    gate: Gate
    linking: Linking

    def meet(self, tx: Connection, message: IncomingMessage, now: datetime) -> list[int]:
        """Show a stranger a code, or leave them without an answer; return the conversations with something to deliver."""
        sender = message.sender
        log.info("a stranger wrote", extra={"channel": sender.channel, "sender": sender.id})
        known = people.owner_of(tx, sender)
        if message.press or (known is not None and known.role is Role.REMOVED):
            return []
        why = _why_unanswered(message)
        if why:
            return self._tell_owners(tx, sender, why, now)
        typed = as_link(message.text)
        if typed is not None and known is None:
            return self.linking.enter_as_stranger(tx, message, typed, now)
        who = f"{sender.channel}:{sender.id}"
        if codes.count_open(tx, CODE, now, who) or codes.shown_since(tx, CODE, who, now - DAY) >= MOST_SHOWN:
            return []
        if codes.count_open(tx, CODE, now) >= MOST_OPEN:
            text = f"More than {MOST_OPEN} strangers write to me at a time, so I answer no more of them for now."
            return tell_owners(tx, self.gate, "strangers:many", text, now)
        return self._show_code(tx, message, known, who, now)

    def _show_code(self, tx: Connection, message: IncomingMessage, known: Person | None, who: str, now: datetime) -> list[int]:
        sender = message.sender
        here = conversations.find_or_open(tx, message.address).id
        shown = codes.Shown(CODE, who, here, sender.model_dump())
        code_id, code = codes.make(tx, shown, now)
        minutes = codes.HOLDS // timedelta(minutes=1)
        words = f"I do not know you yet. Show this code to the owner of this house: {code}. It holds for {minutes} minutes."
        outbox.add(tx, here, ReplyKind.COMMAND, words, now)
        text = (
            f"{sender.channel} id {sender.id}, who calls themselves {quoted(sender.name)}, wants to talk with me and shows the "
            f"code {code}. Let them in only if they gave you that code themselves. `/pair {code} {ROLES[0]}` does the same as "
            "the button."
        )
        if known is not None:
            text += f" I know them as {escaped(known.name)} (person {known.id}), a chat of whom the settings name no more."
        question = Question(KIND, {"code": code_id}, OPTIONS, None, now + codes.HOLDS)
        homes = [conversations.find_or_open(tx, address).id for address, _ in people.owners(tx, self.gate)]
        codes.note_question(tx, code_id, questions.ask(tx, question, homes, text, now))
        return [here, *homes]

    def answer(self, tx: Connection, owner: Person, about: Json, position: int, now: datetime) -> Done:
        """Let a stranger in or not, as an owner said."""
        code = codes.get(tx, about["code"])
        if code is None or not codes.use(tx, code.id):
            return Done("That code no longer holds; nothing was done.")
        sender = Sender.model_validate(code.about)
        name = quoted(sender.name)
        place = conversations.get(tx, code.conversation_id)
        known = people.owner_of(tx, sender)
        if known is not None and known.role is Role.REMOVED:
            return Done(f"{name} was removed meanwhile; `/people admit {known.id}` lets them in again. Nothing was done.")
        if people.recognise(tx, self.gate, sender, place.address, now) is not None:
            return Done(f"{name} is no stranger any more; nothing was done.")
        if position >= len(ROLES):
            outbox.add(tx, place.id, ReplyKind.NOTICE, "The owner did not let you in.", now)
            return Done(f"{owner.name} did not let {name} in.", (place.id,))
        role = people.take_in(tx, self.gate, sender, ROLES[position], Source.PAIRED, place.address, now).role
        welcome = f"{owner.name} let you in as {a(role)}. Just write; `/help` lists the commands."
        outbox.add(tx, place.id, ReplyKind.NOTICE, welcome, now)
        return Done(f"{owner.name} let {name} in as {a(role)}.", (place.id,))

    def _tell_owners(self, tx: Connection, sender: Sender, why: str, now: datetime) -> list[int]:
        key = f"stranger:{sender.channel}:{sender.id}"
        if count_told(tx, "stranger:", key, now) >= MOST_TOLD:
            return tell_owners(tx, self.gate, "strangers:more", "More strangers wrote today.", now)
        text = (
            f"Somebody I do not know wrote to me on {sender.channel}: id {sender.id}, who calls themselves "
            f"{quoted(sender.name)}. I did not answer, since {why}. To admit them, add {sender.short or sender.id} to "
            f"{sender.channel.upper()}_ALLOWED_USERS and start the house again."
        )
        return tell_owners(tx, self.gate, key, text, now)


def _why_unanswered(message: IncomingMessage) -> str:
    """Return why a stranger is shown no code, or nothing."""
    if message.sender.outsider:
        return f"this is {message.sender.outsider}"
    if not message.address.private:
        return "strangers are answered only in a private chat"
    if message.origin is not Origin.PERSON:
        return "the words were somebody else's"
    return ""

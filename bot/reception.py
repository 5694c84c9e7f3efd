"""The reception: takes messages in, so that each is on disk before its vendor hears that it was taken."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, insert, update

from bot import busy, conversations, files, outbox, pastes, questions
from bot.arrivals import Arrival, keep, merge
from bot.busy import Fate
from bot.commands.book import Asking, CommandBook
from bot.household import Household
from bot.messages import SPEECH, IncomingMessage, Origin, ReplyKind
from bot.names import one_line
from bot.pairing import Strangers
from bot.people import Gate, Person, recognise
from bot.questions import Answerer
from bot.redaction import Redactor
from bot.roles import Right, refusal
from bot.store.database import Database
from bot.store.tables import inbox, parked_updates
from bot.switchboard.switchboard import Letter, Switchboard
from bot.treasury.treasury import Treasury
from bot.turn import Clock

LONGEST_MESSAGE = 32_000
LONGEST_PARKED = 20_000
_ADDRESS = re.compile(r"@([a-z][a-z0-9-]*)[:,]?(?:\s+|$)", re.IGNORECASE)
_REPLIED = update(inbox).where(inbox.c.id == bindparam("row")).values(state="answered", reply_id=bindparam("reply"))
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Received:
    """Conversations that need a turn, and those that have something to be delivered."""

    turns: dict[int, None] = field(default_factory=dict)
    replies: dict[int, None] = field(default_factory=dict)
    held: dict[int, datetime] = field(default_factory=dict)  # those that wait until then for the rest of a long text
    busy: dict[int, int] = field(default_factory=dict)  # conversations in which a turn goes on, which shows what it will read


@dataclass(frozen=True)
class Reception:
    """The door: gate, once only, commands, and the choice of a butler, in one transaction without any network."""

    database: Database
    gate: Gate
    commands: CommandBook
    household: Callable[[], Household]
    ring: Callable[[Sequence[int]], bool]
    redactor: Redactor
    clock: Clock
    zone: ZoneInfo
    strangers: Strangers
    answerers: Mapping[str, Answerer]
    treasury: Treasury
    switchboard: Switchboard

    def receive(self, messages: Iterable[IncomingMessage]) -> Received:
        """Take messages in. When this returns they are on disk, and only then may they be confirmed to their vendor."""
        received = Received()
        now = self.clock()
        with self.database.write() as tx:
            for message in pastes.in_order(messages):
                self._take(tx, message, now, received)
            conversations.note_rung(tx, tuple(received.turns), now)
        if received.turns:
            self.ring(tuple(received.turns))
        return received

    def park(self, channel: str, payload: str, error: str) -> None:
        """Keep an update that nobody can read, so that it stops nobody else's."""
        log.warning("an update from %s could not be read: %s", channel, error)
        payload = self.redactor.clean(payload[:LONGEST_PARKED])
        values = {"channel": channel, "payload": payload, "error": error, "at": self.clock()}
        with self.database.write() as tx:
            tx.execute(insert(parked_updates).values(values))

    def _take(self, tx: Connection, message: IncomingMessage, now: datetime, received: Received) -> None:
        if message.overheard and conversations.find(tx, message.address) is None:
            return
        if message.is_only_part and not pastes.goes_on(tx, message):
            return
        person = recognise(tx, self.gate, message.sender, message.address, now)
        if person is not None:
            self._accept(self._arrival(tx, message, person, now), received)
        elif not message.overheard:
            received.replies.update(dict.fromkeys(self.strangers.meet(tx, message, now)))

    def _arrival(self, tx: Connection, message: IncomingMessage, person: Person, now: datetime) -> Arrival:
        conversation = conversations.find_or_open(tx, message.address)
        if message.press:
            return Arrival(tx, message, conversation, person, None, f"[pressed {one_line(message.press)}]", now)
        rest = pastes.rest(tx, conversation.id, person.id, message, is_command=self.commands.knows(message.text))
        if rest is not None:
            return Arrival(tx, message, conversation, person, None, self.redactor.clean(rest.text), now, rest=rest)
        text = self.redactor.clean(pastes.trimmed(message))
        butler, text = self._addressed(text) if _is_order(message) else (None, text)
        if text and message.unreadable:
            text += f"\n[With it came {message.unreadable}, which this house cannot open yet.]"
        if text and message.author:
            text = f"(written by {one_line(message.author)})\n{text}"
        return Arrival(tx, message, conversation, person, butler, text, now)

    def _addressed(self, text: str) -> tuple[str | None, str]:
        """Return the butler that an @name at the beginning asks for, and the rest of the text."""
        match = _ADDRESS.match(text)
        if match and match[1].lower() in self.household().butlers:
            return match[1].lower(), text[match.end() :]
        return None, text

    def _accept(self, arrival: Arrival, received: Received) -> None:
        row_id = keep(arrival)
        if row_id is None:
            log.info("message %s came twice", arrival.message.id)
            return
        arrival = replace(arrival, row_id=row_id)
        if arrival.message.press:
            self._press(arrival, received)
            return
        may_choose = arrival.person.may(Right.CHOOSE)
        if arrival.message.is_edit and (arrival.butler is None or may_choose) and (merged := merge(arrival)):
            if merged.is_waiting:
                self._place(arrival, merged.row_id)
            return
        if arrival.butler is not None and may_choose:
            conversations.choose_butler(arrival.tx, arrival.conversation.id, arrival.butler)
        if not self._answer_at_once(arrival, received):
            if arrival.rest is None:
                self._place(arrival, row_id)
            self._hold(arrival, received)
            self._meet(arrival, received)
        if conversations.has_work(arrival.tx, arrival.conversation.id, arrival.now):
            received.turns[arrival.conversation.id] = None

    def _place(self, arrival: Arrival, row_id: int) -> None:
        """Let the switchboard decide which butler a message is for."""
        here, sender, origin = arrival.conversation, arrival.message.sender, arrival.message.origin
        speech = any(one.kind in SPEECH for one in arrival.message.attachments)
        letter = Letter(row_id, here, arrival.person.id, sender, arrival.text, origin, arrival.butler, is_unheard=speech)
        self.switchboard.place(arrival.tx, letter, arrival.now)

    def _press(self, arrival: Arrival, received: Received) -> None:
        """Take a button's answer; where its question was asked, what came of it stands under the question."""
        tx, here = arrival.tx, arrival.conversation.id
        zone = arrival.person.zone or self.zone
        outcome = questions.press(tx, self.answerers, arrival.person, arrival.message.press, arrival.now, zone)
        reply_id = outcome.replies.get(here)
        if reply_id is None:
            reply_id = outbox.add(tx, here, ReplyKind.COMMAND, outcome.sentence, arrival.now)
        tx.execute(_REPLIED, {"row": arrival.row_id, "reply": reply_id})
        _note_rung(arrival, (here, *outcome.replies, *outcome.rung), received)

    def _hold(self, arrival: Arrival, received: Received) -> None:
        """Let a conversation wait a moment for the rest of a text that its writer's client split."""
        until = pastes.hold(arrival.tx, arrival.row_id, arrival.conversation.id, arrival.message, arrival.rest, arrival.now)
        if arrival.rest is not None:
            pastes.mask(arrival.tx, self.redactor, arrival.rest, arrival.row_id, arrival.text)
        if until is not None:
            received.held[arrival.conversation.id] = until

    def _meet(self, arrival: Arrival, received: Received) -> None:
        """Note a message's files, and let it do to the turn that runs what its writer's mode says."""
        if _take_files(arrival, received):
            return
        met = busy.meet(arrival.tx, self.treasury, arrival.conversation.id, arrival.person, arrival.now, arrival.butler)
        if met is not None and met.fate is not Fate.INTERRUPTS:
            received.busy[arrival.conversation.id] = met.turn_id
            if met.until is not None:
                words = met.in_words(arrival.person.zone or self.zone)
                outbox.add(arrival.tx, arrival.conversation.id, ReplyKind.NOTICE, words, arrival.now)
                received.replies[arrival.conversation.id] = None

    def _answer_at_once(self, arrival: Arrival, received: Received) -> bool:
        """Answer what needs no model; tell whether that was so."""
        words = _refusal(arrival)
        may_order = arrival.rest is None and _is_order(arrival.message)
        if words is None and not (may_order and self.commands.is_command(arrival.text)):
            return False
        tx, conversation, person = arrival.tx, arrival.conversation, arrival.person
        reply_to = None if conversation.address.private else arrival.message.native_id
        reply_id = outbox.add(tx, conversation.id, ReplyKind.COMMAND, "", arrival.now, reply_to=reply_to)
        tx.execute(_REPLIED, {"row": arrival.row_id, "reply": reply_id})
        rung = [conversation.id]
        if words is None:
            zone = person.zone or self.zone
            words = self.commands.answer(
                arrival.text,
                person,
                lambda arguments: Asking(
                    tx, person, arrival.message.sender, conversation, arguments, reply_id, arrival.now, zone, rung
                ),
            )
        outbox.set_text(tx, reply_id, words)
        _note_rung(arrival, rung, received)
        return True


def _take_files(arrival: Arrival, received: Received) -> bool:
    """Note the files that came with a message; tell whether it is answered by what is said of them."""
    tx, message = arrival.tx, arrival.message
    if not message.attachments:
        return False
    files.want(tx, arrival.conversation.id, arrival.row_id, message, arrival.now)
    told = files.conclude(tx, arrival.row_id, arrival.now)
    if told is not None:
        received.replies[arrival.conversation.id] = None
    return told is not None and told.is_answer


def _note_rung(arrival: Arrival, conversation_ids: Iterable[int], received: Received) -> None:
    """Note where something is to be delivered; elsewhere, what others wait for may have become the next thing to do."""
    received.replies.update(dict.fromkeys(conversation_ids))
    for one in set(conversation_ids) - {arrival.conversation.id}:
        if conversations.has_work(arrival.tx, one, arrival.now):
            received.turns[one] = None


def _is_order(message: IncomingMessage) -> bool:
    """Tell whether a message may give orders: what somebody else wrote may not."""
    return message.origin is Origin.PERSON


def _refusal(arrival: Arrival) -> str | None:
    """Return what to say to a message that no model is asked about."""
    if arrival.butler is not None and not arrival.person.may(Right.CHOOSE):
        return f"{refusal(Right.CHOOSE)} Write without @{arrival.butler}, please."
    if not arrival.text and not arrival.message.attachments:
        if arrival.message.unreadable:
            return f"I cannot open {arrival.message.unreadable} yet. Please write what you need as text."
        if arrival.butler is not None:
            return f"**{arrival.butler}** has this conversation from here on."
        return "That message was empty. What can I do for you?"
    if len(arrival.text) > LONGEST_MESSAGE:
        return (
            f"That is {len(arrival.text):,} characters long, and I can read {LONGEST_MESSAGE:,} at a time. Please send it "
            "in parts, or only the part that matters."
        )
    return None

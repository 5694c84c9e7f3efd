"""Arrivals: a message on its way in, put on disk once, or merged with what it edits."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select, update
from sqlalchemy.dialects.postgresql import insert as insert_once

from bot import files, pastes, spoken
from bot.conversations import Conversation
from bot.messages import IncomingMessage
from bot.people import Person
from bot.store.tables import inbox

_KEEP = insert_once(inbox).on_conflict_do_nothing().returning(inbox.c.id)
_TWIN = select(exists().where(inbox.c.conversation_id == bindparam("conversation"), inbox.c.native_id == bindparam("native")))


@dataclass(frozen=True)
class Arrival:
    """A message on its way in."""

    tx: Connection
    message: IncomingMessage
    conversation: Conversation
    person: Person
    butler: str | None
    text: str
    now: datetime
    row_id: int = 0
    rest: pastes.Rest | None = None  # it goes on with a text that was split


@dataclass(frozen=True)
class Merged:
    """What an edit became a part of."""

    row_id: int
    is_waiting: bool


def keep(arrival: Arrival) -> int | None:
    """Put a message on disk and return its row; None when it was there already."""
    if _is_twin(arrival):
        return None
    message = arrival.message
    row = arrival.tx.execute(
        _KEEP,
        {
            "conversation_id": arrival.conversation.id,
            "channel": message.address.channel,
            "external_id": message.id,
            "native_id": message.native_id,
            "person_id": arrival.person.id,
            "butler": arrival.butler,
            "text": arrival.text,
            "origin": message.origin,
            "sent_at": message.sent_at,
            "received_at": arrival.now,
            "state": "waiting",
            "kills": 0,
        },
    )
    return row.scalar_one_or_none()


def _is_twin(arrival: Arrival) -> bool:
    """Tell whether a vendor sends a message a second time under another id, as Slack does with one that names the bot."""
    message = arrival.message
    if message.id == message.native_id or message.is_edit or message.press:
        return False
    return bool(arrival.tx.scalar(_TWIN, {"conversation": arrival.conversation.id, "native": message.native_id}))


def merge(arrival: Arrival) -> Merged | None:
    """Let an edit replace its original while that waits; None where the edit needs an answer of its own.

    One that is being answered hears of the edit as of a new message. One that was answered stays as it was.
    """
    tx = arrival.tx
    original = tx.execute(
        select(inbox.c.id, inbox.c.state, inbox.c.text, inbox.c.paste_id)
        .where(
            inbox.c.conversation_id == arrival.conversation.id,
            inbox.c.native_id == arrival.message.native_id,
            inbox.c.id != arrival.row_id,
            inbox.c.state != "merged",
        )
        .order_by(inbox.c.id.desc())
        .limit(1)
    ).first()
    if original is None or (original.state == "waiting" and not arrival.text and not arrival.message.attachments):
        return None
    mine = update(inbox).where(inbox.c.id == arrival.row_id)
    if original.state == "taken":
        tx.execute(mine.values(text=f"(I have edited my message; it reads now:)\n{arrival.text}"))
        return None
    if original.state == "waiting":
        text = spoken.with_heard(tx, original.id, pastes.corrected(original, arrival.text))
        changed = {"text": text, "butler": arrival.butler, "turn_id": None}  # it is read anew if it was read before
        tx.execute(update(inbox).where(inbox.c.id == original.id).values(changed))
        files.want(tx, arrival.conversation.id, original.id, arrival.message, arrival.now)
    tx.execute(mine.values(state="merged"))
    return Merged(original.id, is_waiting=original.state == "waiting")

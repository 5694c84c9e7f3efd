"""The inbox as it is filled: each message on disk once, however often its vendor sends it."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select
from sqlalchemy.dialects.postgresql import insert as insert_once

from bot.messages import IncomingMessage
from bot.store.tables import inbox

_KEEP = insert_once(inbox).on_conflict_do_nothing().returning(inbox.c.id)
_TWIN = select(exists().where(inbox.c.conversation_id == bindparam("conversation"), inbox.c.native_id == bindparam("native")))


def keep(
    tx: Connection,
    message: IncomingMessage,
    conversation_id: int,
    person_id: int,
    text: str,
    now: datetime,
    butler: str | None = None,
) -> int | None:
    """Put a message on disk and return its row; None when it was there already."""
    if _is_twin(tx, message, conversation_id):
        return None
    row = tx.execute(
        _KEEP,
        {
            "conversation_id": conversation_id,
            "channel": message.address.channel,
            "external_id": message.id,
            "native_id": message.native_id,
            "person_id": person_id,
            "butler": butler,
            "text": text,
            "origin": message.origin,
            "sent_at": message.sent_at,
            "received_at": now,
            "state": "waiting",
            "kills": 0,
        },
    )
    return row.scalar_one_or_none()


def _is_twin(tx: Connection, message: IncomingMessage, conversation_id: int) -> bool:
    """Tell whether a vendor sends a message a second time under another id, as Slack does with one that names the bot."""
    if message.id == message.native_id or message.is_edit or message.press:
        return False
    return bool(tx.scalar(_TWIN, {"conversation": conversation_id, "native": message.native_id}))

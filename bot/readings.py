"""Readings: since when a chat's history has to be read, and what of it is kept already."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from bot.store.chat_tables import readings
from bot.store.tables import inbox

MOST_AT_ONCE = 500  # values in one statement


def unread_since(tx: Connection, channel: str) -> datetime | None:
    """Return since when something may have been missed, or None when nothing was."""
    return tx.scalar(select(readings.c.since).where(readings.c.channel == channel))


def known(tx: Connection, channel: str, ids: Sequence[str]) -> set[str]:
    """Return which of these messages are kept."""
    found: set[str] = set()
    for first in range(0, len(ids), MOST_AT_ONCE):
        some = ids[first : first + MOST_AT_ONCE]
        found.update(tx.scalars(select(inbox.c.external_id).where(inbox.c.channel == channel, inbox.c.external_id.in_(some))))
    return found


def note_unread(tx: Connection, channel: str, since: datetime | None) -> None:
    """Note since when something may have been missed, or that all is read."""
    if since is None:
        tx.execute(delete(readings).where(readings.c.channel == channel))
        return
    row = insert(readings).values(channel=channel, since=since)
    tx.execute(row.on_conflict_do_update(index_elements=[readings.c.channel], set_={"since": since}))

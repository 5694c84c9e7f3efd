"""What owners are told without having asked, each thing once a day."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from bot import conversations, people, unasked
from bot.names import one_line
from bot.people import Gate
from bot.store.tables import notices
from bot.unasked import Word

__all__ = ["count_told", "one_line", "tell_owners"]
KEPT = timedelta(days=2)


def tell_owners(tx: Connection, gate: Gate, key: str, text: str, now: datetime) -> list[int]:
    """Tell every owner, unless they heard of `key` today; return the conversations that have something to deliver.

    It waits for the end of an owner's quiet hours.
    """
    tx.execute(delete(notices).where(notices.c.day < _day(now - KEPT)))
    new = insert(notices).values(key=key, day=_day(now)).on_conflict_do_nothing().returning(notices.c.key)
    if tx.scalar(new) is None:
        return []
    rung = []
    for address, owner in people.owners(tx, gate):
        conversation = conversations.find_or_open(tx, address)
        unasked.say(tx, owner, conversation, Word("The house", text), now)
        rung.append(conversation.id)
    return rung


def count_told(tx: Connection, kind: str, besides: str, now: datetime) -> int:
    """Count what owners were told today under keys that begin so, one left out."""
    mine = (notices.c.day == _day(now), notices.c.key.startswith(kind, autoescape=True), notices.c.key != besides)
    return int(tx.scalar(select(func.count()).select_from(notices).where(*mine)) or 0)


def _day(now: datetime) -> str:
    return str(now.astimezone(UTC).date())

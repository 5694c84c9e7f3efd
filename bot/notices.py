"""What owners are told without having asked, each thing once a day."""

from datetime import UTC, datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from bot import conversations, outbox, people
from bot.messages import ReplyKind
from bot.people import Gate
from bot.store.tables import notices


def tell_owners(tx: Connection, gate: Gate, key: str, text: str, now: datetime) -> list[int]:
    """Tell every owner, unless they heard of `key` today; return the conversations that have something to deliver.

    It waits for the end of an owner's quiet hours.
    """
    told = tx.execute(insert(notices).values(key=key, day=str(now.astimezone(UTC).date())).on_conflict_do_nothing())
    if told.rowcount == 0:
        return []
    rung = []
    for address, owner in people.owners(tx, gate):
        conversation = conversations.find_or_open(tx, address)
        hold = None if owner is None else owner.quiet_until(now)
        outbox.add(tx, conversation.id, ReplyKind.NOTICE, text, now, hold_until=hold)
        rung.append(conversation.id)
    return rung


def one_line(name: str, longest: int = 64) -> str:
    """Return a name that somebody else chose, safe to put into a sentence."""
    return " ".join(name.split())[:longest]

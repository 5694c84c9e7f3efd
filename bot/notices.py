"""What owners are told without having asked, each thing once a day."""

from datetime import UTC, datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from bot import conversations, outbox
from bot.messages import Address, ReplyKind
from bot.people import Gate
from bot.store.tables import notices


def tell_owners(tx: Connection, gate: Gate, key: str, text: str, now: datetime) -> list[int]:
    """Tell every owner, unless they heard of `key` today; return the conversations that have something to deliver."""
    told = tx.execute(insert(notices).values(key=key, day=str(now.astimezone(UTC).date())).on_conflict_do_nothing())
    if told.rowcount == 0:
        return []
    # A terminal is open only now and then: it is told where no owner has another chat.
    away = [owner for owner in sorted(gate.owners) if owner[0] != "terminal"]
    rung = []
    for channel, chat in away or sorted(gate.owners):
        conversation = conversations.find_or_open(tx, Address(channel=channel, chat=chat))
        outbox.add(tx, conversation.id, ReplyKind.NOTICE, text, now)
        rung.append(conversation.id)
    return rung


def one_line(name: str, longest: int = 64) -> str:
    """Return a name that somebody else chose, safe to put into a sentence."""
    return " ".join(name.split())[:longest]

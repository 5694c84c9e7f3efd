"""What becomes of an answer that its chat does not take: whoever asked hears of it where they can be reached."""

from datetime import datetime

from sqlalchemy import Connection, select

from bot import conversations, outbox, people
from bot.messages import ReplyKind
from bot.outbox import Reply
from bot.store.tables import inbox, turns


def tell_who_asked(tx: Connection, reply: Reply, reason: str, now: datetime) -> int | None:
    """Say in another private chat of whoever asked that the answer is kept; return the conversation in which it is said."""
    person_id = tx.scalar(select(turns.c.person_id).where(turns.c.id == reply.turn_id))
    if person_id is None:
        person_id = tx.scalar(select(inbox.c.person_id).where(inbox.c.reply_id == reply.id).order_by(inbox.c.id).limit(1))
    if person_id is None:
        return None  # nobody asked: it was a notice
    there = reply.conversation.address
    for home in people.homes(tx, person_id):
        if (home.channel, home.chat) != (there.channel, there.chat):
            place = there.channel if there.private else f"{there.channel}, chat {there.chat}"
            text = f"I could not answer you on {place}: {reason}. My answer is kept; `/retry r{reply.id}` sends it again."
            here = conversations.find_or_open(tx, home).id
            outbox.add(tx, here, ReplyKind.NOTICE, text, now)
            return here
    return None

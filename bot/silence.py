"""Silence: what owners are asked and told reaches nobody who is no owner any more, or no longer served."""

from sqlalchemy import Connection, Select, and_, delete, or_, select, update

from bot.messages import ReplyKind
from bot.store.schedule_tables import held
from bot.store.tables import PENDING, conversations, identities, inbox, outbox


def private_conversations(person_id: int) -> Select[int]:
    """Return the private chats that a person ever wrote in, or has at home."""
    wrote = select(inbox.c.conversation_id).where(inbox.c.person_id == person_id)
    home = (
        select(identities.c.external_id)
        .where(identities.c.person_id == person_id)
        .where(and_(identities.c.channel == conversations.c.channel, identities.c.home == conversations.c.chat))
        .exists()
    )
    return select(conversations.c.id).where(conversations.c.private, or_(conversations.c.id.in_(wrote), home))


def hush(tx: Connection, person_id: int) -> None:
    """Send a person none of the notices that wait for them, and show them nothing of what becomes of a question."""
    here = outbox.c.conversation_id.in_(private_conversations(person_id))
    waits = (here, PENDING, outbox.c.kind == ReplyKind.NOTICE)
    tx.execute(update(outbox).where(*waits).values(state="withdrawn"))
    tx.execute(update(outbox).where(here, outbox.c.question_id.is_not(None)).values(question_id=None))
    tx.execute(delete(held).where(held.c.person_id == person_id, held.c.origin.is_(None)))

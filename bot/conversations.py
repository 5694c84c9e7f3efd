"""Conversations: where they take place, and who is at work on them.

Statements that every message needs are made once, here and in its other modules: SQLAlchemy takes longer to make a
statement than to run it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, and_, bindparam, exists, func, insert, or_, select, update

from bot.messages import Address
from bot.store.file_tables import WANTED, files
from bot.store.tables import CLAIMED, OPEN, WAITING, conversations, inbox, turns

RING_AGAIN_AFTER = timedelta(seconds=3)
_THIS = conversations.c.id == bindparam("conversation_id")
# What waits is not begun while a file of it is still fetched: what was written after a picture is about the picture.
HELD = select(files.c.conversation_id).join(inbox, inbox.c.id == files.c.inbox_id).where(WANTED, WAITING)
_HAS_WORK = and_(
    or_(conversations.c.wake_at.is_(None), conversations.c.wake_at <= bindparam("now")),
    or_(
        and_(
            conversations.c.id.in_(select(inbox.c.conversation_id).where(WAITING)),
            conversations.c.id.not_in(HELD),
        ),
        conversations.c.id.in_(select(turns.c.conversation_id).where(OPEN)),
    ),
)
_GET = select(conversations).where(_THIS)
_FIND = select(conversations).where(
    conversations.c.channel == bindparam("channel"),
    conversations.c.chat == bindparam("chat"),
    conversations.c.thread == bindparam("thread"),
)
_CLAIM = (
    update(conversations)
    .where(_THIS, conversations.c.claim.is_(None), _HAS_WORK)
    .values(claim=bindparam("token"), worker=bindparam("by"), wake_at=None)
    .returning(conversations)
)
_GIVE = update(conversations).where(_THIS).values(butler=bindparam("to"))
_HOLDS = select(exists().where(_THIS, conversations.c.claim == bindparam("token")))
_IS_CLAIMED = select(exists().where(_THIS, conversations.c.claim.is_not(None)))
_RELEASE = update(conversations).where(_THIS).values(claim=None, worker=None, wake_at=bindparam("wake"), rung_at=None)
_WAITS = select(exists().where(_THIS, _HAS_WORK))
_RUNG = (
    update(conversations)
    .where(conversations.c.id.in_(bindparam("conversation_ids", expanding=True)))
    .values(rung_at=bindparam("now"))
)


@dataclass(frozen=True)
class Conversation:
    """A place where people and a butler talk."""

    id: int
    address: Address
    butler: str | None
    pinned: bool = False  # somebody chose that butler


def find(tx: Connection, address: Address) -> Conversation | None:
    """Return the conversation at an address, if there is one."""
    row = tx.execute(_FIND, {"channel": address.channel, "chat": address.chat, "thread": address.thread}).first()
    return None if row is None else _conversation(row)


def find_or_open(tx: Connection, address: Address) -> Conversation:
    """Return the conversation at an address."""
    found = find(tx, address)
    if found is not None:
        return found
    values = {**address.model_dump(), "prompt_from": 0, "thoughts_from": 0}
    return _conversation(tx.execute(insert(conversations).values(values).returning(conversations)).one())


def get(tx: Connection, conversation_id: int) -> Conversation:
    """Return a conversation that is known."""
    return _conversation(tx.execute(_GET, {"conversation_id": conversation_id}).one())


def choose_butler(tx: Connection, conversation_id: int, butler: str) -> None:
    """Let a butler have the conversation from here on, whatever is written."""
    tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(butler=butler, pinned=True))


def give(tx: Connection, conversation_id: int, butler: str) -> None:
    """Let a butler have the conversation until something is written that is for another."""
    tx.execute(_GIVE, {"conversation_id": conversation_id, "to": butler})


def let_go(tx: Connection, conversation_id: int, *, butler: str | None) -> None:
    """Let no butler be chosen for the conversation; this one has it, or none."""
    tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(butler=butler, pinned=False))


def claim(tx: Connection, conversation_id: int, token: str, worker: str, now: datetime) -> Conversation | None:
    """Take a conversation that has work and that nobody is at work on; None where that is not so."""
    row = tx.execute(_CLAIM, {"conversation_id": conversation_id, "token": token, "by": worker, "now": now}).first()
    return None if row is None else _conversation(row)


def holds(tx: Connection, conversation_id: int, token: str) -> bool:
    """Tell whether a claim is still good; within a writing transaction nobody can take it before the end."""
    return bool(tx.scalar(_HOLDS, {"conversation_id": conversation_id, "token": token}))


def is_claimed(tx: Connection, conversation_id: int) -> bool:
    """Tell whether somebody is at work on a conversation."""
    return bool(tx.scalar(_IS_CLAIMED, {"conversation_id": conversation_id}))


def release(tx: Connection, conversation_id: int, wake_at: datetime | None = None) -> None:
    """Give a conversation back, to be taken again at once or from `wake_at` on."""
    tx.execute(_RELEASE, {"conversation_id": conversation_id, "wake": wake_at})


def has_work(tx: Connection, conversation_id: int, now: datetime) -> bool:
    """Tell whether a conversation waits for a worker."""
    return bool(tx.scalar(_WAITS, {"conversation_id": conversation_id, "now": now}))


def unheard(tx: Connection, now: datetime, after: timedelta = RING_AGAIN_AFTER) -> list[int]:
    """Return the conversations that wait for a worker although they were rung, if at all, some time ago."""
    return list(
        tx.scalars(
            select(conversations.c.id)
            .where(
                conversations.c.claim.is_(None),
                _HAS_WORK,
                or_(conversations.c.rung_at.is_(None), conversations.c.rung_at <= now - after),
            )
            .order_by(conversations.c.id),
            {"now": now},
        )
    )


def note_rung(tx: Connection, conversation_ids: Sequence[int], now: datetime) -> None:
    """Note that conversations are rung now."""
    tx.execute(_RUNG, {"conversation_ids": conversation_ids, "now": now})


def held(tx: Connection, tokens: Collection[str]) -> set[str]:
    """Return which of these claims are still good."""
    return {str(token) for token in tx.scalars(select(conversations.c.claim).where(conversations.c.claim.in_(tokens)))}


def claims_of(tx: Connection, worker: str) -> set[str]:
    """Return the claims that a worker holds."""
    mine = (CLAIMED, conversations.c.worker == worker)
    return {str(token) for token in tx.scalars(select(conversations.c.claim).where(*mine))}


def give_back(tx: Connection, tokens: Collection[str]) -> None:
    """Free conversations without a word about why: their turns are taken up again as they stand."""
    tx.execute(update(conversations).where(conversations.c.claim.in_(tokens)).values(claim=None, worker=None))


def newest_messages(tx: Connection, channel: str) -> dict[tuple[str, str], str]:
    """Return the vendor's id of the newest message that is kept of each chat and thread of a channel."""
    newest = (
        select(func.max(inbox.c.id))
        .join(conversations, conversations.c.id == inbox.c.conversation_id)
        .where(conversations.c.channel == channel, inbox.c.external_id.not_like("press:%"))
        .group_by(inbox.c.conversation_id)
    )
    rows = tx.execute(
        select(conversations.c.chat, conversations.c.thread, inbox.c.native_id)
        .join(inbox, inbox.c.conversation_id == conversations.c.id)
        .where(inbox.c.id.in_(newest))
    )
    return {(row.chat, row.thread): row.native_id for row in rows}


def _conversation(row: Row[tuple[object, ...]]) -> Conversation:
    address = Address(channel=row.channel, chat=row.chat, thread=row.thread, private=row.private)
    return Conversation(row.id, address, row.butler, row.pinned)

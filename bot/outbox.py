"""The outbox: what the house has to say, kept until a chat's vendor has taken every piece of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from bot import conversations as places
from bot.contents import SOURCE
from bot.conversations import Conversation
from bot.enclosures import Enclosure
from bot.messages import Button, Origin, ReplyKind
from bot.ports import Json
from bot.store.tables import GONE, OFFER, PENDING, SENDING, conversations, outbox, parts, previews, questions

GIVE_UP_AFTER = timedelta(hours=24)
_ADD = insert(outbox).returning(outbox.c.id)
_NEXT = select(outbox).where(PENDING, outbox.c.conversation_id == bindparam("conversation_id")).order_by(outbox.c.id).limit(1)
_OPTIONS = select(questions.c.options, OFFER.label("is_offer")).where(
    questions.c.id == bindparam("question"), questions.c.answered_at.is_(None)
)
_PIECES = select(parts).where(parts.c.reply_id == bindparam("reply")).order_by(parts.c.position)
_CUT = insert(parts)
_PIECE = (parts.c.reply_id == bindparam("reply"), parts.c.position == bindparam("at"))
_SENDING = update(parts).where(*_PIECE).values(state="sending", payload=bindparam("as"), native_id=bindparam("native"))
_SENT = update(parts).where(*_PIECE).values(state="sent", native_id=bindparam("native"), sent_at=bindparam("now"))
_DONE = update(outbox).where(outbox.c.id == bindparam("reply")).values(state="sent", error=None)
_PREVIEW = select(previews.c.native_id).where(previews.c.turn_id == bindparam("turn"))


@dataclass(frozen=True)
class Part:
    """One platform message of a reply."""

    position: int
    payload: Json
    native_id: str | None
    sent: bool
    enclosed: bool = False


@dataclass(frozen=True)
class Reply:
    """A reply that is not wholly delivered yet."""

    id: int
    conversation: Conversation
    turn_id: int | None
    kind: ReplyKind
    text: str
    reply_to: str | None
    attempts: int
    created_at: datetime
    next_try_at: datetime
    preview: str | None  # the message that already shows a part of it; "" when it may have been sent
    is_working: bool  # it is no turn's answer, and a turn runs in the conversation
    buttons: tuple[Button, ...]
    parts: tuple[Part, ...]
    enclosure: Json | None


def add(  # noqa: PLR0913 - the columns of a row
    tx: Connection,
    conversation_id: int,
    kind: ReplyKind,
    text: str,
    now: datetime,
    *,
    turn_id: int | None = None,
    reply_to: str | None = None,
    question_id: int | None = None,
    aside: Origin | None = None,
    enclosure: Json | None = None,
    made_by: str | None = None,
) -> int:
    """Keep a reply to be delivered and return its id; `aside` is the origin of words that no turn of the conversation said.

    `made_by` is the key of the call that writes it, which writes no second one.
    """
    values = {"conversation_id": conversation_id, "turn_id": turn_id, "kind": kind, "text": text, "reply_to": reply_to}
    more = {"question_id": question_id, "aside": aside, "enclosure": enclosure, "made_by": made_by}
    made = tx.execute(_ADD, {**values, **more, "state": "pending", "created_at": now, "next_try_at": now, "attempts": 0})
    return int(made.scalar_one())


def amend(tx: Connection, reply_id: int, text: str, now: datetime) -> None:
    """Let a reply read otherwise: where it was sent already, the message changes; what was enclosed stays."""
    mine = parts.c.reply_id == reply_id
    newest = parts.c.position.desc()
    shown = tx.scalar(select(parts.c.native_id).where(mine, ~parts.c.enclosed).order_by(newest).limit(1))
    is_there = tx.scalar(select(parts.c.native_id).where(mine, parts.c.enclosed).order_by(newest).limit(1)) is not None
    tx.execute(delete(parts).where(mine))
    again = {"text": text, "state": "pending", "created_at": now, "next_try_at": now, "error": None}
    replaced = {} if shown is None else {"replaces": shown}
    kept = {"enclosure": None} if is_there else {}
    tx.execute(update(outbox).where(outbox.c.id == reply_id).values(**again, **replaced, **kept))


def set_text(tx: Connection, reply_id: int, text: str) -> None:
    """Give a reply its words, which its id was needed for."""
    tx.execute(update(outbox).where(outbox.c.id == reply_id).values(text=text))


def text_of(tx: Connection, reply_id: int) -> str:
    """Return a reply's words."""
    return str(tx.scalar(select(outbox.c.text).where(outbox.c.id == reply_id)) or "")


def enclose(tx: Connection, reply_id: int, enclosure: Enclosure) -> None:
    """Show something below a reply's words."""
    tx.execute(update(outbox).where(outbox.c.id == reply_id).values(enclosure=enclosure.model_dump(mode="json")))


def waiting(tx: Connection, channels: Sequence[str], now: datetime) -> list[int]:
    """Return the conversations of these channels that have something to be delivered now."""
    first = (
        select(outbox.c.id, outbox.c.conversation_id, outbox.c.next_try_at)
        .where(PENDING)
        .order_by(outbox.c.conversation_id, outbox.c.id)
        .subquery()
    )
    rows = tx.execute(
        select(first.c.conversation_id, first.c.next_try_at)
        .join(conversations, conversations.c.id == first.c.conversation_id)
        .where(conversations.c.channel.in_(channels))
        .order_by(first.c.conversation_id, first.c.id)
    )
    due: dict[int, bool] = {}
    for row in rows:
        due.setdefault(row.conversation_id, row.next_try_at <= now)
    return [conversation_id for conversation_id, is_due in due.items() if is_due]


def next_reply(tx: Connection, conversation_id: int) -> Reply | None:
    """Return the oldest undelivered reply of a conversation."""
    row = tx.execute(_NEXT, {"conversation_id": conversation_id}).first()
    if row is None:
        return None
    pieces = tx.execute(_PIECES, {"reply": row.id})
    is_answer = row.turn_id is not None and row.made_by is None
    preview = preview_of(tx, row.turn_id) if is_answer else row.replaces
    return Reply(
        id=row.id,
        conversation=places.get(tx, conversation_id),
        turn_id=row.turn_id,
        kind=ReplyKind(row.kind),
        text=row.text,
        reply_to=row.reply_to,
        attempts=row.attempts,
        created_at=row.created_at,
        next_try_at=row.next_try_at,
        preview=preview,
        is_working=not is_answer and places.is_claimed(tx, conversation_id),
        buttons=() if row.question_id is None else _buttons(tx, row.question_id),
        parts=tuple(Part(one.position, one.payload, one.native_id, one.state == "sent", one.enclosed) for one in pieces),
        enclosure=row.enclosure,
    )


def _buttons(tx: Connection, question_id: int) -> tuple[Button, ...]:
    """Return the buttons of a question that nobody has answered yet."""
    row = tx.execute(_OPTIONS, {"question": question_id}).first()
    if row is None:
        return ()
    return tuple(
        Button(label=label, token=f"{question_id}:{position}", is_offer=row.is_offer)
        for position, label in enumerate(row.options)
    )


def open_question(tx: Connection, conversation_id: int, now: datetime) -> tuple[str, tuple[Button, ...]] | None:
    """Return the newest question that was asked in a conversation and can still be answered: its words and its buttons."""
    row = tx.execute(
        select(outbox.c.text, outbox.c.question_id)
        .join(questions, questions.c.id == outbox.c.question_id)
        .where(outbox.c.conversation_id == conversation_id, outbox.c.state == "sent")
        .where(questions.c.answered_at.is_(None), ~OFFER, questions.c.expires_at > now)
        .order_by(outbox.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else (row.text, _buttons(tx, row.question_id))


def cut_into_parts(tx: Connection, reply: Reply, payloads: Sequence[Json]) -> tuple[Part, ...]:
    """Keep a reply's pieces; the first words take over the message that shows a part of it already, if there is one."""
    first = next((position for position, payload in enumerate(payloads) if SOURCE not in payload), -1)
    pieces = tuple(
        Part(
            position,
            payload,
            (reply.preview or None) if position == first else None,
            sent=False,
            enclosed=SOURCE in payload,
        )
        for position, payload in enumerate(payloads)
    )
    if pieces:
        rows = [
            {
                "reply_id": reply.id,
                "position": piece.position,
                "payload": piece.payload,
                "state": "pending",
                "native_id": piece.native_id,
                "enclosed": piece.enclosed,
                "doubts": int(piece.position == first and reply.preview == ""),
            }
            for piece in pieces
        ]
        tx.execute(_CUT, rows)
    return pieces


def note_sending(tx: Connection, reply_id: int, part: Part) -> None:
    """Note that a piece is about to be sent, so that a crash leaves a trace."""
    tx.execute(_SENDING, {"reply": reply_id, "at": part.position, "as": part.payload, "native": part.native_id})


def note_sent(tx: Connection, reply_id: int, part: Part, native_id: str, now: datetime) -> bool:
    """Note that the vendor has taken a piece; tell whether it is still the one that the reply consists of.

    One that was amended while it was being sent is now the message that must read otherwise; what is enclosed is shown once.
    """
    if tx.execute(_SENT, {"reply": reply_id, "at": part.position, "native": native_id, "now": now}).rowcount:
        return True
    changes = {"enclosure": None} if part.enclosed else {"replaces": native_id}
    tx.execute(update(outbox).where(outbox.c.id == reply_id).values(**changes))
    return False


def note_unsent(tx: Connection, reply_id: int, position: int, *, doubtful: bool) -> None:
    """Note that a piece was not taken, or that nobody knows and it is sent again."""
    again = update(parts).where(*_PIECE).values(state="pending", doubts=parts.c.doubts + int(doubtful))
    tx.execute(again, {"reply": reply_id, "at": position})


def note_done(tx: Connection, reply_id: int) -> None:
    """Note that a reply is delivered."""
    tx.execute(_DONE, {"reply": reply_id})


def put_off(tx: Connection, reply_id: int, until: datetime, reason: str) -> None:
    """Try a reply again later."""
    tx.execute(
        update(outbox).where(outbox.c.id == reply_id).values(next_try_at=until, attempts=outbox.c.attempts + 1, error=reason)
    )


def give_up(tx: Connection, reply_id: int, reason: str) -> None:
    """Set a reply aside that cannot be delivered."""
    tx.execute(update(outbox).where(outbox.c.id == reply_id).values(state="gone", error=reason))


def retry(tx: Connection, reply_id: int, now: datetime) -> bool:
    """Deliver a reply that was given up after all. Tell whether there was one."""
    again = tx.execute(
        update(outbox).where(outbox.c.id == reply_id, GONE).values(state="pending", next_try_at=now, created_at=now)
    )
    return again.rowcount == 1


def doubt_all_in_flight(tx: Connection, channels: Sequence[str]) -> int:
    """After a crash: send again what was being sent, and note the doubt. Return how many pieces that are."""
    of_channels = (
        select(outbox.c.id)
        .join(conversations, conversations.c.id == outbox.c.conversation_id)
        .where(conversations.c.channel.in_(channels))
    )
    found = tx.execute(
        update(parts).where(SENDING, parts.c.reply_id.in_(of_channels)).values(state="pending", doubts=parts.c.doubts + 1)
    )
    return int(found.rowcount)


def note_preview(tx: Connection, turn_id: int, native_id: str) -> None:
    """Remember the message that shows a turn's answer while it is being written; "" while it is being sent."""
    tx.execute(
        insert_or_update(previews)
        .values(turn_id=turn_id, native_id=native_id)
        .on_conflict_do_update(index_elements=[previews.c.turn_id], set_={"native_id": native_id})
    )


def forget_preview(tx: Connection, turn_id: int) -> None:
    """Forget a message that was surely not sent."""
    tx.execute(delete(previews).where(previews.c.turn_id == turn_id))


def preview_of(tx: Connection, turn_id: int) -> str | None:
    """Return the message that shows a turn's answer, if one does."""
    return tx.scalar(_PREVIEW, {"turn": turn_id})

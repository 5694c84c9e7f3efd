"""Questions: what the house asks a person, answered once by a button."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from bot import outbox
from bot.messages import ReplyKind
from bot.people import Person, person
from bot.ports import Json
from bot.roles import Right, Role, may, refusal
from bot.store.tables import GONE, OFFER, UNANSWERED, conversations, identities, people, questions
from bot.store.tables import outbox as replies

_GET = select(questions).where(questions.c.id == bindparam("question"))
# The chats in which a question stands, and what the person is by now whose private chat each is.
_ASKED = (
    select(replies.c.id, replies.c.conversation_id, replies.c.text, people.c.role)
    .join(conversations, conversations.c.id == replies.c.conversation_id)
    .outerjoin(identities, (identities.c.channel == conversations.c.channel) & (identities.c.home == conversations.c.chat))
    .outerjoin(people, people.c.id == identities.c.person_id)
    .where(replies.c.question_id == bindparam("question"), replies.c.state != "withdrawn")
    .order_by(replies.c.id)
)
_LONGEST_NUMBER = 18  # digits: a row's id has no more
EXPIRED = "Nobody answered in time; nothing was done."
NEWS_FOR = timedelta(days=7)  # a button that is older says so itself when somebody presses it
_LAPSED = (
    select(questions)
    .where(UNANSWERED, ~OFFER, questions.c.expires_at.between(bindparam("since"), bindparam("now")))
    .where(select(replies.c.id).where(replies.c.question_id == questions.c.id).exists())
    .order_by(questions.c.id)
)
UNKNOWN = "That button is none of mine; nothing was done."


@dataclass(frozen=True)
class Question:
    """What is asked, and who may answer until when; without a person, any owner."""

    kind: str
    about: Json
    options: Sequence[str]
    person_id: int | None
    expires_at: datetime


@dataclass(frozen=True)
class Done:
    """What came of an answer, in a sentence, and the further conversations in which that left something to deliver."""

    sentence: str
    rung: tuple[int, ...] = ()


@dataclass(frozen=True)
class Answerer:
    """What an answer to a question of one kind does, and the right without which nobody gives one."""

    right: Right
    take: Callable[[Connection, Person, Json, int, datetime], Done]


@dataclass(frozen=True)
class Outcome:
    """What came of a press; `replies` are those of the question, by their conversations, when it was answered with it."""

    sentence: str
    replies: Mapping[int, int] = field(default_factory=dict)
    rung: tuple[int, ...] = ()


def ask(tx: Connection, question: Question, conversation_ids: Sequence[int], text: str, now: datetime) -> int:
    """Ask in each of these conversations and return the question's id; the first answer counts."""
    question_id = _keep(tx, question, now)
    for conversation_id in conversation_ids:
        outbox.add(tx, conversation_id, ReplyKind.NOTICE, text, now, question_id=question_id)
    return question_id


def ask_in(tx: Connection, question: Question, reply_id: int, now: datetime) -> int:
    """Let a reply, such as that to a command, be the one that asks; return the question's id."""
    question_id = _keep(tx, question, now)
    tx.execute(update(replies).where(replies.c.id == reply_id).values(question_id=question_id))
    return question_id


def press(
    tx: Connection, answerers: Mapping[str, Answerer], presser: Person, token: str, now: datetime, zone: ZoneInfo
) -> Outcome:
    """Take the answer that a button stands for, or say why it is not taken."""
    row, position = _read(tx, token)
    if row is None or row.kind not in answerers:
        return Outcome(UNKNOWN)
    answerer = answerers[row.kind]
    why_not = _why_not_theirs(tx, row, presser, answerer.right)
    if why_not:
        return Outcome(why_not)
    if row.answered_at is not None:
        return Outcome(_answered_already(tx, row, zone))
    if row.expires_at <= now:
        return Outcome(f"That question expired at {row.expires_at.astimezone(zone):%H:%M}; nothing was done.")
    taken = {"answer": position, "answered_by": presser.id, "answered_at": now}
    # Writers come one after the other, and still the row itself says who was first.
    mine = (questions.c.id == row.id, questions.c.answered_at.is_(None))
    if tx.execute(update(questions).where(*mine).values(**taken)).rowcount == 0:
        return Outcome(_answered_already(tx, tx.execute(_GET, {"question": row.id}).one(), zone))
    done = answerer.take(tx, presser, row.about, position, now)
    return Outcome(done.sentence, _amend(tx, row, done.sentence, now), done.rung)


def expire(tx: Connection, now: datetime) -> list[int]:
    """Let what asked a question that nobody answered in time say so, once, without its buttons; return the conversations.

    An offer that nobody took stays as it is: what stands above its buttons was done.
    """
    rung: list[int] = []
    for row in tx.execute(_LAPSED, {"since": now - NEWS_FOR, "now": now}).all():
        # One that never reached its chat is not sent now.
        tx.execute(update(replies).where(replies.c.question_id == row.id, GONE).values(question_id=None))
        rung += _amend(tx, row, EXPIRED, now)
        tx.execute(update(replies).where(replies.c.question_id == row.id).values(question_id=None))
    return rung


def _keep(tx: Connection, question: Question, now: datetime) -> int:
    values = {
        "kind": question.kind,
        "about": question.about,
        "options": list(question.options),
        "person_id": question.person_id,
        "made_at": now,
        "expires_at": question.expires_at,
    }
    return int(tx.execute(insert(questions).values(values).returning(questions.c.id)).scalar_one())


def _read(tx: Connection, token: str) -> tuple[Row[Any] | None, int]:
    """Return the question that a token names, and the position; no question for a token that nobody was given."""
    number, _, position = token.partition(":")
    if not all(part.isascii() and part.isdecimal() and len(part) <= _LONGEST_NUMBER for part in (number, position)):
        return None, 0
    row = tx.execute(_GET, {"question": int(number)}).first()
    return (None, 0) if row is None or int(position) >= len(row.options) else (row, int(position))


def _why_not_theirs(tx: Connection, row: Row[Any], presser: Person, right: Right) -> str:
    """Return why somebody cannot answer a question, or nothing; what they could do when it was asked does not count."""
    if presser.id != row.person_id and (row.person_id is not None or not presser.may(Right.KEEP_PEOPLE)):
        whom = "an owner" if row.person_id is None else person(tx, row.person_id).name
        return f"That question is for {whom}; nothing was done."
    return "" if presser.may(right) else f"{refusal(right)} Nothing was done."


def _answered_already(tx: Connection, row: Row[Any], zone: ZoneInfo) -> str:
    who = person(tx, row.answered_by).name
    chosen = row.options[row.answer]
    return f"That was answered already: {who} chose “{chosen}” at {row.answered_at.astimezone(zone):%H:%M}."


def _amend(tx: Connection, question: Row[Any], sentence: str, now: datetime) -> dict[int, int]:
    """Let every message that asked say what came of it, but in no chat of somebody who would not be asked any more."""
    asked = tx.execute(_ASKED, {"question": question.id}).all()
    right = Right.TALK if question.person_id is not None else Right.KEEP_PEOPLE
    told = [row for row in asked if row.role is None or may(Role(row.role), right)]
    for row in told:
        outbox.amend(tx, row.id, f"{row.text}\n\n{sentence}", now)
    return {row.conversation_id: row.id for row in told}

"""One-time codes: shown in one chat and typed in another, they prove that somebody sits at both."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from bot.ports import Json
from bot.store.code_tables import UNUSED, codes, tries

HOLDS = timedelta(minutes=15)
KEPT = timedelta(hours=24)
MOST_WRONG = 3
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without those that look like another
_HALF = 4
_LEFT = {1: "Two tries are left", 2: "One try is left"}


@dataclass(frozen=True)
class Shown:
    """To whom a code is shown, where, and what for; `person_id` is whose it is, if the house knows them."""

    kind: str
    who: str
    conversation_id: int
    about: Json
    person_id: int | None = None


def make(tx: Connection, shown: Shown, now: datetime) -> tuple[int, str]:
    """Make a code and return its id and what is shown; an earlier one for the same use no longer holds."""
    tx.execute(delete(codes).where(codes.c.made_at < now - KEPT))
    tx.execute(delete(tries).where(tries.c.at < now - KEPT))
    mine = (UNUSED, codes.c.who == shown.who, codes.c.kind == shown.kind)
    tx.execute(update(codes).where(*mine).values(state="void"))
    half = ["".join(secrets.choice(_LETTERS) for _ in range(_HALF)) for _ in range(2)]
    values = {
        "kind": shown.kind,
        "hash": _hash("".join(half)),
        "who": shown.who,
        "about": shown.about,
        "conversation_id": shown.conversation_id,
        "person_id": shown.person_id,
        "made_at": now,
        "expires_at": now + HOLDS,
        "state": "open",
    }
    return int(tx.execute(insert(codes).values(values).returning(codes.c.id)).scalar_one()), "-".join(half)


def enter(tx: Connection, kind: str, typed: str, who: str, gesture: str, now: datetime) -> Row[Any] | str:
    """Return the code that somebody typed, or a sentence about why it is none; three wrong ones make them wait.

    A code counts as used only when `use` says so. `gesture` is the message, which counts once however often it comes.
    """
    wrong = _wrong(tx, who, now)
    if len(wrong) >= MOST_WRONG:
        return f"Three codes were wrong. Wait {_minutes(wrong[-1] + HOLDS - now)} before you try another."
    found = tx.execute(
        select(codes).where(codes.c.kind == kind, codes.c.hash == _hash(typed)).order_by(codes.c.id.desc()).limit(1)
    ).first()
    tx.execute(insert(tries).values(who=who, gesture=gesture, is_right=found is not None, at=now))
    if found is None:
        left = _LEFT.get(len(wrong) + 1)
        return f"That code is not right. {left}." if left else f"That code is not right. Wait {_minutes(HOLDS)}, please."
    if found.state != "open":
        return "That code was used already. Ask for a new one." if found.state == "used" else "That code no longer holds."
    if found.expires_at <= now:
        return f"That code expired {_minutes(now - found.expires_at)} ago. Ask for a new one."
    return found


def was_typed(tx: Connection, who: str, gesture: str) -> bool:
    """Tell whether a message was taken as a try already."""
    return tx.execute(select(tries.c.at).where(tries.c.who == who, tries.c.gesture == gesture)).first() is not None


def must_wait(tx: Connection, who: str, now: datetime) -> bool:
    """Tell whether somebody typed too many wrong codes to try another."""
    return len(_wrong(tx, who, now)) >= MOST_WRONG


def may_be_typed(tx: Connection, kind: str, typed: str, now: datetime) -> bool:
    """Tell whether a code holds that could be meant, or whether this one ever was one."""
    is_one = select(codes.c.id).where(codes.c.kind == kind, codes.c.hash == _hash(typed)).limit(1)
    return count_open(tx, kind, now) > 0 or tx.execute(is_one).first() is not None


def tries_of_strangers(tx: Connection, now: datetime) -> int:
    """Count what strangers typed as codes, as long as a wrong one counts."""
    of_strangers = (tries.c.who.not_like("person:%"), tries.c.at > now - HOLDS)
    return int(tx.scalar(select(func.count()).select_from(tries).where(*of_strangers)) or 0)


def use(tx: Connection, code_id: int) -> bool:
    """Use a code up; tell whether it still held."""
    return tx.execute(update(codes).where(codes.c.id == code_id, UNUSED).values(state="used")).rowcount == 1


def note_question(tx: Connection, code_id: int, question_id: int) -> None:
    """Note what somebody is asked about a code."""
    tx.execute(update(codes).where(codes.c.id == code_id).values(question_id=question_id))


def void_all(tx: Connection, person_id: int) -> None:
    """Let no code of a person hold any longer."""
    tx.execute(update(codes).where(UNUSED, codes.c.person_id == person_id).values(state="void"))


def void_shown_to(tx: Connection, who: str) -> None:
    """Let no code that somebody was shown hold any longer."""
    tx.execute(update(codes).where(UNUSED, codes.c.who == who).values(state="void"))


def get(tx: Connection, code_id: int) -> Row[Any] | None:
    """Return a code, as long as it is kept."""
    return tx.execute(select(codes).where(codes.c.id == code_id)).first()


def shown_since(tx: Connection, kind: str, who: str, since: datetime) -> int:
    """Count the codes that somebody was shown."""
    return _count(tx, codes.c.kind == kind, codes.c.who == who, codes.c.made_at > since)


def count_open(tx: Connection, kind: str, now: datetime, who: str | None = None) -> int:
    """Count the codes that hold now, of everybody or of one."""
    mine = () if who is None else (codes.c.who == who,)
    return _count(tx, UNUSED, codes.c.kind == kind, codes.c.expires_at > now, *mine)


def _wrong(tx: Connection, who: str, now: datetime) -> list[datetime]:
    """Return when somebody last typed wrong codes, the newest first."""
    mine = (tries.c.who == who, tries.c.is_right.is_(False), tries.c.at > now - HOLDS)
    return list(tx.scalars(select(tries.c.at).where(*mine).order_by(tries.c.at.desc()).limit(MOST_WRONG)))


def _count(tx: Connection, *which: Any) -> int:  # noqa: ANN401 - conditions
    return int(tx.scalar(select(func.count()).select_from(codes).where(*which)) or 0)


def _hash(typed: str) -> str:
    letters = "".join(letter for letter in typed.upper() if letter.isalnum())
    return sha256(letters.encode()).hexdigest()


def _minutes(span: timedelta) -> str:
    minutes = ceil(span / timedelta(minutes=1))
    return f"{minutes} minute{'s' if minutes != 1 else ''}"

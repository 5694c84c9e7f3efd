"""Awakening: a house that was restored from a back-up does not know what was done after it, and so does nothing twice.

Whatever was under way is taken for perhaps done: messages are set aside with a word to whoever wrote them, who can have them
done; calls in flight are unknown; what was reserved is spent; replies on their way say that they may have come before.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, true, update

from bot import conversations, journal, outbox, transcript
from bot.messages import ReplyKind
from bot.notices import tell_owners
from bot.people import Gate
from bot.schedules import missing, runs
from bot.store.ask_tables import ASKED, asks
from bot.store.code_tables import UNUSED, codes
from bot.store.schedule_tables import held
from bot.store.tables import OFFER, OPEN, PENDING, UNANSWERED, WAITING, inbox, parts, previews, questions, turns, workers
from bot.store.tables import conversations as places
from bot.store.tables import outbox as replies
from bot.store.treasury_tables import HELD, reservations
from bot.tools import Effect
from bot.treasury import caps
from bot.treasury.treasury import Treasury
from bot.turn import close

GAP = 1_000_000  # numbers of questions that are not given again: their buttons may stand in chats
LONG_AGO = timedelta(days=30)
MAY_HAVE_COME = "(This may have come before.) "
STOPPED = "the house was restored from a back-up, and this may have been done before"


@dataclass(frozen=True)
class Awakening:
    """Brings a restored house to the present."""

    gate: Gate
    treasury: Treasury

    def wake(self, tx: Connection, made_at: datetime, now: datetime) -> None:
        """Settle all that was under way when a back-up was made, and let people know."""
        when = f"{made_at.astimezone(self.treasury.zone):%a %d %b %Y %H:%M}"
        doubtful = _doubt_replies(tx, when)
        aside = self._set_aside(tx, when, now)
        _stop_asking(tx, when, now)
        _charge(tx, self.treasury, now)
        _forget_workers(tx)
        _close_doors(tx, now)
        due = missing.pass_over(tx, when, now)
        journal.begin_era(tx, now)
        told = _in_words(when, made_at, now, [(aside, *_ASIDE), (doubtful, *_DOUBTFUL), (due, *_DUE)])
        tell_owners(tx, self.gate, f"restored:{made_at:%Y%m%d%H%M%S}", told, now)

    def _set_aside(self, tx: Connection, when: str, now: datetime) -> int:
        """Set aside what was being answered or waited to be, with a word where it was written; return how many messages."""
        runs.stop_all(tx, true(), STOPPED, now)
        under_way: dict[int, list[Row[Any]]] = defaultdict(list)
        warnings: dict[int, str] = defaultdict(str)
        for turn in tx.execute(select(turns).where(OPEN).order_by(turns.c.id)).all():
            mine = tx.execute(select(inbox).where(inbox.c.turn_id == turn.id).order_by(inbox.c.id)).all()
            under_way[turn.conversation_id] += mine
            warnings[turn.conversation_id] += self._close(tx, turn, now)
        for row in tx.execute(select(inbox).where(WAITING).order_by(inbox.c.id)).all():
            under_way[row.conversation_id].append(row)
        return sum(_tell(tx, place, rows, warnings[place], when, now) for place, rows in under_way.items())

    def _close(self, tx: Connection, turn: Row[Any], now: datetime) -> str:
        """Close a turn without an answer; return a sentence about what it may have done, or nothing."""
        self.treasury.charge_left(tx, turn.id, now)
        found = transcript.open_calls(tx, turn.conversation_id)
        if found is not None and found[0].turn_id == turn.id:
            # What was not begun then may have been since.
            era = journal.era(tx)
            wanted = {journal.call_key(turn.id, found[0].id, place, era): call for place, call in enumerate(found[1])}
            begun = journal.begun(tx, list(wanted))
            journal.begin(tx, turn.id, {key: (one, Effect.BLIND) for key, one in wanted.items() if key not in begun}, now)
        journal.give_up(tx, turn.id, now)
        transcript.withdraw(tx, turn.id)
        tx.execute(delete(previews).where(previews.c.turn_id == turn.id))  # the message may be the answer by now
        if turn.run_id is not None:
            caps.limit_turn(tx, turn.id, None)
        close(tx, turn.id, turn.conversation_id, "stopped", None, now)
        return journal.warning(tx, turn.id, turn.follows)


def _tell(tx: Connection, place_id: int, rows: list[Row[Any]], warning: str, when: str, now: datetime) -> int:
    """Say what became of the messages of a conversation; return how many of them somebody can have done again."""
    numbers = [row.id for row in rows]
    mine = update(inbox).where(inbox.c.id.in_(numbers))
    if conversations.get(tx, place_id).address.channel == runs.HOUSE or not rows:
        tx.execute(mine.values(state="answered"))
        return 0
    again = " and ".join(f"`/retry {number}`" for number in numbers)
    words = "; ".join("what another butler told me" if row.ask_id else f"“{_short(row.text)}”" for row in rows)
    text = (
        f"I was restored from the back-up of {when}, when I was not done with this: {words}. I may have answered it since, so "
        f"I do not do it by myself. {again} does it once more.{warning}"
    )
    reply_id = outbox.add(tx, place_id, ReplyKind.FAILURE, text, now)
    tx.execute(mine.values(state="parked", reply_id=reply_id))
    return len(numbers)


def _stop_asking(tx: Connection, when: str, now: datetime) -> None:
    """Ask no more what butlers asked each other, and say so where the answer was to be told."""
    for row in tx.execute(select(asks.c.conversation_id, asks.c.butler).where(ASKED).order_by(asks.c.id)).all():
        if conversations.get(tx, row.conversation_id).address.channel != runs.HOUSE:
            text = (
                f"I was restored from the back-up of {when}, when {row.butler} had not answered me yet. I may have told you "
                "the answer since; where I did not, ask me once more."
            )
            outbox.add(tx, row.conversation_id, ReplyKind.NOTICE, text, now)
    tx.execute(update(asks).where(ASKED).values(state="stopped", ended_at=now))


def _charge(tx: Connection, treasury: Treasury, now: datetime) -> None:
    """Count as spent what any turn had reserved."""
    for turn_id in tx.scalars(select(reservations.c.turn_id).where(HELD).distinct()).all():
        treasury.charge_left(tx, turn_id, now)


def _doubt_replies(tx: Connection, when: str) -> int:
    """Let each reply that was on its way say that it may have come before; return how many there are.

    What only changes a message that stands in a chat may be done again.
    """
    rows = tx.execute(select(replies.c.id, replies.c.text).where(PENDING, replies.c.replaces.is_(None))).all()
    for row in rows:
        tx.execute(delete(parts).where(parts.c.reply_id == row.id))
        text = f"_This may have come before: I was restored from the back-up of {when}._\n\n{row.text}"
        tx.execute(update(replies).where(replies.c.id == row.id).values(text=text))
    return len(rows)


def _forget_workers(tx: Connection) -> None:
    """Free all conversations of whoever worked at them; none of these is here."""
    tx.execute(update(places).values(claim=None, worker=None, wake_at=None, rung_at=None))
    tx.execute(delete(workers))


def _close_doors(tx: Connection, now: datetime) -> None:
    """Let no code and no question of before be used: they may have been, and what a question asks done."""
    tx.execute(update(codes).where(UNUSED).values(state="void"))
    tx.execute(update(held).where(held.c.until <= now).values(text=literal(MAY_HAVE_COME).concat(held.c.text)))
    asked = select(questions.c.id).where(UNANSWERED, ~OFFER)
    tx.execute(update(replies).where(replies.c.question_id.in_(asked)).values(question_id=None))
    tx.execute(update(questions).where(UNANSWERED, ~OFFER).values(expires_at=now - LONG_AGO))
    last = tx.scalar(select(func.max(questions.c.id))) or 0
    spent = {"kind": "restore", "about": {}, "options": [], "made_at": now, "expires_at": now, "answer": 0, "answered_at": now}
    tx.execute(insert(questions).values(id=last + GAP, **spent))


_ASIDE = ("message was not answered", "messages were not answered", "set aside with a word there; `/failed` lists what is")
_DOUBTFUL = ("reply was on its way", "replies were on their way", "told with a word that it may have come before")
_DUE = ("schedule was due since", "schedules were due since", "passed over, as that may have been done; `/agenda` says which")


_ALWAYS = (
    "- what was spent since is not in my books, so that caps leave more than they should until they begin anew",
    "- what was written meanwhile may be unread: say it once more where no answer came",
    "- codes, and buttons that asked something, no longer work",
)


def _in_words(when: str, made_at: datetime, now: datetime, found: Iterable[tuple[int, str, str, str]]) -> str:
    """Return what owners are told."""
    hours, minutes = divmod(int((now - made_at).total_seconds()) // 60, 60)
    old = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    lines = [f"- {count} {one if count == 1 else many}: {then}" for count, one, many, then in found if count]
    head = (
        f"This house was **restored from the back-up of {when}** ({old} old). What was said, done, spent, changed or forgotten "
        "after that is not known to me, and I do nothing twice:\n"
    )
    return "\n".join([head, *lines, *_ALWAYS])


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 80 else f"{words[:79]}…"  # noqa: PLR2004 - a line on a phone, about

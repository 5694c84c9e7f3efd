"""Erasing: everything that somebody said in private, and all that is kept for them, is forgotten at once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from bot import long_results, moves, release, stopping
from bot.compaction import record
from bot.forgetting import wishes
from bot.forgetting.wishes import Forgotten
from bot.people import Person
from bot.ports import Json
from bot.questions import Done
from bot.search import history
from bot.silence import private_conversations
from bot.store.busy_tables import turn_events
from bot.store.schedule_tables import held
from bot.store.tables import PENDING, calls, inbox, parts, transcript, turns
from bot.store.tables import outbox as replies
from bot.switchboard import corrections
from bot.treasury.treasury import Treasury

KIND = "forgetting"
OPTIONS = ("Forget everything", "Cancel")
QUESTION = (
    "Shall I forget everything about you? Butlers then forget all facts and notes that they keep for you, and the words of our "
    "private chats and of the tool calls made there are deleted; it cannot be undone. What I do for you now is stopped. What "
    "you said in groups stays, and so do your schedules and settings, what it all cost, what stands in the chats themselves, "
    "and back-ups that were made before."
)


@dataclass(frozen=True)
class Erasing:
    """Takes the answer to whether all shall be forgotten."""

    treasury: Treasury

    def answer(self, tx: Connection, person: Person, about: Json, position: int, now: datetime) -> Done:
        """Do what the person said."""
        del about
        if position:
            return Done("Nothing was changed.")
        stopped = stopping.stop_all(tx, self.treasury, person.id, "Everything is to be forgotten.", now)
        erase(tx, person.id, now)
        moves.keep_again(tx, person.id, now)
        return Done("All of it is forgotten; within a minute it is gone from every store, too.", stopped)


def erase(tx: Connection, person_id: int, now: datetime) -> None:
    """Blank the words of a person's private chats, and let butlers delete what they keep for them."""
    here = list(tx.scalars(private_conversations(person_id)))
    theirs = select(turns.c.id).where(turns.c.conversation_id.in_(here))
    keys = list(tx.scalars(select(calls.c.key).where(calls.c.turn_id.in_(theirs))))
    tx.execute(update(inbox).where(inbox.c.conversation_id.in_(here)).values(text=""))
    tx.execute(update(transcript).where(transcript.c.conversation_id.in_(here)).values(content=[], withdrawn=True))
    record.forget(tx, here)
    long_results.forget_all(tx, here)
    release.forget(tx, here)
    tx.execute(update(calls).where(calls.c.turn_id.in_(theirs)).values(arguments={}, result=None))
    tx.execute(update(turns).where(turns.c.conversation_id.in_(here)).values(error=None))
    tx.execute(update(turn_events).where(turn_events.c.turn_id.in_(theirs)).values(words=""))
    tx.execute(delete(held).where(held.c.conversation_id.in_(here)))
    said = replies.c.conversation_id.in_(here) & replies.c.question_id.is_(None)  # what is being answered reads on
    tx.execute(delete(parts).where(parts.c.reply_id.in_(select(replies.c.id).where(said))))
    tx.execute(update(replies).where(said, PENDING).values(state="withdrawn"))
    tx.execute(update(replies).where(said).values(text="", error=None, aside=None))
    corrections.forget_person(tx, person_id)
    moves.forget(tx, person_id, keys, now)
    for subject in history.subjects(tx, f"person:{person_id}"):
        wishes.drop(tx, subject)
        wishes.note(tx, f"all:{subject}:{now.isoformat()}", Forgotten(subject), now)

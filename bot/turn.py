"""A turn: one piece of work on a conversation, from the messages that started it to the one reply that answers them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from bot import asks, conversations, hearing, journal, outbox, pastes, spoken, turn_events, verbose
from bot.asks import Ask
from bot.conversations import Conversation
from bot.errors import ClaimLost, Suspect
from bot.hearing import Reader
from bot.household import Butler, Household
from bot.messages import Origin, ReplyKind
from bot.people import Mode, Person, person
from bot.roles import Role
from bot.schedules import ending, runs
from bot.schedules.ending import Fault, Outcome
from bot.schedules.runs import Frame, Run
from bot.search import history
from bot.search.history import Speaker, Words
from bot.store.database import Database
from bot.store.tables import OPEN, WAITING, inbox, turns
from bot.switchboard import handing_over
from bot.switchboard.decisions import OPEN as OPEN_BUTLER
from bot.treasury.budgets import Spender
from bot.turn_events import Happening

Clock = Callable[[], datetime]
WORDLESS = "I have nothing to say to this."
SILENCE = (*ending.NOTHING, WORDLESS.rstrip(".").casefold())
_UNFINISHED = select(turns).where(turns.c.conversation_id == bindparam("conversation_id"), OPEN)
_BEGIN = insert(turns).returning(turns)
_KILLS = select(inbox.c.kills).where(inbox.c.turn_id == bindparam("turn"))
_STEP = (
    update(turns).where(turns.c.id == bindparam("turn")).values(steps=turns.c.steps + 1, attempts=0, model=bindparam("asked"))
)
_ANSWERED = (
    update(inbox).where(inbox.c.turn_id == bindparam("turn")).values(state=bindparam("now"), reply_id=bindparam("reply"))
)
_CLOSE = (
    update(turns)
    .where(turns.c.id == bindparam("turn"))
    .values(state=bindparam("now"), ended_at=bindparam("at"), error=bindparam("why"))
)
_DROP = (
    update(inbox)
    .where(inbox.c.conversation_id == bindparam("conversation"), inbox.c.person_id == bindparam("by"), WAITING)
    .values(state="answered")
)


@dataclass(frozen=True)
class Turn:
    """A turn that this worker has claimed; every write checks that the claim still holds."""

    id: int
    conversation: Conversation
    person: Person
    butler: Butler
    steps: int
    attempts: int
    resumed: bool  # it was begun before, by this worker or another
    root_id: int | None  # the turn that started it
    follows: int | None  # the turn that was interrupted for it
    undecided: bool  # it is still to be found out whom its messages are for
    unheard: bool  # something that was said in them is to be listened to
    frame: Frame | None  # of the run of a schedule, if it is one
    ask: Ask | None  # the question of another butler that it answers
    token: str
    database: Database
    clock: Clock
    zone: ZoneInfo

    @property
    def spender(self) -> Spender:
        """Whose money it costs."""
        job = self.frame.job if self.frame else None
        return Spender(self.id, self.conversation.id, self.person.id, self.butler.name, self.root_id, job)

    @property
    def place(self) -> Conversation:
        """Where its answer goes."""
        return self.frame.place if self.frame else self.conversation

    @property
    def subject(self) -> str:
        """Whose memory counts in it."""
        framed = self.frame or self.ask
        return framed.subject if framed else self.conversation.address.subject(self.person.id)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a writing transaction. Raises ClaimLost when the turn was stopped or taken over."""
        with self.database.write() as tx:
            if not conversations.holds(tx, self.conversation.id, self.token):
                raise ClaimLost(f"turn {self.id}")
            yield tx

    def read_new_messages(self) -> None:
        """Let what was written during the turn be read at its next step, unless the person wants it to wait."""
        if self.frame:
            return
        with self.database.read() as tx:
            if not hearing.waiting(tx, self.conversation.id, self.clock()) or person(tx, self.person.id).mode is Mode.QUEUE:
                return
        with self.writing() as tx:
            now = self.clock()
            batch = hearing.batch(hearing.waiting(tx, self.conversation.id, now), self.person.id, self.butler.name)
            hearing.hear(tx, self.id, self.conversation, batch, Reader(self.person, self.zone, now))

    def note_step(self, tx: Connection, model: str) -> None:
        """Count a step that a model answered."""
        tx.execute(_STEP, {"turn": self.id, "asked": model})

    def note_said(self, tx: Connection, speaker: Speaker, name: str, text: str, origin: Origin) -> None:
        """Let what was said or read in this turn be found later, by whom it is for."""
        where = (self.subject, self.conversation.id, self.id)
        history.note(tx, Words(*where, speaker, text, origin, self.clock(), name=name))

    def end(self, tx: Connection, state: str, kind: ReplyKind, text: str, fault: Fault = Fault.LASTING) -> bool:
        """Close the turn with the reply to all its messages; tell whether the conversation has more work.

        `fault` says what becomes of the run of a schedule that failed.
        """
        now = self.clock()
        if kind is ReplyKind.ANSWER and text.strip().rstrip(".").casefold() in SILENCE:
            text = asks.instead_of_nothing(tx, self.conversation.id, self.id) or text
        text += journal.warning(tx, self.id, self.follows)
        reply_id = self._reply(tx, kind, text + self._tools_used(tx, now), now, fault)
        close(tx, self.id, self.conversation.id, state, reply_id, now, text if kind is ReplyKind.FAILURE else None)
        return conversations.has_work(tx, self.conversation.id, now)

    def _tools_used(self, tx: Connection, now: datetime) -> str:
        """Return a line about the tools that were used, for whoever wants one."""
        if self.frame is not None or self.ask is not None or not person(tx, self.person.id).verbose:
            return ""
        return f"\n\n{verbose.line(tx, self.id, now, with_arguments=self.conversation.address.private)}"

    def _reply(self, tx: Connection, kind: ReplyKind, text: str, now: datetime, fault: Fault) -> int | None:
        if self.frame is not None:
            outcome = Outcome(self.id, text, None if kind is ReplyKind.ANSWER else fault)
            return ending.end(tx, self.frame, outcome, now)
        if self.ask is not None:
            asks.answer(tx, self.ask, self.id, kind, text, now)
            return None
        reply_to = _reply_to(tx, self.conversation, self.id)
        text = spoken.quotes(tx, self.id) + text
        return outbox.add(tx, self.conversation.id, kind, text, now, turn_id=self.id, reply_to=reply_to)

    def wait(self, tx: Connection, until: datetime, reason: str) -> None:
        """Give the turn back until a later time."""
        tx.execute(
            update(turns).where(turns.c.id == self.id).values(state="waiting", attempts=turns.c.attempts + 1, error=reason)
        )
        turn_events.note(tx, self.id, Happening.WAITS, f"until {until.astimezone(self.zone):%H:%M:%S}: {reason}", self.clock())
        conversations.release(tx, self.conversation.id, wake_at=until)


@dataclass(frozen=True)
class Turns:
    """Where a worker takes its turns from."""

    database: Database
    worker: str
    household: Callable[[], Household]
    clock: Clock
    zone: ZoneInfo

    def take(self, conversation_id: int, *, suspects: bool) -> Turn | None:
        """Claim a conversation and go on with its unfinished turn, or begin one with the messages that wait.

        Raises Suspect, and claims nothing, for a turn over which a worker died before, unless `suspects` are welcome.
        """
        token = uuid4().hex
        now = self.clock()
        with self.database.write() as tx:
            conversation = conversations.claim(tx, conversation_id, token, self.worker, now)
            if conversation is None:
                return None
            unfinished = tx.execute(_UNFINISHED, {"conversation_id": conversation_id}).first()
            begun = self._go_on(tx, unfinished) if unfinished else self._begin(tx, conversation, now)
            if begun is None:
                conversations.release(tx, conversation_id, wake_at=pastes.held_until(tx, conversation_id))
                return None
            row, writer, is_open = begun
            if not suspects and any(tx.scalars(_KILLS, {"turn": row.id})):
                raise Suspect(f"turn {row.id}")
            return Turn(
                id=row.id,
                conversation=conversation,
                person=writer,
                butler=self.household().get(row.butler),
                steps=row.steps,
                attempts=row.attempts,
                resumed=unfinished is not None,
                root_id=row.root_id,
                follows=row.follows,
                undecided=is_open,
                unheard=bool(spoken.unheard(tx, row.id)),
                ask=asks.of_place(tx, conversation),
                frame=None if row.run_id is None else runs.frame(tx, row.run_id, conversation),
                token=token,
                database=self.database,
                clock=self.clock,
                zone=writer.zone or self.zone,
            )

    def _go_on(self, tx: Connection, row: Row[Any]) -> tuple[Row[Any], Person, bool]:
        tx.execute(update(turns).where(turns.c.id == row.id).values(state="running"))
        turn_events.note(tx, row.id, Happening.GOES_ON, f"by worker {self.worker}", self.clock())
        return row, person(tx, row.person_id), bool(hearing.left_open(tx, row.id))

    def _begin(self, tx: Connection, conversation: Conversation, now: datetime) -> tuple[Row[Any], Person, bool] | None:
        """Begin a turn with what waits, and tell whether it is still to be found out for whom that is.

        Nothing is done for somebody who is removed, whatever brought it here.
        """
        rows = hearing.waiting(tx, conversation.id, now)
        if not rows:
            return None
        first = rows[0]
        writer = person(tx, first.person_id)
        if writer.role is Role.REMOVED:
            tx.execute(_DROP, {"conversation": conversation.id, "by": writer.id})
            return self._begin(tx, conversation, now)
        butler = self.household().get(first.butler or conversation.butler)
        reader, is_open = Reader(writer, writer.zone or self.zone, now), first.butler == OPEN_BUTLER
        run = None if first.run_id is None else runs.get(tx, first.run_id)
        values = {"conversation_id": conversation.id, "person_id": first.person_id, "butler": butler.name}
        standing = {"model": butler.tier.value, "state": "running", "steps": 0, "attempts": 0, "started_at": now}
        row = tx.execute(_BEGIN, {**values, **standing, "follows": first.turn_id, **_began(tx, first, run)}).one()
        if run is None or first.ask_id is not None:
            hearing.hear_asides(tx, row.id, conversation.id, reader)
            batch = hearing.batch(rows, first.person_id, first.butler, first)
            if is_open:
                hearing.take(tx, row.id, batch)
            else:
                handing_over.tell(tx, row.id, conversation, butler.name, reader)
                hearing.hear(tx, row.id, conversation, batch, reader)
        else:
            hearing.hear_run(tx, row.id, first, run, reader)
        return row, writer, is_open


def _began(tx: Connection, first: Row[Any], run: Run | None) -> dict[str, Any]:
    """Return what a row says about what began its turn."""
    if first.ask_id is not None:
        ask = asks.get(tx, first.ask_id)
        trigger = f"answer:{ask.butler}" if ask.conversation_id == first.conversation_id else f"asked:{ask.asker}"
        job = None if run is None else runs.payer(tx, run.schedule)
        return {"trigger": trigger, "root_id": ask.root_id, "job": job, "run_id": first.run_id}
    if run is None:
        return {"trigger": "message", "root_id": None, "job": None, "run_id": None}
    return {"trigger": run.trigger, "root_id": run.schedule.root_id, "job": runs.payer(tx, run.schedule), "run_id": run.id}


def close(
    tx: Connection,
    turn_id: int,
    conversation_id: int,
    state: str,
    reply_id: int | None,
    now: datetime,
    error: str | None = None,
) -> None:
    """Close a turn: its messages are answered by this reply, and its conversation is free again."""
    row_state = "parked" if state == "parked" else "answered"
    tx.execute(_ANSWERED, {"turn": turn_id, "now": row_state, "reply": reply_id})
    tx.execute(_CLOSE, {"turn": turn_id, "now": state, "at": now, "why": error})
    conversations.release(tx, conversation_id)


def _reply_to(tx: Connection, conversation: Conversation, turn_id: int) -> str | None:
    """Return the message that a reply points at: the last of its turn, where several people write."""
    if conversation.address.private:
        return None
    return tx.scalar(select(inbox.c.native_id).where(inbox.c.turn_id == turn_id).order_by(inbox.c.id.desc()).limit(1))

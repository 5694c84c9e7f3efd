"""Commands that show how the house stands."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, or_, select

from bot import heartbeat
from bot.commands.book import Asking, Command
from bot.commands.sessions import sessions_command
from bot.household import Butler, Household
from bot.roles import Right
from bot.store.tables import (
    GONE,
    OPEN,
    PARKED,
    PENDING,
    WAITING,
    conversations,
    inbox,
    outbox,
    parked_updates,
    turns,
    workers,
)
from bot.treasury.treasury import Treasury

ALIVE = timedelta(seconds=15)
MOST = 10
WORDS = 80


@dataclass(frozen=True)
class LookCommands:
    """/status /whoami /butlers /failed, and /sessions."""

    household: Callable[[], Household]
    treasury: Treasury
    queue_fault: Callable[[], str | None]
    missing_modules: Callable[[Butler], list[str]]

    def commands(self) -> tuple[Command, ...]:
        """Return them all."""
        return (
            Command("status", "", "shows what is going on", self._status),
            Command("whoami", "", "shows who you are to the house", self._whoami),
            Command("butlers", "", "lists the butlers", self._butlers),
            sessions_command(),
            Command("failed", "", "lists what could not be done", self._failed),
        )

    def _status(self, asking: Asking) -> str:
        tx = asking.tx
        butler = self.household().get(asking.conversation.butler)
        standing = self.treasury.standing(tx, asking.now)
        alive = workers_alive(tx, asking.now)
        lines = [
            f"Butler: **{butler.name}**, model: {self.treasury.expected_model(butler.tier)}",
            f"Here: {_turn_in_words(asking)}",
            f"Workers: {alive or 'none is running, so messages wait'}",
            f"Queue: {self.queue_fault() or 'reachable'}",
        ]
        lines += heartbeat.in_words(tx, asking.now, with_findings=asking.is_private and asking.person.may(Right.SEE_FAILURES))
        if asking.is_private and asking.person.may(Right.SEE_COSTS):
            held = f", ${standing.held:.2f} reserved" if standing.held else ""
            lines.append(f"Today (UTC): ${standing.spent:.2f} of ${standing.cap:.2f} spent{held}")
        lines += _late_in_words(asking)
        failed = len(self._failures(asking))
        if failed:
            lines.append(f"Set aside: {failed}, see `/failed`")
        return "\n".join(f"- {line}" for line in lines)

    def _whoami(self, asking: Asking) -> str:
        address = asking.conversation.address
        return (
            f"You are **{asking.person.name}**, {asking.person.role} of this house (person {asking.person.id}), on "
            f"{address.channel}, chat {address.chat}. Your time is {asking.now.astimezone(asking.zone):%H:%M} "
            f"({asking.zone})."
        )

    def _butlers(self, asking: Asking) -> str:
        household = self.household()
        current = household.get(asking.conversation.butler).name
        lines = []
        for butler in household.butlers.values():
            here = " (has this conversation)" if butler.name == current else ""
            lines.append(f"- **{butler.name}**{here}: {butler.description}")
            lines += [f"  - {problem}" for problem in shortcomings(butler, self.missing_modules(butler))]
        lines += [f"- ⚠ {fault}" for fault in household.faults]
        if len(household.butlers) > 1 and any(butler.examples or butler.routes for butler in household.butlers.values()):
            lines.append("\nEach message finds its butler by itself: `/why` says why, and `/butler NAME` chooses one.")
        return "\n".join(lines)

    def _failed(self, asking: Asking) -> str:
        return "\n".join(f"- {line}" for line in self._failures(asking)) or "Nothing is set aside."

    def _failures(self, asking: Asking) -> list[str]:
        """Return what of the things set aside this person may see in this place: in a group, what happened there."""
        everybody = asking.person.may(Right.SEE_FAILURES)
        place = None if asking.is_private else asking.conversation.id
        return failed_in_words(asking.tx, None if everybody else asking.person.id, place)


def shortcomings(butler: Butler, missing_modules: list[str]) -> list[str]:
    """Return what of a butler's folder this house cannot do, each in a sentence."""
    modules = [f"⚠ module {name} is not installed, so its tools are missing" for name in missing_modules]
    looks = [
        f"⚠ schedule {schedule.name} is not run: it looks into the module {module}, which is not installed"
        for schedule in butler.schedules
        if schedule.check and (module := str(schedule.check["name"]).rpartition(".")[0]) in missing_modules
    ]
    return modules + looks


def failed_in_words(tx: Connection, person_id: int | None, conversation_id: int | None = None) -> list[str]:
    """Return what is set aside, of one person or of all, in one conversation or in all, a line each."""
    messages = select(inbox).where(PARKED)
    gone = select(outbox.c.id, outbox.c.text, outbox.c.error).where(GONE)
    if person_id is not None:
        messages = messages.where(inbox.c.person_id == person_id)
        gone = gone.where(replies_to(person_id))
    if conversation_id is not None:
        messages = messages.where(inbox.c.conversation_id == conversation_id)
        gone = gone.where(outbox.c.conversation_id == conversation_id)
    lines = [
        f"{row.id}: “{_start(row.text)}” crashed my worker; `/retry {row.id}` tries it again"
        for row in tx.execute(messages.order_by(inbox.c.id))
    ]
    lines += [
        f"r{row.id}: “{_start(row.text)}” could not be delivered ({row.error}); `/retry r{row.id}` sends it again"
        for row in tx.execute(gone.order_by(outbox.c.id))
    ]
    if person_id is None and conversation_id is None:
        lines += [
            f"an update from {row.channel} could not be read: {row.error}"
            for row in tx.execute(select(parked_updates).order_by(parked_updates.c.id.desc()).limit(MOST))
        ]
    return lines


def replies_to(person_id: int) -> ColumnElement[bool]:
    """Return the condition for replies to a person: what answered them, or was said in a private chat of theirs."""
    mine = inbox.c.person_id == person_id
    private = select(inbox.c.conversation_id).join(conversations).where(mine, conversations.c.private)
    return or_(
        outbox.c.turn_id.in_(select(turns.c.id).where(turns.c.person_id == person_id)),
        outbox.c.id.in_(select(inbox.c.reply_id).where(mine, inbox.c.reply_id.is_not(None))),
        outbox.c.conversation_id.in_(private),
    )


def _turn_in_words(asking: Asking) -> str:
    mine = asking.conversation.id
    row = asking.tx.execute(
        select(turns, conversations.c.wake_at)
        .join(conversations, conversations.c.id == turns.c.conversation_id)
        .where(turns.c.conversation_id == mine, OPEN)
    ).first()
    waiting = asking.tx.scalar(select(func.count()).select_from(inbox).where(WAITING, inbox.c.conversation_id == mine))
    more = f", {waiting} more waiting" if waiting else ""
    if row is None:
        return f"{waiting} waiting" if waiting else "nothing to do"
    if row.wake_at is not None and row.wake_at > asking.now:
        return f"waiting until {row.wake_at.astimezone(asking.zone):%H:%M:%S} because: {row.error}{more}"
    return f"at work since {row.started_at.astimezone(asking.zone):%H:%M:%S}, step {row.steps + 1}{more}"


def _late_in_words(asking: Asking) -> list[str]:
    """Return a line about what could not be brought to its chat yet: everybody's for an owner, else what is due here."""
    late = select(outbox.c.error, outbox.c.next_try_at).where(PENDING, outbox.c.error.is_not(None))
    if not asking.person.may(Right.SEE_FAILURES):
        late = late.where(outbox.c.conversation_id == asking.conversation.id)
    rows = asking.tx.execute(late.order_by(outbox.c.next_try_at)).all()
    if not rows:
        return []
    again = rows[0].next_try_at.astimezone(asking.zone)
    return [f"Undelivered: {len(rows)}, tried again from {again:%H:%M:%S} on, because: {rows[0].error}"]


def _start(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WORDS else f"{line[:WORDS]}…"


def workers_alive(tx: Connection, now: datetime) -> int:
    """Count the workers that beat."""
    return int(tx.scalar(select(func.count()).where(workers.c.beat_at > now - ALIVE)) or 0)

"""Commands that change how a conversation goes on."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import or_, select, update

from bot import conversations, outbox, transcript
from bot.commands.agenda import mine
from bot.commands.book import Asking, Command, is_number
from bot.commands.look import replies_to
from bot.household import Household
from bot.names import bold
from bot.roles import Right, refusal
from bot.stopping import stop
from bot.store.schedule_tables import RUN_OPEN, runs, schedules
from bot.store.tables import GONE, OPEN, PARKED, inbox, turns
from bot.store.tables import outbox as replies
from bot.treasury.treasury import Treasury


@dataclass(frozen=True)
class TalkCommands:
    """/start /new /stop /retry."""

    household: Callable[[], Household]
    treasury: Treasury
    greeting: str

    def commands(self) -> tuple[Command, ...]:
        """Return them all."""
        return (
            Command("start", "", "says who is here", self._start),
            Command("help", "", "lists the commands", lambda _: ""),
            Command("new", "", "begins a new conversation", self._new),
            Command("stop", "", "stops what is being done", self._stop),
            Command("retry", "ID", "tries once more what failed", self._retry),
        )

    def _start(self, asking: Asking) -> str:
        butler = self.household().get(asking.conversation.butler)
        sentences = (
            f"Good day, {asking.person.name}.",
            self.greeting,
            f"You are talking with **{butler.name}**. Just write; `/help` lists the commands.",
        )
        return " ".join(filter(None, sentences))

    def _new(self, asking: Asking) -> str:
        if self._is_at_work_for_others(asking):
            return refusal(Right.STOP_OTHERS)
        stopped = self._end_turn(asking)
        transcript.begin_anew(asking.tx, asking.conversation.id)
        conversations.let_go(asking.tx, asking.conversation.id, butler=None)
        return "A new conversation begins; what I was told to remember stays." + (f" {stopped}" if stopped else "")

    def _stop(self, asking: Asking) -> str:
        return self._end_turn(asking) or f"There is nothing to stop.{_in_schedules(asking)}"

    def _end_turn(self, asking: Asking) -> str:
        only = None if asking.person.may(Right.STOP_OTHERS) else asking.person.id
        return stop(asking.tx, self.treasury, asking.conversation.id, asking.reply_id, asking.now, only=only)

    def _is_at_work_for_others(self, asking: Asking) -> bool:
        """Tell whether a butler works here for somebody whose turn the asker may not end."""
        theirs = (turns.c.conversation_id == asking.conversation.id, OPEN, turns.c.person_id != asking.person.id)
        return (
            not asking.person.may(Right.STOP_OTHERS)
            and asking.tx.execute(select(turns.c.id).where(*theirs)).first() is not None
        )

    def _retry(self, asking: Asking) -> str:
        number = asking.arguments.lower()
        if is_number(number) and self._retry_message(asking, int(number)):
            return f"I am trying message {number} once more."
        if number.startswith("r") and is_number(number[1:]) and self._retry_reply(asking, int(number[1:])):
            return f"I am sending reply {number} once more."
        return "There is nothing set aside under that number. `/failed` lists what there is."

    def _retry_message(self, asking: Asking, number: int) -> bool:
        sees = () if asking.person.may(Right.SEE_FAILURES) else (inbox.c.person_id == asking.person.id,)
        row = asking.tx.execute(select(inbox.c.paste_id).where(PARKED, inbox.c.id == number, *sees)).first()
        if row is None:
            return False
        again = {"state": "waiting", "kills": 0, "turn_id": None, "reply_id": None}
        whole = or_(inbox.c.id == number, inbox.c.paste_id == row.paste_id)  # with all its parts, if it has any
        asking.tx.execute(update(inbox).where(PARKED, whole).values(**again))
        return True

    def _retry_reply(self, asking: Asking, number: int) -> bool:
        sees = () if asking.person.may(Right.SEE_FAILURES) else (replies_to(asking.person.id),)
        row = asking.tx.execute(select(replies.c.id).where(GONE, replies.c.id == number, *sees)).first()
        return row is not None and outbox.retry(asking.tx, number, asking.now)


def _in_schedules(asking: Asking) -> str:
    """Say how to stop what is being done at its time: that happens in a place of its own."""
    wanted = select(schedules.c.id, schedules.c.name).join(runs).where(*mine(asking), ~schedules.c.silent, RUN_OPEN)
    row = asking.tx.execute(wanted.order_by(runs.c.id).limit(1)).first()
    return "" if row is None else f" {bold(row.name)} (schedule {row.id}) is being done; `/schedule pause {row.id}` stops it."

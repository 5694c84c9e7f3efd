"""Commands that change how a conversation goes on."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, update

from bot import conversations, journal, outbox, transcript
from bot.commands.book import Asking, Command, is_number
from bot.household import Household
from bot.messages import Origin
from bot.nearest import did_you_mean
from bot.people import Role
from bot.ports import Text
from bot.store.tables import GONE, OPEN, PARKED, WAITING, inbox, turns
from bot.store.tables import outbox as replies
from bot.treasury.treasury import Treasury
from bot.turn import close


@dataclass(frozen=True)
class TalkCommands:
    """/start /new /stop /butler /retry."""

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
            Command("butler", "NAME", "gives the conversation to a butler", self._butler),
            Command("retry", "ID", "tries once more what failed", self._retry),
        )

    def _start(self, asking: Asking) -> str:
        butler = self.household().get(asking.conversation.butler)
        sentences = (
            f"Good day, {asking.person.name}.",
            self.greeting,
            f"You are talking with **{butler.name}**. Just write; /help lists the commands.",
        )
        return " ".join(filter(None, sentences))

    def _new(self, asking: Asking) -> str:
        stopped = self._end_turn(asking)
        transcript.begin_anew(asking.tx, asking.conversation.id)
        return "A new conversation begins; what I was told to remember stays." + (f" {stopped}" if stopped else "")

    def _stop(self, asking: Asking) -> str:
        return self._end_turn(asking) or "There is nothing to stop."

    def _end_turn(self, asking: Asking) -> str:
        """Stop the turn and drop what waits behind it; return what became of them, or nothing when there was none."""
        tx, conversation_id = asking.tx, asking.conversation.id
        row = tx.execute(select(turns).where(turns.c.conversation_id == conversation_id, OPEN)).first()
        said = []
        if row is not None:
            self.treasury.charge_left(tx, row.id, asking.now)
            journal.give_up(tx, row.id, asking.now)
            note = (Text(text="[the house] The person stopped this here."),)
            transcript.append(tx, conversation_id, row.id, "user", note, Origin.HOUSE, asking.now)
            close(tx, row.id, conversation_id, "stopped", asking.reply_id, asking.now)
            said.append("Stopped.")
        dropped = tx.execute(
            update(inbox)
            .where(inbox.c.conversation_id == conversation_id, WAITING)
            .values(state="answered", reply_id=asking.reply_id)
        ).rowcount
        if dropped:
            said.append(f"{dropped} message{'s' if dropped > 1 else ''} that waited {'are' if dropped > 1 else 'is'} dropped.")
        return " ".join(said) + (journal.warning(tx, row.id) if row is not None else "")

    def _butler(self, asking: Asking) -> str:
        household = self.household()
        name = asking.arguments.lower().removeprefix("@")
        if not name:
            return f"**{household.get(asking.conversation.butler).name}** has this conversation. /butlers lists all."
        if name not in household.butlers:
            return f"There is no butler {name}.{did_you_mean(name, household.butlers)} /butlers lists all."
        conversations.choose_butler(asking.tx, asking.conversation.id, name)
        return f"**{name}** has this conversation from here on."

    def _retry(self, asking: Asking) -> str:
        number = asking.arguments.lower()
        if is_number(number) and self._retry_message(asking, int(number)):
            return f"I am trying message {number} once more."
        if number.startswith("r") and is_number(number[1:]) and self._retry_reply(asking, int(number[1:])):
            return f"I am sending reply {number} once more."
        return "There is nothing set aside under that number. /failed lists what there is."

    def _retry_message(self, asking: Asking, number: int) -> bool:
        row = asking.tx.execute(select(inbox).where(PARKED, inbox.c.id == number)).first()
        if row is None or not _may_see(asking, row.person_id):
            return False
        again = {"state": "waiting", "kills": 0, "turn_id": None, "reply_id": None}
        asking.tx.execute(update(inbox).where(inbox.c.id == number).values(**again))
        return True

    def _retry_reply(self, asking: Asking, number: int) -> bool:
        row = asking.tx.execute(select(replies).where(GONE, replies.c.id == number)).first()
        if row is None or not (asking.person.role is Role.OWNER or row.conversation_id == asking.conversation.id):
            return False
        return outbox.retry(asking.tx, number, asking.now)


def _may_see(asking: Asking, person_id: int) -> bool:
    return asking.person.role is Role.OWNER or asking.person.id == person_id

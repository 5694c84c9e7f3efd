"""/butler and /why: who has a conversation, why, and how a person sets that right."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from bot import conversations
from bot.commands.book import Asking, Command
from bot.household import Household
from bot.messages import Origin
from bot.names import one_line
from bot.nearest import did_you_mean
from bot.roles import Right
from bot.store.tables import WAITING, inbox
from bot.switchboard import corrections, decisions, wording
from bot.switchboard.decisions import OPEN, TAUGHT_FROM, By, Decision
from bot.switchboard.follow_up import says_little

AUTO = "auto"
STILL_MEANT = timedelta(days=1)  # after that, /butler NAME says nothing about the last message


@dataclass(frozen=True)
class ButlerCommands:
    """/butler /why."""

    household: Callable[[], Household]

    def commands(self) -> tuple[Command, ...]:
        """Return them."""
        return (
            Command("butler", "[NAME|auto]", "gives the conversation to a butler", self._butler, Right.CHOOSE),
            Command("why", "[forget]", "says why this butler answered", self._why),
        )

    def _butler(self, asking: Asking) -> str:
        household = self.household()
        here, name = asking.conversation, asking.arguments.lower().removeprefix("@")
        current = household.get(here.butler).name
        if not name:
            how = " since you chose that; `/butler auto` lets me choose" if here.pinned else ""
            return f"**{current}** has this conversation{how}. `/butlers` lists all."
        if name == AUTO and name not in household.butlers:
            conversations.let_go(asking.tx, here.id, butler=here.butler)
            return f"From here on I choose the butler for each message. **{current}** has this conversation until then."
        if name not in household.butlers:
            return f"There is no butler {one_line(name)}.{did_you_mean(name, household.butlers)} `/butlers` lists all."
        taught = self._teach(asking, name)
        conversations.choose_butler(asking.tx, here.id, name)
        waits = (inbox.c.conversation_id == here.id, inbox.c.person_id == asking.person.id, WAITING)
        left_open = asking.tx.scalars(select(inbox.c.id).where(*waits, inbox.c.butler == OPEN)).all()
        decisions.close(asking.tx, left_open, Decision(name, By.PINNED))
        asking.tx.execute(update(inbox).where(*waits, inbox.c.butler.is_not(None)).values(butler=name))
        return f"**{name}** has this conversation from here on.{taught}"

    def _teach(self, asking: Asking, name: str) -> str:
        """Learn from the last message, where another butler had it and nobody had chosen that one."""
        row = decisions.last(asking.tx, asking.conversation.id, asking.person.id)
        if row is None or row.by not in TAUGHT_FROM or row.butler == name or asking.now - row.at > STILL_MEANT:
            return ""
        if row.origin != Origin.PERSON or not row.text or says_little(row.text):
            return ""
        corrections.teach(asking.tx, row.inbox_id, asking.person.id, name, asking.now)
        return (
            f" I have learnt that {wording.quoted(row.text)} is for {name}, and messages like it; `/why forget` takes that "
            "back. `/butler auto` lets me choose again."
        )

    def _why(self, asking: Asking) -> str:
        if asking.arguments.lower() == "forget":
            return self._unlearn(asking)
        if asking.arguments:
            return "Write `/why`, or `/why forget` to take back what you last taught me here."
        row = decisions.last(asking.tx, asking.conversation.id)
        if row is None:
            current = self.household().get(asking.conversation.butler).name
            return f"**{current}** has this conversation; nothing had to be decided here yet."
        return wording.in_words(asking, self.household(), row)

    def _unlearn(self, asking: Asking) -> str:
        mine = corrections.last_of(asking.tx, asking.conversation.id, asking.person.id)
        if mine is None:
            return "You have taught me nothing here that I could forget."
        corrections.unlearn(asking.tx, [mine.inbox_id])
        return f"Forgotten: that {wording.quoted(mine.text)} is for {mine.butler}."

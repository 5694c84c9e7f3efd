"""/budget: what is spent against the caps, and how owners change them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot import questions
from bot.commands.book import Asking, Command
from bot.household import Household
from bot.nearest import did_you_mean
from bot.people import Person
from bot.ports import Json
from bot.questions import Answerer, Done, Question
from bot.roles import Right, refusal
from bot.treasury import accounts, caps
from bot.treasury.accounts import Viewer
from bot.treasury.amounts import FORM, read_amount, read_scope
from bot.treasury.budgets import BLOCK, HOUSE, WARN, amount, money
from bot.treasury.periods import day_of, end_of
from bot.treasury.prices import nano
from bot.treasury.spending_chart import spending_chart
from bot.treasury.treasury import Treasury

RAISE = "raise"
HOLDS = timedelta(hours=1)
USAGE = (
    "Write `/budget`, `/budget set house|butler NAME|person NAME day|month AMOUNT` (`off` takes a cap away), `/budget mode "
    "block|warn` or `/budget raise AMOUNT`."
)
_SCOPES = ("house", "butler", "person")
_PERIODS = ("day", "month")
_ADJECTIVES = {"day": "daily", "month": "monthly"}


@dataclass(frozen=True)
class BudgetCommand:
    """/budget."""

    household: Callable[[], Household]
    treasury: Treasury

    def commands(self) -> tuple[Command, ...]:
        """Return it."""
        summary = "shows what is spent, and changes what may be"
        return (Command("budget", "[set|mode|raise …]", summary, self._budget, Right.SEE_COSTS, private=True),)

    @property
    def answerers(self) -> Mapping[str, Answerer]:
        """What the answer to its question does."""
        return {RAISE: Answerer(Right.KEEP_MONEY, self._raised)}

    def _budget(self, asking: Asking) -> str:
        viewer = Viewer(asking.tx, asking.now, asking.zone, asking.person)
        words = asking.arguments.split()
        if not words:
            if viewer.sees_all:
                asking.show(spending_chart(asking.tx, self.treasury, asking.now))
            return accounts.in_words(self.treasury, viewer)
        if not viewer.sees_all:
            return refusal(Right.KEEP_MONEY)
        try:
            if words[0].lower() == RAISE:
                return self._ask_to_raise(asking, " ".join(words[1:]))
            return self.change(viewer, words)
        except ValueError as error:
            return f"{error} Nothing was changed."

    def change(self, viewer: Viewer, words: list[str]) -> str:
        """Change a cap or the mode as an owner says; return what came of it. Raises ValueError when nothing was changed."""
        actions: dict[str, Callable[[Viewer, list[str]], str]] = {"set": self._set, "mode": _mode}
        action = actions.get(words[0].lower())
        if action is None:
            raise ValueError(f"`/budget` knows no {words[0]}.{did_you_mean(words[0], (*actions, RAISE))} {USAGE}")
        return action(viewer, words[1:])

    def _set(self, viewer: Viewer, words: list[str]) -> str:
        kind = words[0].lower() if words else ""
        if kind not in _SCOPES:
            raise ValueError(f"A budget is one of {', '.join(_SCOPES)}.{did_you_mean(kind, _SCOPES)} {USAGE}")
        at = max((n for n, word in enumerate(words) if n and word.lower() in _PERIODS), default=None)
        if at is None:  # the last such word, since a person may be called Day
            raise ValueError(f"Is that for a day or a month? {USAGE}")
        if (at == 1) != (kind == HOUSE):
            raise ValueError(USAGE)
        scope, name = read_scope(viewer.tx, self.household(), kind, " ".join(words[1:at]))
        period, wanted = words[at].lower(), " ".join(words[at + 1 :])
        if wanted.lower() in ("off", "none"):
            return self._take_away(viewer, scope, name, period)
        unit, number = read_amount(wanted)
        used = caps.set_cap(viewer.tx, scope, period, unit, number, viewer.now)
        spent = money(used) if unit == "usd" else amount(unit, used)
        return f"From here on, {name} may spend **{amount(unit, number)}** a {period}; {spent} of it are spent."

    def _take_away(self, viewer: Viewer, scope: str, name: str, period: str) -> str:
        if not caps.take_away(viewer.tx, scope, period):
            raise ValueError(f"No {_ADJECTIVES[period]} cap of {name} was set here.")
        left = [cap for cap in self.treasury.caps if (cap.scope, cap.period) == (scope, period)]
        then = f"that of the settings holds: {amount(left[0].unit, left[0].amount)}" if left else "there is none any more"
        return f"The {_ADJECTIVES[period]} cap of {name} is taken away; {then}."

    def _ask_to_raise(self, asking: Asking, words: str) -> str:
        number = read_raise(words)
        cap = self._cap(asking.tx, asking.now)
        until = end_of(day_of(asking.now))
        about = {"amount": number, "day": day_of(asking.now), "most": cap + number}
        before = cap - caps.raised(asking.tx, asking.now)
        most, more, usual = (amount("usd", one) for one in (cap + number, number, before))
        options = (f"Raise it to {most}", "Leave it")
        expires = min(asking.now + HOLDS, until)
        questions.ask_in(asking.tx, Question(RAISE, about, options, asking.person.id, expires), asking.reply_id, asking.now)
        return (
            f"Shall the house be allowed to spend {more} more, {most} in all, until {until.astimezone(asking.zone):%H:%M} "
            f"(00:00 UTC)? Afterwards the cap is {usual} a day again."
        )

    def _raised(self, tx: Connection, owner: Person, about: Json, position: int, now: datetime) -> Done:
        del owner
        if position:
            return Done("The cap stays as it is.")
        if about["day"] != day_of(now):
            return Done("That day is over; nothing was changed.")
        if about["most"] != self._cap(tx, now) + int(about["amount"]):
            return Done("The cap is another one by now, so nothing was changed. `/budget raise` asks anew.")
        return Done(self.raise_today(tx, int(about["amount"]), now))

    def raise_today(self, tx: Connection, number: int, now: datetime) -> str:
        """Let the house spend so many nano-dollars more until the day ends; return how much that is in all."""
        caps.raise_today(tx, number, now)
        return f"Today the house may spend {amount('usd', self._cap(tx, now))}."

    def _cap(self, tx: Connection, now: datetime) -> int:
        return nano(self.treasury.standing(tx, now).cap)


def read_raise(words: str) -> int:
    """Read by how many nano-dollars today's cap is to be raised. Raises ValueError with what is wrong."""
    unit, number = read_amount(words)
    if unit != "usd" or not number:
        raise ValueError(f"Today's cap is raised by dollars. {FORM}")
    return number


def _mode(viewer: Viewer, words: list[str]) -> str:
    mode = words[0].lower() if words else ""
    if mode not in (BLOCK, WARN):
        raise ValueError(
            f"{f'There is no mode {mode}.' if mode else ''} Write `/budget mode block` or `/budget mode warn`.".strip()
        )
    caps.choose_mode(viewer.tx, mode)
    if mode == BLOCK:
        return "From here on nothing is spent beyond a cap."
    return (
        "From here on a cap that is passed is only told to the owners, and **spending goes on**. Keys keep their limits, and "
        "so does what one request may cost."
    )

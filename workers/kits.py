"""Kits: what each butler has in hand, its tools and its checks, made once for each state of its folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.asks import AskDesk
from bot.checks import Checks, WrongCheck
from bot.household import Butler, Household
from bot.long_results import LongResults
from bot.practice import Practice
from bot.schedules.desk import Desk
from bot.schedules.looks import Looks
from bot.sending import Sending
from bot.skill_notes import SkillNote, SkillShelf
from bot.tools import Toolbox
from skills.asking.tools import Asking
from skills.history.tools import History
from skills.memory.tools import Memory
from skills.practice.tools import Practising
from skills.received.tools import Received
from skills.schedules.tools import Schedules
from skills.sending.tools import Outgoing
from skills.sessions.tools import Sessions
from skills.state.tools import State
from skills.time.tools import Time
from workers import modules
from workers.stores import Stores


@dataclass(frozen=True)
class Kits:
    """Makes them."""

    stores: Stores
    household: Callable[[], Household]
    notes: Sequence[SkillNote]
    desk: Desk
    practice: Practice
    asking: AskDesk
    _made: dict[str, tuple[Butler, Toolbox, Checks]] = field(default_factory=dict)

    def toolbox(self, butler: Butler) -> Toolbox:
        """Return a butler's tools."""
        return self._of(butler)[1]

    def checks(self, name: str) -> Checks:
        """Return what can be looked at for a butler. Raises WrongCheck when it is not at work here."""
        butler = self.household().butlers.get(name)
        if butler is None:
            raise WrongCheck(f"{name} is not at work here.")
        return self._of(butler)[2]

    def _of(self, butler: Butler) -> tuple[Butler, Toolbox, Checks]:
        found = self._made.get(butler.name)
        if found is None or found[0] != butler:
            store = self.stores.of(butler.name)
            more, _ = modules.load(butler, store)
            house = self.stores.house
            looking = (History(house), Sessions(house), Time())
            doing = (Schedules(self.desk), Asking(self.asking), Practising(self.practice, house))
            own = (Memory(store, house), State(store), *looking, *doing)
            shelf = SkillShelf((*self.notes, *butler.notes))
            looks = Looks(house, self.practice.household)
            shelves = (shelf, LongResults(house), Received(house), Outgoing(Sending(house)))
            found = (butler, Toolbox((*own, *shelves, *more.values())), Checks((looks, *own), more))
            self._made[butler.name] = found
        return found

"""The tools of a room's butler, as a house gives them."""

from bot.long_results import LongResults
from bot.sending import Sending
from bot.skill_notes import SkillShelf
from bot.store.database import Database
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
from tests.room_times import RoomTimes


def tools_of(room: RoomTimes, store: Database) -> Toolbox:
    """Return them, and those that a test brings."""
    house = room.database
    of_house = (
        Schedules(room.desk),
        Asking(room.ask_desk),
        Practising(room.practice, house),
        Received(house),
        Outgoing(Sending(house)),
        History(house),
        Sessions(house),
        LongResults(house),
    )
    return Toolbox((Memory(store, house), State(store), Time(), *of_house, SkillShelf(()), *room.holders))

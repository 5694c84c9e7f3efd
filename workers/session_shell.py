"""`butler sessions`: the list of what was done, and step by step how a session went."""

import shutil
from collections.abc import Sequence

from bot.commands.book import is_number
from bot.errors import ConfigurationError
from bot.sessions import listing, story, telling
from bot.settings import Settings
from workers.foundation import utc_now
from workers.house import House

MOST = 20
HOW = "`butler sessions` lists what was done, `butler sessions show ID` tells how one went."


def sessions(settings: Settings, words: Sequence[str], limit: int | None, *, everything: bool) -> int:
    """Print the newest turns of everybody, or how one of them went; 1 when there is none of that number."""
    match [*words]:
        case []:
            return _list(settings, None if everything else limit or MOST)
        case ["show", number] if is_number(number):
            return _show(settings, int(number))
    raise ConfigurationError(HOW)


def _list(settings: Settings, limit: int | None) -> int:
    house = _open(settings)
    with house.stores.house.read() as tx:
        for one in listing.find(tx, limit=limit):
            print(listing.in_a_line(one, utc_now(), settings.zone, whose=True))  # noqa: T201 - its purpose
    return 0


def _show(settings: Settings, number: int) -> int:
    house = _open(settings)
    width = shutil.get_terminal_size().columns
    with house.stores.house.read() as tx:
        one = listing.get(tx, number)
        if one is None:
            print(f"There is no session {number}. `butler sessions` lists what there is.")  # noqa: T201
            return 1
        lines = [*telling.heading(one, utc_now(), settings.zone, costs=True), ""]
        lines += telling.in_steps(story.of_session(tx, one), settings.zone, width, house.redactor.clean)
    print("\n".join(lines))  # noqa: T201
    return 0


def _open(settings: Settings) -> House:
    house = House(settings)
    house.look_in()
    return house

"""Households of a room: folders of butlers that tests write, change and take away."""

import shutil

from sqlalchemy import select

from bot.household import read_household
from bot.schedules import book
from bot.schedules.book import Schedule
from bot.store.schedule_tables import schedules
from tests.room import Room

BRIEFING = "[[butler.schedule]]\nname = 'briefing'\ncron = '0 8 * * *'\nprompt = 'Brief me.'\n"


def writes(room: Room, *tables: str, butler: str = "assistant", **practices: str) -> None:
    """Write a butler's folder, with its schedules and practices, and let the house notice."""
    folder = room.folder / "household" / butler
    (folder / "practice").mkdir(parents=True, exist_ok=True)
    (folder / "butler.toml").write_text("\n".join((f"[butler]\nname = '{butler}'\ndescription = 'helps'\n", *tables)))
    for name, text in practices.items():
        (folder / "practice" / f"{name}.md").write_text(text)
    notices(room)


def takes_away(room: Room, butler: str) -> None:
    """Let a butler's folder be gone, and let the house notice."""
    shutil.rmtree(room.folder / "household" / butler)
    notices(room)


def notices(room: Room) -> None:
    """Read the files, as a house does when one has changed, and synchronise."""
    room.household = read_household(room.folder / "household", "assistant")
    room.sync.look()


def kept(room: Room, **where: str) -> list[Schedule]:
    """Return the schedules in the book for which this holds."""
    with room.database.read() as tx:
        conditions = [schedules.c[name] == value for name, value in where.items()]
        return book.read(tx.execute(select(schedules).where(*conditions).order_by(schedules.c.id)).all())


def shown(room: Room, **where: str) -> list[tuple[str, bool, str | None]]:
    """Return schedules by name, whether each is on, and why not."""
    return [(one.name, one.is_on, one.off_by) for one in kept(room, **where)]

"""Who answered, and why: what tests of routing ask a room."""

from sqlalchemy import select

from bot.store.tables import turns
from bot.switchboard.choosing import SYSTEM
from tests.room import ADA, Room


def who(house: Room) -> str:
    """Return the butler of the newest turn."""
    with house.database.read() as tx:
        return str(tx.scalar(select(turns.c.butler).order_by(turns.c.id.desc()).limit(1)))


def choices(house: Room) -> int:
    """Return how often a small model was asked whom a message is for."""
    return sum(request.body["system"][0]["text"] == SYSTEM for request in house.claude.message_requests)


def why(house: Room) -> str:
    """Return what /why says to Ada."""
    return house.writes(ADA, "/why")

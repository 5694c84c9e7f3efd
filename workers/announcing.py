"""Announcing: who has to do something about what was carried out hears of it, once it is committed."""

from bot import conversations
from bot.schedules.firing import Fired
from bot.store.database import Database
from workers.live import Newsroom
from workers.queue import Doorbell


def announce(fired: Fired, database: Database, doorbell: Doorbell, news: Newsroom) -> None:
    """Ring for the turns that are to begin, and tell the chats what is to be delivered; what is lost, the sweep finds."""
    if fired.turns:
        doorbell.ring(fired.turns)
    if fired.replies:
        with database.read() as tx:
            places = [conversations.get(tx, conversation_id) for conversation_id in dict.fromkeys(fired.replies)]
        for place in places:
            news.to_deliver(place)

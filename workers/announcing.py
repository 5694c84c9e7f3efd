"""Announcing: who has to do something about what was carried out hears of it, once it is committed."""

from bot import conversations
from bot.schedules.firing import Fired
from bot.store.database import Database
from workers.live import Newsroom
from workers.queue import Doorbell


def announce(fired: Fired, database: Database, doorbell: Doorbell, news: Newsroom) -> bool:
    """Ring for the turns that are to begin, and tell the chats what is to be delivered; tell whether the rings were heard.

    What is lost, the sweep finds.
    """
    is_heard = not fired.turns or doorbell.ring(fired.turns)
    if fired.replies:
        with database.read() as tx:
            places = [conversations.get(tx, conversation_id) for conversation_id in dict.fromkeys(fired.replies)]
        for place in places:
            news.to_deliver(place)
    return is_heard

"""News from a worker to the chats while a turn runs; on Redis, since a lost piece of news costs nothing."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from bot.conversations import Conversation
from bot.redaction import Redactor
from bot.turn import Turn

PACE = 0.05  # seconds between two pieces of news about the same text
PATIENCE = 1.0  # seconds without a try after Redis could not be reached
OUTAGE_AFTER = 20.0  # seconds; a server that is started again is back sooner
OUTAGE = (
    "The queue (REDIS_URL) cannot be reached. No message is lost: I keep them and look for them myself, so that answers come "
    "a few seconds later and are not shown while they are written. Please look after the Redis server."
)
TURN = "turn"
REPLY = "reply"
_NEWS = TypeAdapter(tuple[Literal["turn", "reply"], int, int, str])
log = logging.getLogger(__name__)


class Newsroom:
    """A worker's side: tells the chats what it is doing."""

    def __init__(self, redis: Redis, redactor: Redactor) -> None:
        self._redis = redis
        self._redactor = redactor
        self._told: dict[int, float] = {}
        self._silent_until = 0.0

    def begun(self, turn: Turn) -> None:
        """Tell that a turn runs."""
        if turn.frame is None:
            self._publish(turn.conversation, TURN, turn.id, "")

    def text(self, turn: Turn, text: str) -> None:
        """Tell how far an answer is written, where somebody waits for it."""
        now = monotonic()
        if turn.frame is None and now - self._told.get(turn.id, 0.0) >= PACE:
            self._told[turn.id] = now
            self._publish(turn.conversation, TURN, turn.id, self._redactor.clean(text))

    def over(self, turn: Turn) -> None:
        """Tell that there is something to be delivered."""
        self._told.pop(turn.id, None)
        self._publish(turn.place, REPLY, turn.id, "")

    def to_deliver(self, conversation: Conversation) -> None:
        """Tell that there is something to be delivered which no turn here said."""
        self._publish(conversation, REPLY, 0, "")

    def _publish(self, conversation: Conversation, kind: str, turn_id: int, text: str) -> None:
        if monotonic() < self._silent_until:
            return
        try:
            self._redis.publish(_topic(conversation.address.channel), json.dumps([kind, conversation.id, turn_id, text]))
        except RedisError as error:
            self._silent_until = monotonic() + PATIENCE
            log.info("no news reach the chats: %s", error)


async def listen(
    url: str,
    channels: Iterable[str],
    on_news: Callable[[str, int, int, str], None],
    tell_trouble: Callable[[str, str], Awaitable[None]],
) -> None:
    """Hand each piece of news to `on_news` until cancelled, through every outage of Redis; tell of long ones."""
    lost_at: float | None = None
    while True:
        redis = AsyncRedis.from_url(url)
        try:
            async with redis.pubsub() as pubsub:
                await pubsub.subscribe(*map(_topic, channels))
                lost_at = None
                async for message in pubsub.listen():
                    if message["type"] == "message":
                        _hand_on(message["data"], on_news)
        except RedisError as error:
            log.info("no news come from the workers: %s", error)
            lost_at = lost_at or monotonic()
            if monotonic() - lost_at >= OUTAGE_AFTER:
                await tell_trouble("queue", OUTAGE)
            await asyncio.sleep(PATIENCE)
        finally:
            await redis.aclose()


def _hand_on(data: bytes, on_news: Callable[[str, int, int, str], None]) -> None:
    try:
        news = _NEWS.validate_json(data)
    except ValidationError:
        log.warning("refused: what came as news is none")
    else:
        on_news(*news)


def _topic(channel: str) -> str:
    return f"butlers:live:{channel}"

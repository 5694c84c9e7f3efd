"""How often the vendor lets an app call its methods."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

MESSAGES_PER_SECOND = 1.0
BURST = 5.0
# Calls per minute of the vendor's tiers, and the tiers of the methods; all others are of the third.
TIERS = {2: 20, 3: 50, 4: 100}
TIER_OF = {
    "apps.connections.open": 1_000,
    "auth.test": 1_000,
    "chat.appendStream": TIERS[4],
    "chat.postEphemeral": TIERS[4],
    "chat.startStream": TIERS[2],
    "chat.stopStream": TIERS[2],
    "conversations.list": TIERS[2],
    "conversations.replies": TIERS[3],
    "users.info": TIERS[4],
}


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Limits:
    """What each method may still do; a message in a channel is counted for that channel."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def is_too_much(self, method: str, channel: str) -> bool:
        """Count a call, and tell whether it is one too many."""
        if method == "chat.postMessage":
            return self._is_empty((method, channel), MESSAGES_PER_SECOND, BURST)
        per_minute = TIER_OF.get(method, TIERS[3])
        return self._is_empty((method, "*"), per_minute / 60, per_minute / 4)

    def _is_empty(self, key: tuple[str, str], rate: float, most: float) -> bool:
        now = monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(most, now))
        bucket.left = min(most, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1:
            return True
        bucket.left -= 1
        return False

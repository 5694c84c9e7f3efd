"""Pacing: how fast a vendor may be asked, kept to before the vendor has to say so."""

import asyncio
from collections import OrderedDict
from time import monotonic

from bot.errors import RetryLater

LONGEST_WAIT = 1.0  # seconds that a request may wait here; a longer wait is the outbox's, which survives a crash
MOST_CHATS = 2000


class Rate:
    """So many requests a second on average, and so many at once; further ones follow in the order in which they ask."""

    def __init__(self, a_second: float, at_once: int) -> None:
        self._gap = 1 / a_second
        self._slack = self._gap * (at_once - 1)
        self._next = 0.0
        self._promised = 0.0  # up to where those stand in line who were told to come again

    def wait(self) -> float:
        """Return how long the next request would have to wait, in seconds."""
        return max(0.0, self._next - self._slack - monotonic())

    def take(self) -> None:
        """Count a request."""
        self._next = max(self._next, monotonic()) + self._gap

    def promise(self) -> float:
        """Return when somebody may come again who cannot be served now, each later than the one before, in seconds."""
        self._promised = max(self._promised, self._next)
        wait = self._promised - self._slack - monotonic()
        self._promised += self._gap
        return max(0.0, wait)


class Pace:
    """The rates of one vendor: one for all requests together, and one for each chat."""

    def __init__(self, together: Rate) -> None:
        self._together = together
        self._chats: OrderedDict[str, Rate] = OrderedDict()

    async def turn(self, chat: str, a_second: float, at_once: int) -> None:
        """Wait for one's turn. Raises RetryLater when that is far off: other chats go on meanwhile."""
        rate = self._of(chat, a_second, at_once)
        wait = max(rate.wait(), self._together.wait())
        if wait > LONGEST_WAIT:
            slower = rate if rate.wait() >= self._together.wait() else self._together
            raise RetryLater("messages are sent as fast as the vendor allows", slower.promise())
        rate.take()
        self._together.take()
        if wait:
            await asyncio.sleep(wait)

    def _of(self, chat: str, a_second: float, at_once: int) -> Rate:
        rate = self._chats.setdefault(chat, Rate(a_second, at_once))
        self._chats.move_to_end(chat)
        if len(self._chats) > MOST_CHATS:
            self._chats.popitem(last=False)  # whoever was not written to for so long may be written to
        return rate

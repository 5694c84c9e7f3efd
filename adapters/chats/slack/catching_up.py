"""Catching up: after a gap in the sockets each place is read from its history before what is said there now goes on."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from time import monotonic, time

from sqlalchemy.exc import SQLAlchemyError

from adapters.chats.slack import history
from adapters.chats.slack.events import CHANNEL
from adapters.chats.slack.history import Json, UnreadError
from adapters.chats.slack.web import Web
from bot.chat_forms import Desk
from bot.pauses import growing_pause

LOOK_BACK = 300.0  # seconds: for so long Slack itself tries to hand an envelope in again
HOLDS = 2.0  # seconds that what is said now waits for what was said before: an envelope must be acknowledged within three
PATIENCE = 30.0  # seconds after which order yields: what is said now goes on
LONGEST_PAUSE = 300.0
NEVER = float("inf")
HandOn = Callable[[Sequence[Json]], Awaitable[None]]  # returns when all of them are on disk, in their order
log = logging.getLogger(__name__)


class CatchingUp:
    """What may have been missed, and the places that are not read yet."""

    def __init__(self, web: Web, desk: Desk, hand_on: HandOn) -> None:
        self._web = web
        self._desk = desk
        self._hand_on = hand_on
        self._behind = asyncio.Event()
        self._noted_at = monotonic()
        self._since = NEVER
        self._not_before = 0.0
        self._done: dict[str, asyncio.Event] | None = {}  # of the places that are not read yet; None: of all, which are unknown
        self._listed = asyncio.Event()
        self._asked_for: Counter[str] = Counter()
        self._overdue: set[str] = set()  # places in which somebody has waited long enough

    async def begin(self) -> None:
        """Note the gap with which every start begins: since the one that was open, else since the newest message."""
        restored_at = await self._desk.restored_at()
        self._not_before = 0.0 if restored_at is None else restored_at.timestamp()
        open_gap = await self._desk.unread_since(CHANNEL)
        newest = history.newest_of(await self._desk.newest(CHANNEL))
        since = open_gap.timestamp() if open_gap is not None else (newest or time()) - LOOK_BACK
        self.note_gap(since)
        await self._keep(since)

    def note_gap(self, since: float) -> None:
        """Note that something may have been missed since a time."""
        self._since = min(self._since, since)
        if self._done is not None and not self._done:
            self._noted_at = monotonic()
        self._done = None
        self._overdue.clear()
        if self._listed.is_set():
            self._listed = asyncio.Event()
        self._behind.set()

    def note_gap_later(self, since: float, seconds: float) -> None:
        """Note a gap when it may be of use: just now nothing can be kept."""
        self._since = min(self._since, since)
        asyncio.get_running_loop().call_later(seconds, self._behind.set)

    async def wait_for(self, channel: str) -> None:
        """Wait until a place is read. Raises TimeoutError after a while.

        What is said there is then not taken in: it will be read from the history, after what was said before.
        """
        if self._done is not None and channel not in self._done:
            return
        if monotonic() - self._noted_at > PATIENCE:
            log.warning("%s cannot be read for long; what is said there goes on", channel)
            return
        if channel in self._overdue:
            raise TimeoutError  # one stands behind the other: whoever waited as well would be too late
        self._asked_for[channel] += 1
        try:
            async with asyncio.timeout(HOLDS):
                if self._done is None:
                    await self._listed.wait()
                if self._done and channel in self._done:
                    await self._done[channel].wait()
        except TimeoutError:
            self._overdue.add(channel)
            raise
        finally:
            self._asked_for[channel] -= 1

    async def run(self) -> None:
        """Read what was missed, each time when something may have been, until cancelled."""
        failures = 0
        while True:
            await self._behind.wait()
            self._behind.clear()
            since = max(min(self._since, time() - LOOK_BACK), self._not_before)
            try:
                await self._keep(since)
                unread = await self._pass(since)
                if not unread and not self._behind.is_set():
                    self._since, failures = NEVER, 0
                    await self._desk.note_unread(CHANNEL, None)
                    continue
            except SQLAlchemyError:
                log.exception("what was missed cannot be kept")
                unread = ["what was missed cannot be kept"]
            finally:
                self._release()
            if unread:
                pause = growing_pause(failures, LONGEST_PAUSE)
                failures += 1
                log.warning("%s places could not be read, the next try is in %.0f s: %s", len(unread), pause, unread[0])
                if failures > 1:
                    await self._tell(unread)
                asyncio.get_running_loop().call_later(pause, self._behind.set)

    async def _pass(self, since: float) -> list[str]:
        """Read every place once; return why some could not be."""
        kept = await self._desk.newest(CHANNEL)
        lately = history.lately(kept)
        try:
            places = await history.places(self._web)
        except UnreadError as error:
            return [str(error)]
        self._done = {channel: asyncio.Event() for channel in places}
        self._listed.set()
        order = {channel: number for number, (channel, _) in reversed(list(enumerate(lately)))}
        waiting = sorted(places, key=lambda channel: order.get(channel, len(order)))
        unread = []
        while waiting:
            channel = next((one for one in waiting if self._asked_for[one]), waiting[0])
            waiting.remove(channel)
            try:
                known = [thread for chat, thread in lately if chat == channel and thread]
                found = await history.said(self._web, channel, places[channel], since, known)
                await self._hand_on(found.payloads)
            except UnreadError as error:
                if error.for_good:
                    await self._tell([str(error)])
                else:
                    unread.append(str(error))
            self._is_read(channel)
        return unread

    def _is_read(self, channel: str) -> None:
        self._overdue.discard(channel)
        if self._done is not None:
            self._done.pop(channel, asyncio.Event()).set()

    def _release(self) -> None:
        """Let everything go on that still waits, but for a gap that was noted meanwhile."""
        if self._done is None and self._behind.is_set():
            return
        for channel in list(self._done or ()):
            self._is_read(channel)
        self._done = {}
        self._listed.set()

    async def _keep(self, since: float) -> None:
        await self._desk.note_unread(CHANNEL, datetime.fromtimestamp(since, UTC))

    async def _tell(self, unread: list[str]) -> None:
        await self._desk.tell_trouble(
            "slack:history",
            f"I could not read everything that was written on Slack while I was away, and go on trying: {unread[0]}",
        )

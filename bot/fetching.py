"""Fetching: files that came with messages are brought from their vendors, after the messages are on disk."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot import conversations, files
from bot.attachments import LARGEST, too_large
from bot.conversion import NOT_NOW, Reading, convert
from bot.converting.results import Converted, Task
from bot.errors import DeliveryError, Doubtful, RetryLater
from bot.files import File
from bot.messages import SPEECH
from bot.pauses import growing_pause
from bot.ports import Chat
from bot.redaction import Redactor
from bot.store.async_database import AsyncDatabase
from bot.turn import Clock

LOOKS_EVERY = 2.0  # seconds between two looks for files of which no news came
AT_ONCE, CONVERTED_AT_ONCE = 4, 2
ONE_TRY = 45.0  # seconds
PATIENCE = 60.0  # seconds in which a vendor that fails is asked again; as long its conversation waits
LONGEST_PAUSE = 10.0
MOST_FAULTS = 3  # of the house's own, over one file
ALBUM_SETTLES = 0.8  # seconds: pictures that are sent together may come in several updates
EMPTY = "is empty. Please send it again."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of a file: whether its conversation can go on, and whether there is something to be delivered in it."""

    has_work: bool
    has_reply: bool


@dataclass
class Fetching:
    """Brings the files of the chats that this process serves; `ring` and `deliver` are told what came of it."""

    database: AsyncDatabase
    chats: Mapping[str, Chat]
    redactor: Redactor
    clock: Clock
    ring: Callable[[Sequence[int]], object]
    deliver: Callable[[int], object]
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _faults: Counter[int] = field(default_factory=Counter)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _tables: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONVERTED_AT_ONCE))

    async def run(self) -> None:
        """Fetch until cancelled; what is cut off then is fetched at the next start."""
        try:
            while True:
                self._news.clear()
                await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOKS_EVERY)
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    def news(self) -> None:
        """Look at once."""
        self._news.set()

    async def _look(self) -> None:
        try:
            found = await self.database.read(lambda tx: files.wanted(tx, list(self.chats)))
        except SQLAlchemyError:
            log.exception("the files that are wanted cannot be looked for")
            return
        for channel, file in found:
            if file.id not in self._tasks:
                task = asyncio.create_task(self._bring(self.chats[channel], file))
                self._tasks[file.id] = task
                task.add_done_callback(partial(self._over, file.id))

    def _over(self, file_id: int, task: "asyncio.Task[None]") -> None:
        del self._tasks[file_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._faults[file_id] += 1  # it is tried again at the next look
            log.error("file %s could not be brought in", file_id, exc_info=error)

    async def _bring(self, chat: Chat, file: File) -> None:
        """Fetch and convert a file, and note what came of it."""
        if self._faults[file.id] >= MOST_FAULTS:
            content, reading = b"", _failed(NOT_NOW)
        else:
            content, reading = await self._fetched(chat, file)
        if file.ref.get("album"):
            age = (self.clock() - file.at).total_seconds()
            await asyncio.sleep(max(0.0, min(ALBUM_SETTLES, ALBUM_SETTLES - age)))
        outcome = await self.database.write(partial(self._note, file, content, reading))
        if outcome.has_work:
            self.ring([file.conversation_id])
        if outcome.has_reply:
            self.deliver(file.conversation_id)

    async def _fetched(self, chat: Chat, file: File) -> tuple[bytes, Reading]:
        try:
            content = await self._from_vendor(chat, file)
        except DeliveryError as error:
            reason = self.redactor.clean(error.reason)
            log.warning("file %s cannot be fetched: %s", file.id, reason)
            given = isinstance(error, RetryLater | Doubtful)
            return b"", _failed(f"could not be fetched ({reason}). Please send it again." if given else reason)
        if not content:
            return b"", _failed(EMPTY)
        if len(content) > LARGEST:
            return b"", _failed(too_large(len(content)))
        if file.kind in SPEECH:  # a provider listens to it, when its turn comes
            return content, Reading(Converted(media_type=file.media_type))
        async with self._tables:
            return content, await convert(content, Task(name=file.name, media_type=file.media_type))

    async def _from_vendor(self, chat: Chat, file: File) -> bytes:
        """Ask the vendor until it gives the file, or no longer. Raises DeliveryError."""
        patient_until, failures = monotonic() + PATIENCE, 0
        while True:
            try:
                async with self._places, asyncio.timeout(ONE_TRY):
                    return await chat.fetch(file.ref, LARGEST)
            except (RetryLater, Doubtful, TimeoutError) as error:
                refusal = error if isinstance(error, DeliveryError) else RetryLater("it does not come", None)
                asked = refusal.wait if isinstance(refusal, RetryLater) else None
                pause = asked if asked is not None else growing_pause(failures, LONGEST_PAUSE)
                failures += 1
                if monotonic() + pause > patient_until:
                    raise refusal from error
                await asyncio.sleep(pause)

    def _note(self, file: File, content: bytes, reading: Reading, tx: Connection) -> Outcome:
        if reading.converted.sentence:
            files.fail(tx, file, reading.converted.sentence)
        else:
            files.keep(tx, file, content, reading, self.redactor)
        now = self.clock()
        replied = files.conclude(tx, file.inbox_id, now) is not None
        has_work = conversations.has_work(tx, file.conversation_id, now)
        if has_work:
            conversations.note_rung(tx, [file.conversation_id], now)
        return Outcome(has_work, replied)


def _failed(sentence: str) -> Reading:
    return Reading(Converted(sentence=sentence))

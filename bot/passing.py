"""Messages that show for a while: kept in SQL before they are sent, and taken away again, after a crash of the bot too."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, exists, insert, select
from sqlalchemy.exc import SQLAlchemyError

from bot import conversations
from bot.errors import DeliveryError, Doubtful, MessageGone, NotChanged, RetryLater
from bot.messages import Address
from bot.ports import Chat
from bot.store.async_database import AsyncDatabase
from bot.store.busy_tables import passing
from bot.store.tables import conversations as places
from bot.store.tables import previews, turns

_NOTE = insert(passing)
_OF_TURN = select(passing.c.native_id).where(passing.c.turn_id == bindparam("turn"))
_FORGET = delete(passing).where(passing.c.turn_id == bindparam("turn"), passing.c.native_id == bindparam("native"))
_PREVIEW = select(previews.c.native_id).where(previews.c.turn_id == bindparam("turn"))
_NO_PREVIEW = delete(previews).where(previews.c.turn_id == bindparam("turn"))
_CUT_OFF = select(exists().where(turns.c.id == bindparam("turn"), turns.c.state.in_(["stopped", "interrupted"])))
_ALL = (
    select(passing, turns.c.conversation_id, (turns.c.state == "running").label("runs"), places.c.claim)
    .join(turns, turns.c.id == passing.c.turn_id)
    .join(places, places.c.id == turns.c.conversation_id)
    .where(places.c.channel.in_(bindparam("channels", expanding=True)))
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Passing:
    """A message that shows for a while."""

    turn_id: int
    conversation_id: int
    address: Address
    native_id: str
    turn_runs: bool


def take_back_preview(tx: Connection, turn_id: int) -> None:
    """Let the message that shows the unfinished answer of a turn which was cut off be taken away: no answer takes its place."""
    native_id = tx.scalar(_PREVIEW, {"turn": turn_id})
    if native_id and tx.scalar(_CUT_OFF, {"turn": turn_id}):
        tx.execute(_NO_PREVIEW, {"turn": turn_id})
        tx.execute(_NOTE, {"turn_id": turn_id, "native_id": native_id})


def _all(tx: Connection, channels: Sequence[str]) -> list[Passing]:
    return [
        Passing(
            row.turn_id,
            row.conversation_id,
            conversations.get(tx, row.conversation_id).address,
            row.native_id,
            turn_runs=row.runs and row.claim is not None,
        )
        for row in tx.execute(_ALL, {"channels": channels}).all()
    ]


class PassingMessages:
    """Shows such messages in chats, each turn one at a time, and takes them away."""

    def __init__(self, database: AsyncDatabase, chats: Mapping[str, Chat]) -> None:
        self._database = database
        self._chats = chats

    async def show(self, address: Address, turn_id: int, words: str, reply_to: str | None) -> None:
        """Show words, or let those that show read so. Raises DeliveryError."""
        chat = self._chats[address.channel]
        shown = await self._database.read(lambda tx: tx.scalars(_OF_TURN, {"turn": turn_id}).all())
        if not shown:
            await self._begin(chat, address, turn_id, words, reply_to)
        elif shown[0]:  # of one that may have been sent nobody knows where it is
            try:
                await chat.grow(address, shown[0], chat.passing(words))
            except NotChanged:
                return
            except MessageGone:
                await self._forget(turn_id, shown[0])

    async def _begin(self, chat: Chat, address: Address, turn_id: int, words: str, reply_to: str | None) -> None:
        await self._database.write(lambda tx: tx.execute(_NOTE, {"turn_id": turn_id, "native_id": ""}))
        try:
            native_id = await chat.send(address, chat.passing(words), reply_to)
        except Doubtful:
            raise
        except DeliveryError:
            await self._forget(turn_id, "")
            raise

        def note(tx: Connection) -> None:
            tx.execute(_FORGET, {"turn": turn_id, "native": ""})
            tx.execute(_NOTE, {"turn_id": turn_id, "native_id": native_id})

        await self._database.write(note)

    async def take_away(self, address: Address, turn_id: int) -> None:
        """Take away what shows of a turn. Raises RetryLater or Doubtful; then it is tried again by whoever tidies."""
        for native_id in await self._database.read(lambda tx: tx.scalars(_OF_TURN, {"turn": turn_id}).all()):
            await self._remove(address, turn_id, native_id)

    async def left(self) -> list[Passing]:
        """Return all that shows in these chats."""
        channels = list(self._chats)
        try:
            return await self._database.read(lambda tx: _all(tx, channels))
        except SQLAlchemyError:
            log.exception("what shows in passing cannot be read")
            return []

    async def _remove(self, address: Address, turn_id: int, native_id: str) -> None:
        try:
            if native_id:
                await self._chats[address.channel].remove(address, native_id)
        except MessageGone:
            pass
        except (RetryLater, Doubtful):
            raise
        except DeliveryError as error:
            log.warning("a message that was to pass stays: %s", error)
        await self._forget(turn_id, native_id)

    async def _forget(self, turn_id: int, native_id: str) -> None:
        await self._database.write(lambda tx: tx.execute(_FORGET, {"turn": turn_id, "native": native_id}))

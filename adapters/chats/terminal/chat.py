"""The terminal's side of a reply, and what a line that was typed becomes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from bot.messages import Address, IncomingMessage, Sender
from bot.ports import Json

CHANNEL = "terminal"
PACE = 0.05  # seconds


class Screen(Protocol):
    """Where answers appear."""

    def write(self, text: str) -> None:
        """Show a whole answer, in Markdown."""
        ...

    def preview(self, text: str) -> None:
        """Show an answer as far as it is written; nothing but that one is coming when there is no text yet."""
        ...


class Terminal:
    """One terminal window; the first is the channel `terminal`, a second at the same time `terminal-2`."""

    def __init__(self, screen: Screen, user: str, channel: str = CHANNEL) -> None:
        self._screen = screen
        self._user = user
        self.channel = channel
        self.address = Address(channel=channel, chat=user)

    def to_message(self, line: str, now: datetime) -> IncomingMessage:
        """Turn what was typed into a message."""
        number = uuid4().hex
        return IncomingMessage(
            id=number,
            native_id=number,
            address=self.address,
            sender=Sender(channel=CHANNEL, id=self._user, name=self._user),
            text=line,
            sent_at=now,
        )

    def pieces(self, text: str) -> Sequence[Json]:
        """Return the text in one piece."""
        return [{"text": text}]

    def plain(self, payload: Json) -> Json:
        """Return the payload: a terminal refuses no formatting."""
        return payload

    def preview(self, text: str) -> Json:
        """Return what is written so far."""
        return {"text": text}

    def has_drafts(self, address: Address) -> bool:
        """Say yes."""
        del address
        return True

    def pace(self, address: Address) -> float:
        """Return the least time between two previews, in seconds."""
        del address
        return PACE

    async def send(self, address: Address, payload: Json, reply_to: str | None) -> str:
        """Show an answer."""
        del address, reply_to
        self._screen.write(payload["text"])
        return uuid4().hex

    async def edit(self, address: Address, native_id: str, payload: Json) -> None:
        """Show the changed answer below."""
        del address, native_id
        self._screen.write(payload["text"])

    async def draft(self, address: Address, turn_id: int, payload: Json) -> None:
        """Show an unfinished answer."""
        del address, turn_id
        self._screen.preview(payload["text"])

    async def typing(self, address: Address) -> None:
        """Show that an answer is on its way."""
        del address
        self._screen.preview("")

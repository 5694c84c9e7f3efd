"""The terminal's side of a reply, and what a line that was typed becomes."""

import asyncio
import stat
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from adapters.chats.terminal.paths import attached
from bot.attachments import too_large
from bot.contents import SOURCE, drawn, kept
from bot.enclosures import Enclosure, File, numbered
from bot.errors import BadFormat, FileRefused
from bot.messages import Address, Button, IncomingMessage, Sender
from bot.pictures import NOT_SHOWN
from bot.ports import Json

CHANNEL = "terminal"
PACE = 0.05  # seconds
MOST_A_SECOND = 100.0
PICTURES, FILES = "pictures", "files"  # folders: a picture takes the place of an earlier one, a file of none


class Screen(Protocol):
    """Where answers appear."""

    def write(self, text: str) -> None:
        """Show a whole answer, in Markdown."""
        ...

    def preview(self, text: str) -> None:
        """Show an answer as far as it is written; nothing but that one is coming when there is no text yet."""
        ...


class Terminal:
    """One terminal window; the first is the channel `terminal`, a second at the same time `terminal-2`.

    A button is pressed by its number, as long as its message is the newest that has any, and until something else is typed
    after it was pressed. Where nothing was asked, it is good for the next line only: later, a number is a word to a butler.
    """

    shows_a_second = MOST_A_SECOND

    def __init__(self, screen: Screen, user: str, channel: str = CHANNEL, folder: Path | None = None) -> None:
        self._screen = screen
        self._folder = folder  # of pictures and files, each in a folder of their own; without one, none are shown
        self._user = user
        self._tokens: tuple[str, ...] = ()
        self._pressed = False
        self._is_offer = False
        self.channel = channel
        self.address = Address(channel=channel, chat=user)

    def to_message(self, line: str, now: datetime) -> IncomingMessage:
        """Turn what was typed into a message."""
        number = uuid4().hex
        press = self._press(line.strip())
        words, files = ("", ()) if press else attached(line)
        return IncomingMessage(
            id=number,
            native_id=number,
            address=self.address,
            sender=Sender(channel=CHANNEL, id=self._user, name=self._user),
            text=words,
            sent_at=now,
            attachments=files,
            press=press,
        )

    def _press(self, line: str) -> str:
        """Return the token of the button that a number stands for."""
        is_number = line.isascii() and line.isdecimal() and len(line) <= len(str(len(self._tokens)))
        if is_number and 0 < int(line) <= len(self._tokens):
            self._pressed = True
            return self._tokens[int(line) - 1]
        if self._pressed or self._is_offer:
            self._tokens, self._pressed = (), False
        return ""

    def typed(self, words: str) -> str:
        """Return the words: a command is typed here as it is named."""
        return words

    def pieces(self, text: str, buttons: Sequence[Button] = ()) -> Sequence[Json]:
        """Return the text in one piece, with numbers before the words of its buttons."""
        if not buttons:
            return [{"text": text}]
        numbered = "\n".join(f"{number}\\. {button.label}" for number, button in enumerate(buttons, start=1))
        tokens = [button.token for button in buttons]
        how = "Type the number." if not buttons[0].is_offer else "A number does it."
        return [{"text": f"{text}\n\n{numbered}\n\n{how}", "tokens": tokens, "is_offer": buttons[0].is_offer}]

    def enclosed(self, enclosure: Enclosure) -> Json | None:
        """Return a picture or a file, and where it is put."""
        if self._folder is None:
            return None
        if isinstance(enclosure, File):
            return {SOURCE: kept(enclosure.sha256), "name": enclosure.name, "below": FILES, "words": enclosure.words}
        source = drawn(enclosure.model_dump(mode="json"))
        words = f"{NOT_SHOWN} {enclosure.words}"
        return {SOURCE: source, "name": enclosure.file_name, "below": PICTURES, "words": words}

    def plain(self, payload: Json) -> Json:
        """Return the payload, as a terminal refuses no formatting; instead of a picture or a file, its words."""
        return {"text": payload["words"]} if SOURCE in payload else payload

    def preview(self, text: str) -> Json:
        """Return what is written so far."""
        return {"text": text}

    def passing(self, text: str) -> Json:
        """Return a line that passes."""
        return self.preview(text)

    def has_drafts(self, address: Address) -> bool:
        """Say yes."""
        del address
        return True

    def pace(self, address: Address) -> float:
        """Return the least time between two previews, in seconds."""
        del address
        return PACE

    async def send(self, address: Address, payload: Json, reply_to: str | None, content: bytes | None = None) -> str:
        """Show an answer, or where its picture or its file lies. Raises BadFormat."""
        del address, reply_to
        if content is not None:
            payload = {"text": _as_code(self._keep(payload, content))}
        self._show(payload)
        return uuid4().hex

    async def fetch(self, ref: Mapping[str, str], most: int) -> bytes:
        """Return the bytes of a file of this machine. Raises FileRefused."""
        return await asyncio.to_thread(_read, Path(ref["id"]), most)

    async def edit(self, address: Address, native_id: str, payload: Json) -> None:
        """Show the changed answer below."""
        del address, native_id
        self._show(payload)

    def _keep(self, payload: Json, content: bytes) -> str:
        """Put bytes into a folder, for its owner's eyes only, and return their path. Raises BadFormat."""
        is_file = payload.get("below") == FILES
        folder = (self._folder or Path()) / (FILES if is_file else PICTURES)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            place = folder / payload["name"]
            place = _free(place, content) if is_file else place
            unfinished = folder / f".{uuid4().hex}"
            unfinished.touch(mode=0o600)
            unfinished.write_bytes(content)
            return str(unfinished.replace(place))
        except OSError as error:
            raise BadFormat(f"{payload['name']} cannot be kept: {error}") from error

    def _show(self, payload: Json) -> None:
        if "tokens" in payload:
            self._tokens, self._pressed = tuple(payload["tokens"]), False
            self._is_offer = bool(payload.get("is_offer"))
        self._screen.write(payload["text"])

    async def remove(self, address: Address, native_id: str) -> None:
        """Do nothing: what scrolled by cannot be taken away, and nothing is sent that is to pass."""

    async def draft(self, address: Address, turn_id: int, payload: Json) -> None:
        """Show an unfinished answer."""
        del address, turn_id
        self._screen.preview(payload["text"])

    async def begin(self, address: Address, payload: Json, message: str | None) -> str:
        """Show an unfinished answer."""
        return await self.send(address, payload, message)

    async def grow(self, address: Address, native_id: str, payload: Json) -> None:
        """Show how far it is now."""
        await self.edit(address, native_id, payload)

    async def typing(self, address: Address, message: str | None) -> None:
        """Show that an answer is on its way."""
        del address, message
        self._screen.preview("")

    async def calm(self, address: Address, message: str | None) -> None:
        """Do nothing: the answer takes the place of what was shown."""


def _read(path: Path, most: int) -> bytes:
    try:
        told = path.stat()
        if not stat.S_ISREG(told.st_mode) and not stat.S_ISDIR(told.st_mode):  # a pipe, of which nothing may ever come
            raise FileRefused("is no file that can be read.")
        if told.st_size > most:
            raise FileRefused(too_large(told.st_size))
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise FileRefused(f"cannot be read here: {error.strerror}. Please give its path once more.") from error


def _free(wanted: Path, content: bytes) -> Path:
    """Return where a file goes that takes no other one's place; the same file lies there once."""
    names = chain([wanted.name], (numbered(wanted.name, number) for number in count(2)))
    places = (wanted.with_name(name) for name in names)
    return next(place for place in places if not place.exists() or (place.is_file() and place.read_bytes() == content))


def _as_code(path: str) -> str:
    """Return Markdown that shows a path as it is, and in one line, to be copied."""
    fence = "`" * max(3, path.count("`") + 1)
    return f"{fence}\n{path}\n{fence}"

"""A chat of files: everybody has a folder, and what is put into its `in` is answered in its `out`."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from pydantic import Field

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.split import split, tail
from adapters.chats.rich.text import spelled
from adapters.chats.rich.unfinished import parse_unfinished
from bot.chat_forms import ChatForm, ChatSettings, Desk
from bot.contents import SOURCE, drawn, kept
from bot.enclosures import Enclosure, File
from bot.errors import ChatGone, FileRefused, MessageGone
from bot.messages import Address, Button, IncomingMessage, Sender
from bot.pictures import NOT_SHOWN
from bot.ports import Json
from bot.settings import Ids

CHANNEL = "letterbox"
LOOKS_EVERY = 0.02  # seconds
LIMIT = 2000  # characters of a letter
PRESSES = "press "  # a letter that begins so presses the button with this token


class LetterboxSettings(ChatSettings):
    """The variables of the letterbox."""

    folder: Path | None = Field(None, validation_alias="LETTERBOX_FOLDER", description="Where the letters are.")
    allowed_users: Ids = Field((), validation_alias="LETTERBOX_ALLOWED_USERS", description="Whose letters are answered.")

    @property
    def is_set_up(self) -> bool:
        """Whether there is a folder."""
        return self.folder is not None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The names of the folders."""
        return self.allowed_users


def to_message(letter: Path) -> IncomingMessage:
    """Turn a letter into a message: its folder says whose it is, and its name is unique."""
    person, words = letter.parent.parent.name, letter.read_text(encoding="utf-8", errors="replace")
    is_press = words.startswith(PRESSES)
    return IncomingMessage(
        id=f"{person}/{letter.name}",
        native_id=f"{person}/{letter.name}",
        address=Address(channel=CHANNEL, chat=person),
        sender=Sender(channel=CHANNEL, id=person, name=person),
        text="" if is_press else words,
        sent_at=datetime.fromtimestamp(letter.stat().st_mtime, UTC),
        press=words.removeprefix(PRESSES).strip() if is_press else "",
    )


class Letterbox:
    """Both sides: letters in and letters out."""

    channel = CHANNEL
    shows_a_second = 50.0
    shortcomings = ()

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    # What the house asks of a chat for its replies (bot/ports.py).

    def typed(self, words: str) -> str:
        """Return the words: a command is typed here as it is named."""
        return words

    def pieces(self, text: str, buttons: Sequence[Button] = ()) -> Sequence[Json]:
        """Cut Markdown, read as for every chat, into letters; each button is a line with its token."""
        letters: list[Json] = [{"text": piece.text} for piece in split(spelled(parse(text), lambda _: False), LIMIT)]
        if letters and buttons:
            letters[-1]["text"] += "".join(f"\n[{button.label}] {PRESSES}{button.token}" for button in buttons)
        return letters

    def enclosed(self, enclosure: Enclosure) -> Json | None:
        """Return where the bytes of a picture or a file come from, and the words that are a letter if there are none."""
        if isinstance(enclosure, File):
            return {SOURCE: kept(enclosure.sha256), "name": enclosure.name, "text": enclosure.words}
        source = drawn(enclosure.model_dump(mode="json"))
        return {SOURCE: source, "name": enclosure.file_name, "text": f"{NOT_SHOWN} {enclosure.words}"}

    def plain(self, payload: Json) -> Json:
        """Return the words of a picture or a file; all else has no formatting."""
        return {"text": payload["text"]}

    def preview(self, text: str) -> Json:
        """Return the end of an unfinished answer."""
        return {"text": tail(parse_unfinished(text), LIMIT).text}

    def passing(self, text: str) -> Json:
        """Return a line that shows for a while."""
        return self.preview(text)

    def has_drafts(self, address: Address) -> bool:
        """Say no: an unfinished answer is a letter that grows."""
        del address
        return False

    def pace(self, address: Address) -> float:
        """Return the least time between two previews, in seconds."""
        del address
        return 0.2

    async def send(self, address: Address, payload: Json, reply_to: str | None, content: bytes | None = None) -> str:
        """Put a letter, a picture or a file into somebody's folder. Raises DeliveryError."""
        del reply_to
        out = self._folder / address.chat / "out"
        name = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}-{uuid4().hex}{'.txt' if content is None else '-' + payload['name']}"
        try:
            self._write(out / name, payload["text"].encode() if content is None else content)
        except FileNotFoundError as error:
            raise ChatGone(f"{address.chat} has no letterbox") from error
        return name

    async def fetch(self, ref: Mapping[str, str], most: int) -> bytes:
        """Return the bytes of a file: none comes with a letter."""
        del ref, most
        raise FileRefused("does not come with a letter.")

    async def edit(self, address: Address, native_id: str, payload: Json) -> None:
        """Let a letter read otherwise. Raises MessageGone."""
        letter = self._folder / address.chat / "out" / native_id
        if not letter.exists():
            raise MessageGone("the letter was taken away")
        self._write(letter, payload["text"].encode())

    async def remove(self, address: Address, native_id: str) -> None:
        """Take a letter away. Raises MessageGone."""
        try:
            (self._folder / address.chat / "out" / native_id).unlink()
        except FileNotFoundError as error:
            raise MessageGone("the letter was taken away") from error

    async def begin(self, address: Address, payload: Json, message: str | None) -> str:
        """Begin a letter."""
        return await self.send(address, payload, message)

    async def grow(self, address: Address, native_id: str, payload: Json) -> None:
        """Go on with a letter."""
        await self.edit(address, native_id, payload)

    async def draft(self, address: Address, turn_id: int, payload: Json) -> None:
        """Do nothing: there are no drafts."""

    async def typing(self, address: Address, message: str | None) -> None:
        """Show that an answer is on its way."""
        del message
        (self._folder / address.chat / "typing").touch()

    async def calm(self, address: Address, message: str | None) -> None:
        """Show it no longer."""
        del message
        (self._folder / address.chat / "typing").unlink(missing_ok=True)

    # What the bot process asks of it (bot/chat_forms.py).

    @property
    def chat(self) -> "Letterbox":
        """The side of replies."""
        return self

    async def introduce(self) -> str:
        """Make sure that the folder is there. Raises ConnectionError."""
        if not self._folder.is_dir():
            raise ConnectionError(f"there is no folder {self._folder}")
        return str(self._folder)

    async def serve(self, desk: Desk) -> None:
        """Take letters in; each is thrown away only when it is on disk as a message."""
        while True:
            letters = sorted(self._folder.glob("*/in/*.txt"), key=lambda letter: letter.name)
            if letters:
                await desk.take_in([to_message(letter) for letter in letters])
                for letter in letters:
                    letter.unlink()
            await asyncio.sleep(LOOKS_EVERY)

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    @staticmethod
    def _write(letter: Path, content: bytes) -> None:
        unfinished = letter.with_suffix(".writing")
        unfinished.write_bytes(content)
        unfinished.rename(letter)


def _open(settings: LetterboxSettings) -> Letterbox:
    return Letterbox(settings.folder or Path())


FORM = ChatForm(CHANNEL, "the letterbox", LetterboxSettings, _open, "put a folder's name into LETTERBOX_FOLDER")

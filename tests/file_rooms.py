"""A room to which files are sent, and a chat from which the bot has them."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import select

from bot.errors import DeliveryError
from bot.messages import Attachment, FileKind
from bot.ports import Chat
from bot.store.file_tables import files
from bot.store.tables import inbox
from tests.bot_side import fetches
from tests.room import Room


class Folder:
    """A chat whose files lie in memory, as far as fetching is concerned."""

    channel = "telegram"

    def __init__(self, **content: bytes | DeliveryError) -> None:
        self.content = content
        self.asked: list[str] = []

    async def fetch(self, ref: Mapping[str, str], most: int) -> bytes:
        """Give a file."""
        del most
        self.asked.append(ref["id"])
        found = self.content[ref["id"]]
        if isinstance(found, DeliveryError):
            raise found
        return found


def sent(name: str, kind: FileKind = FileKind.DOCUMENT, **more: object) -> Attachment:
    """Return a file that is fetched by its name without the ending."""
    ref = {"id": name.partition(".")[0] or "photo", "unique": name}
    return Attachment.model_validate({"kind": kind, "ref": ref, "name": "" if kind is FileKind.PHOTO else name, **more})


PHOTO = sent("photo", FileKind.PHOTO)


def brings(room: Room, **content: bytes | DeliveryError) -> Folder:
    """Let the bot fetch what is wanted."""
    folder = Folder(**content)
    fetches(room, cast("Chat", folder))
    return folder


def asks(room: Room, text: str, *attached: Attachment, **content: bytes | DeliveryError) -> list[str]:
    """Send files with words, let them be fetched and answered, and return all that was replied."""
    here = room.takes_in(text, attachments=attached)
    brings(room, **content)
    room.runner().run_turn(here, None)
    return room.replies(here)


def shown(room: Room) -> list[dict[str, Any]]:
    """Return the blocks that the person's last message became."""
    return cast("list[dict[str, Any]]", room.claude.message_requests[-1].body["messages"][-1]["content"])


def states(room: Room) -> list[str]:
    """Return the states of all messages."""
    with room.database.read() as tx:
        return list(tx.scalars(select(inbox.c.state).order_by(inbox.c.id)))


def file_states(room: Room) -> list[str]:
    """Return the states of all files."""
    with room.database.read() as tx:
        return list(tx.scalars(select(files.c.state).order_by(files.c.id)))

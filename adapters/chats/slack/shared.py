"""Messages of others that somebody shared: each is content of its own, before what is said to it."""

from adapters.chats.slack.payloads import Message
from bot.messages import IncomingMessage, Origin

WORDLESS = "Here is something for you to read."


def with_shared(message: IncomingMessage, event: Message) -> list[IncomingMessage]:
    """Return a message after those that were shared with it, which give no orders."""
    shared = [_by_somebody_else(message, number, one.words, one.author) for number, one in enumerate(event.shared)]
    text = message.text or ("" if message.attachments else WORDLESS)
    return [*shared, message.model_copy(update={"unreadable": "", "text": text})]


def _by_somebody_else(message: IncomingMessage, number: int, text: str, author: str) -> IncomingMessage:
    name = f"{message.id}:shared-{number}"
    changes = {"id": name, "native_id": name, "text": text, "unreadable": "", "attachments": (), "author": author}
    return IncomingMessage.model_validate({**message.model_dump(), **changes, "origin": Origin.STRANGER})

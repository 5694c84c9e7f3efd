"""What Telegram sends, turned into messages of the house; a pure translation."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field

from adapters.chats.telegram.media import attachments
from adapters.chats.telegram.text import LIMIT, utf16
from bot.messages import Address, Attachment, IncomingMessage, Origin, Part, Sender

CHANNEL = "telegram"
_END_OF_TIME = 253_402_300_799  # the last second that a datetime can tell
Moment = Annotated[int, Field(ge=0, le=_END_OF_TIME)]
# What a message can be instead of text or a file, in the words of the sentence that answers it.
KINDS = {
    "contact": "a contact",
    "dice": "a die",
    "game": "a game",
    "location": "a place",
    "paid_media": "paid media",
    "poll": "a poll",
    "story": "a story",
    "venue": "a place",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class User(_Part):
    """A user or a bot."""

    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""

    @property
    def name(self) -> str:
        """The name that people read."""
        return f"{self.first_name} {self.last_name}".strip() or self.username or str(self.id)


class Chat(_Part):
    """Where a message was written."""

    id: int
    type: Literal["private", "group", "supergroup", "channel"]
    title: str = ""


class Entity(_Part):
    """A part of a text that means something, counted in UTF-16 units."""

    type: str
    offset: int
    length: int
    user: User | None = None

    def cut(self, text: str) -> str:
        """Return the part."""
        units = text.encode("utf-16-le", "surrogatepass")
        return units[2 * self.offset : 2 * (self.offset + self.length)].decode("utf-16-le", "replace")


class Forwarded(_Part):
    """Where a forwarded message comes from."""

    sender_user: User | None = None
    sender_user_name: str = ""
    sender_chat: Chat | None = None
    chat: Chat | None = None

    @property
    def author(self) -> str:
        """Who wrote it, as far as Telegram says."""
        chat = self.sender_chat or self.chat
        if self.sender_user:
            return self.sender_user.name
        return self.sender_user_name or (chat.title if chat else "")


class Quoted(_Part):
    """The message that a message answers."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    sender: User | None = Field(None, alias="from")


class Message(_Part):
    """A message, as far as the house reads it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    message_id: int
    date: Moment
    edit_date: Moment | None = None
    chat: Chat
    sender: User | None = Field(None, alias="from")
    sender_chat: Chat | None = None
    via_bot: User | None = None
    forward_origin: Forwarded | None = None
    reply_to_message: Quoted | None = None
    message_thread_id: int | None = None
    is_topic_message: bool = False
    media_group_id: str = ""
    text: str = ""
    caption: str = ""
    entities: tuple[Entity, ...] = Field((), strict=False)
    caption_entities: tuple[Entity, ...] = Field((), strict=False)

    @property
    def words(self) -> str:
        """Its text, or that under its picture."""
        return self.text or self.caption

    @property
    def kind(self) -> str:
        """What it is instead of text or a file, or nothing."""
        return next((name for field, name in KINDS.items() if field in (self.model_extra or {})), "")

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The file that hangs on it, and that on what it answers, unless the bot itself sent that."""
        quoted = self.reply_to_message
        asked_about = quoted is not None and quoted.sender is not None and not quoted.sender.is_bot
        more = attachments((quoted.model_extra or {}) if quoted and asked_about else {}, is_quoted=True)
        return (*attachments(self.model_extra or {}, self.media_group_id), *more)


class Pressed(_Part):
    """The message under which a button was pressed."""

    chat: Chat
    message_thread_id: int | None = None
    is_topic_message: bool = False


class Press(_Part):
    """A button that was pressed."""

    id: str
    sender: User = Field(alias="from")
    message: Pressed | None = None
    data: str = ""


class Update(_Part):
    """One update, as far as the house reads it."""

    update_id: int
    message: Message | None = None
    edited_message: Message | None = None
    callback_query: Press | None = None


def to_message(update: Any, me: User) -> IncomingMessage | None:  # noqa: ANN401 - whatever the vendor sent
    """Turn an update into a message; None for what is no message of a person to the bot.

    Raises pydantic.ValidationError for what cannot be an update.
    """
    parsed = Update.model_validate(update)
    if parsed.callback_query is not None:
        return _press(parsed.callback_query)
    message = parsed.message or parsed.edited_message
    if message is None:
        return None
    files = message.attachments
    if not (message.words or message.kind or any(not file.is_quoted for file in files)):
        return None
    sender = message.sender
    # Whoever writes in the name of a chat or is a bot is nobody whom the house could know.
    if sender is None or sender.is_bot or message.sender_chat is not None:
        return None
    private = message.chat.type == "private"
    is_only_part = not private and not _is_addressed(message, me)
    if is_only_part and (not message.text or parsed.message is None or _is_for_another_bot(message, me)):
        return None
    native_id = f"{message.chat.id}:{message.message_id}"
    foreign = message.forward_origin is not None or message.via_bot is not None
    is_whole = not message.text or foreign or parsed.message is None
    return IncomingMessage(
        id=native_id if parsed.message is not None else _id_of_edit(message, native_id),
        native_id=native_id,
        address=_address(message),
        sender=Sender(channel=CHANNEL, id=str(sender.id), name=sender.name),
        text=_without_mention(message, me),
        sent_at=datetime.fromtimestamp(message.date, UTC),
        origin=Origin.STRANGER if foreign else Origin.PERSON,
        author=_author(message),
        is_edit=parsed.message is None,
        attachments=files,
        unreadable=message.kind,
        part=None if is_whole else Part(number=message.message_id, units=utf16(message.text), most=LIMIT),
        is_only_part=is_only_part,
    )


def _id_of_edit(message: Message, native_id: str) -> str:
    """Return what tells an edit from others: two may come within one second, which is all that its date tells."""
    return f"{native_id}:{message.edit_date}:{crc32(message.words.encode(errors='surrogatepass')):08x}"


def _entities(message: Message) -> tuple[Entity, ...]:
    return message.entities if message.text else message.caption_entities


def _press(press: Press) -> IncomingMessage | None:
    if press.message is None or press.sender.is_bot:
        return None
    number = f"press:{press.id}"
    return IncomingMessage(
        id=number,
        native_id=number,
        address=_address(press.message),
        sender=Sender(channel=CHANNEL, id=str(press.sender.id), name=press.sender.name),
        text="",
        sent_at=datetime.now(UTC),  # Telegram does not say when
        press=press.data,
    )


def _address(message: Message | Pressed) -> Address:
    thread = message.message_thread_id if message.is_topic_message else None
    return Address(
        channel=CHANNEL,
        chat=str(message.chat.id),
        thread=str(thread) if thread else "",
        private=message.chat.type == "private",
    )


def _is_addressed(message: Message, me: User) -> bool:
    """Tell whether a message in a group is for the bot: it mentions it, answers it or gives it a command."""
    quoted = message.reply_to_message
    if quoted is not None and quoted.sender is not None and quoted.sender.id == me.id:
        return not _is_for_another_bot(message, me)
    return any(_names(entity, message.words, me) for entity in _entities(message))


def _names(entity: Entity, text: str, me: User) -> bool:
    if entity.type == "text_mention":
        return entity.user is not None and entity.user.id == me.id
    words = entity.cut(text).casefold()
    if entity.type == "mention":
        return words == f"@{me.username}".casefold()
    if entity.type == "bot_command" and entity.offset == 0:
        _, _, bot = words.partition("@")
        return bot in ("", me.username.casefold())
    return False


def _is_for_another_bot(message: Message, me: User) -> bool:
    commands = (entity for entity in _entities(message) if entity.type == "bot_command" and entity.offset == 0)
    return any(not _names(entity, message.words, me) for entity in commands)


def _without_mention(message: Message, me: User) -> str:
    """Return the text without the bot's own name, which only said whom it is for."""
    text = message.words
    for entity in sorted(_entities(message), key=lambda entity: entity.offset, reverse=True):
        words = entity.cut(text)
        own = f"@{me.username}".casefold()
        if entity.type == "mention" and words.casefold() == own:
            text = _replace(text, entity, "")
        elif entity.type == "bot_command" and entity.offset == 0 and words.casefold().endswith(own):
            text = _replace(text, entity, words[: -len(own)])
    return text if text == message.words else text.strip()


def _replace(text: str, entity: Entity, words: str) -> str:
    units = text.encode("utf-16-le", "surrogatepass")
    start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
    return (units[:start] + words.encode("utf-16-le") + units[end:]).decode("utf-16-le", "replace")


def _author(message: Message) -> str:
    if message.forward_origin is not None:
        return message.forward_origin.author
    return message.via_bot.name if message.via_bot is not None else ""

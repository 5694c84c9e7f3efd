"""The chats of the bot: who may be written to, and everything that stands in each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic, time
from typing import TYPE_CHECKING, NamedTuple

from tests.telegram_params import ApiError, JsonObject, bad_request

if TYPE_CHECKING:
    from tests.telegram_params import Params
    from tests.telegram_rules import Entity

DRAFT_LIFE = 30.0

BLOCKED = "Forbidden: bot was blocked by the user"
NEVER_STARTED = "Forbidden: bot can't initiate conversation with a user"
KICKED = "Forbidden: bot was kicked from the {} chat"

# The places of a message in an update.
_MESSAGE_KINDS = ("message", "edited_message", "channel_post", "edited_channel_post")


class Edit(NamedTuple):
    """What one edit made of a message."""

    text: str
    entities: tuple[Entity, ...]
    at: float


class SentMessage(NamedTuple):
    """One message of the bot as it stands now, with what it was before."""

    message_id: int
    chat_id: int
    text: str
    entities: tuple[Entity, ...]
    reply_to: int | None
    thread: int | None
    sent_at: float
    first_text: str
    edits: tuple[Edit, ...]
    deleted: bool
    link_preview_options: JsonObject | None
    reply_markup: JsonObject | None
    is_silent: bool
    photo: bytes | None = None  # then the text is its caption
    document: Document | None = None  # the same


class Document(NamedTuple):
    """A file of a message."""

    name: str
    content: bytes


class Draft(NamedTuple):
    """One state of a draft, which people see while the bot still writes."""

    draft_id: int
    text: str
    entities: tuple[Entity, ...]
    at: float


class Action(NamedTuple):
    """What the bot was said to be doing, and when."""

    action: str
    at: float


@dataclass(slots=True)
class Chat:
    """One chat and all that stands in it."""

    facts: JsonObject
    refusal: str | None = None  # why the bot may not write here
    history: dict[int, JsonObject] = field(default_factory=dict)  # everybody's messages
    sent: list[SentMessage] = field(default_factory=list)  # the bot's messages, in the order they were sent
    places: dict[int, int] = field(default_factory=dict)  # where in that list a message is
    drafts: list[Draft] = field(default_factory=list)
    has_draft: bool = False
    actions: list[Action] = field(default_factory=list)
    reactions: dict[int, list[str]] = field(default_factory=dict)
    threads: set[int] = field(default_factory=set)
    last_id: int = 0

    @property
    def chat_id(self) -> int:
        """The number of the chat."""
        return int(str(self.facts["id"]))

    @property
    def is_private(self) -> bool:
        """Whether the chat is with one person."""
        return self.facts["type"] == "private"

    def put(self, message: SentMessage) -> None:
        """Add a message of the bot, or replace what it was before."""
        place = self.places.setdefault(message.message_id, len(self.sent))
        if place == len(self.sent):
            self.sent.append(message)
        else:
            self.sent[place] = message

    def live_draft(self, life: float) -> Draft | None:
        """Return the draft that people see now."""
        if self.has_draft and monotonic() < self.drafts[-1].at + life:
            return self.drafts[-1]
        return None


class Chats:
    """All chats that the bot knows; used in the server's thread only."""

    def __init__(self, bot: JsonObject) -> None:
        self.bot = bot
        self.draft_life = DRAFT_LIFE
        self._chats: dict[int, Chat] = {}
        self._seen_people: set[int] = set()
        self._last_shared_id = 0

    def get(self, chat_id: int) -> Chat | None:
        """Return a chat that the bot knows, or none."""
        return self._chats.get(chat_id)

    def open(self, facts: JsonObject) -> Chat:
        """Return the chat with these facts, which the bot knows from now on."""
        chat_id = int(str(facts["id"]))
        chat = self._chats.get(chat_id)
        if chat is None:
            chat = self._chats[chat_id] = Chat(facts)
        return chat

    def for_call(self, params: Params, *, writes: bool = True) -> Chat:
        """Return the chat that a call names, or refuse the call."""
        chat_id = params.text("chat_id")
        if not chat_id:
            raise bad_request("chat_id is empty")
        if params.text("business_connection_id"):
            raise bad_request("business connection not found")
        try:
            number = int(chat_id)
        except ValueError:
            raise bad_request("chat not found") from None  # no chat here has a public name
        chat = self._chats.get(number)
        if chat is None:
            if number in self._seen_people:
                raise ApiError(NEVER_STARTED, 403)
            raise bad_request("chat not found")
        if chat.refusal is not None and (writes or not chat.is_private):
            raise ApiError(chat.refusal, 403)
        return chat

    def next_message_id(self, chat: Chat) -> int:
        """Return the next number: a supergroup and a channel count for themselves, all other chats together."""
        if chat.facts["type"] in {"supergroup", "channel"}:
            chat.last_id += 1
            return chat.last_id
        self._last_shared_id += 1
        return self._last_shared_id

    def receive(self, chat: Chat, sender: JsonObject | None, content: JsonObject) -> JsonObject:
        """Put somebody's message into a chat and return it as the bot gets it."""
        message: JsonObject = {"message_id": self.next_message_id(chat)}
        if sender is not None:
            message["from"] = sender
            self._seen_people.add(int(str(sender["id"])))
        message |= {"chat": chat.facts, "date": int(time())}
        message |= content
        chat.history[int(str(message["message_id"]))] = message
        return message

    def learn(self, update: object) -> None:
        """Know the chat and the message of a handmade update, so that the bot can answer it."""
        if not isinstance(update, dict):
            return
        for message in map(update.get, _MESSAGE_KINDS):
            if not isinstance(message, dict):
                continue
            facts, message_id = message.get("chat"), message.get("message_id")
            if not isinstance(facts, dict) or type(facts.get("id")) is not int or "type" not in facts:
                continue
            chat = self.open(facts)
            if type(message_id) is int:
                chat.history[message_id] = message

    def quoted(self, chat: Chat, message_id: int) -> JsonObject:
        """Return a message as it is shown in an answer to it, without what it answers itself."""
        return {name: value for name, value in chat.history[message_id].items() if name != "reply_to_message"}

"""What the house needs from the outside: a model that answers, and chats that people write in."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, TypeAdapter

from bot.enclosures import Enclosure
from bot.messages import Address, Button, Value

Json = dict[str, Any]
Effort = Literal["none", "low", "medium", "high"]


class Text(Value):
    """Words of a message."""

    type: Literal["text"] = "text"
    text: str


class Call(Value):
    """A tool call that a model asks for."""

    type: Literal["call"] = "call"
    id: str
    name: str
    arguments: Json


class Result(Value):
    """What a tool call gave."""

    type: Literal["result"] = "result"
    call_id: str
    text: str
    is_error: bool = False


class Thought(Value):
    """A block that only the model that wrote it can read, given back to it as it was."""

    type: Literal["thought"] = "thought"
    model: str
    block: Json


class Image(Value):
    """A picture that a model looks at; its bytes are kept by their SHA-256, and read when a request is made."""

    type: Literal["image"] = "image"
    media_type: Literal["image/png", "image/jpeg"]
    sha256: str
    size: int  # bytes
    width: int
    height: int

    @property
    def tokens(self) -> int:
        """What it takes, as providers say it: a token for each 750 pixels."""
        return -(-self.width * self.height // 750)

    @property
    def most_tokens(self) -> int:
        """The most that any provider counts: two and a half for each square of 32 pixels."""
        return max(self.tokens, -(-self.width // 32) * -(-self.height // 32) * 5 // 2) + TILES


class Document(Value):
    """A PDF that a model reads, with what it shows; `text` is where its words are kept, for models that take no PDF."""

    type: Literal["document"] = "document"
    sha256: str
    size: int  # bytes
    name: str
    pages: int
    text: str
    length: int  # bytes of its words

    @property
    def tokens(self) -> int:
        """What it takes, as its provider says it: each page's words, and its picture."""
        return self.pages * PAGE + self.length // 3

    @property
    def most_tokens(self) -> int:
        """The most that its provider counts."""
        return self.pages * PAGE * 2 + self.length


TILES = 800  # tokens that some providers add to any picture
PAGE = 1_600  # tokens of a page's picture
Block = Annotated[Text | Call | Result | Thought | Image | Document, Field(discriminator="type")]
Load = Callable[[str], bytes | None]  # the bytes with a SHA-256, unless they are no longer kept
NO_LONGER_KEPT = "[the house] What was shown here is no longer kept."


def nothing_kept(sha256: str) -> bytes | None:
    """Return nothing: there are no files where nobody sends any."""
    del sha256
    return None


Content = tuple[Block, ...]
CONTENT: TypeAdapter[Content] = TypeAdapter(Content)


class PromptMessage(Value):
    """One message of a prompt."""

    role: Literal["user", "butler"]
    content: Content


class ToolForm(Value):
    """How a tool is described to a model."""

    name: str
    description: str
    arguments: Json


class Prompt(Value):
    """A request to a model."""

    system: str
    tools: tuple[ToolForm, ...]
    messages: tuple[PromptMessage, ...]
    max_output: int

    @property
    def size(self) -> int:
        """Bytes of its text, which no prompt's number of tokens exceeds but for fixed costs per message and tool.

        Of what is shown, the most tokens that any provider counts.
        """
        shown = (block for message in self.messages for block in message.content if isinstance(block, Image | Document))
        return len(self.model_dump_json().encode()) + sum(block.most_tokens for block in shown)


class Usage(Value):
    """Tokens that a provider reported for one request."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


class Ending(StrEnum):
    """Why a model stopped writing."""

    DONE = "done"
    CALLS = "calls"
    LENGTH = "length"
    REFUSAL = "refusal"
    PAUSE = "pause"
    CONTEXT = "context"


class Answer(Value):
    """What a model gave for a prompt.

    `usage_reported` is false where the provider did not say what it used. `organisation` is whose limits the key shares, as
    far as the provider said.
    """

    content: Content
    usage: Usage
    ending: Ending
    usage_reported: bool = True
    organisation: str | None = None


class Route(Value):
    """By which provider, key and model a request goes."""

    provider: str
    key_id: str
    model: str
    effort: Effort | None = None


class Interrupt(Protocol):
    """A way to end a request from another thread."""

    def guard(self, cut: Callable[[], None]) -> AbstractContextManager[None]:
        """Let `cut` be called when the request must end; calls it at once when that has already come."""
        ...


class Model(Protocol):
    """One provider's models."""

    def answer(self, prompt: Prompt, route: Route, on_text: Callable[[str], None], interrupt: Interrupt) -> Answer:
        """Ask for the next message, telling `on_text` the text so far. Raises ModelError."""
        ...

    def count(self, prompt: Prompt, route: Route) -> int | None:
        """Return how many tokens the provider itself counts in a prompt; nothing where it counts none for free.

        Raises ModelError.
        """
        ...

    def check(self, route: Route) -> None:
        """Make sure that the key is accepted, without spending anything. Raises ModelError."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


class Chat(Protocol):
    """A chat, as far as replies are concerned. A payload is one platform message in the chat's own form."""

    @property
    def channel(self) -> str:
        """The chat's name, such as telegram."""
        ...

    def pieces(self, text: str, buttons: Sequence[Button] = ()) -> Sequence[Json]:
        """Render Markdown as messages that fit, buttons under the last words; `source` tells of bytes (bot/contents.py)."""
        ...

    def typed(self, words: str) -> str:
        """Return words of the house in which its commands, such as `/help`, stand as they are typed in this chat."""
        ...

    def enclosed(self, enclosure: Enclosure) -> Json | None:
        """Return what `send` takes to show a picture or a file, which stays JSON until then; nothing where it shows none."""
        ...

    def plain(self, payload: Json) -> Json:
        """Return a payload without its formatting, but with all its words and addresses; of a picture or a file, its words.

        What has no plainer form is returned as it is.
        """
        ...

    def preview(self, text: str) -> Json:
        """Render an answer that is still being written, as far as it fits one platform message."""
        ...

    def passing(self, text: str) -> Json:
        """Render a line that is taken away after a while; where the chat can do so, it comes without a sound."""
        ...

    def has_drafts(self, address: Address) -> bool:
        """Tell whether an unfinished answer is shown by drafts there; else a message is begun and grows."""
        ...

    def pace(self, address: Address) -> float:
        """Return the least time between two previews there, in seconds."""
        ...

    @property
    def shows_a_second(self) -> float:
        """How often all that is only shown may change in all conversations together."""
        ...

    async def send(self, address: Address, payload: Json, reply_to: str | None, content: bytes | None = None) -> str:
        """Send one platform message, with the bytes that its source gave, and return the vendor's id. Raises DeliveryError."""
        ...

    async def fetch(self, ref: Mapping[str, str], most: int) -> bytes:
        """Return the bytes of a file that came with a message, unless there are more. Raises DeliveryError."""
        ...

    async def edit(self, address: Address, native_id: str, payload: Json) -> None:
        """Replace a message that was sent. Raises DeliveryError."""
        ...

    async def remove(self, address: Address, native_id: str) -> None:
        """Take a message away that was sent. Raises DeliveryError."""
        ...

    async def draft(self, address: Address, turn_id: int, payload: Json) -> None:
        """Show an unfinished answer that vanishes with the next message. Raises DeliveryError."""
        ...

    async def begin(self, address: Address, payload: Json, message: str | None) -> str:
        """Show an unfinished answer to a message by a message that grows; return its id. Raises DeliveryError."""
        ...

    async def grow(self, address: Address, native_id: str, payload: Json) -> None:
        """Show how far that answer is now. Raises DeliveryError."""
        ...

    async def typing(self, address: Address, message: str | None) -> None:
        """Show for some seconds that an answer to a message is on its way. Raises DeliveryError."""
        ...

    async def calm(self, address: Address, message: str | None) -> None:
        """Take back what `typing` showed, as far as it does not vanish by itself. Raises DeliveryError."""
        ...

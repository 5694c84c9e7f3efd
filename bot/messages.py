"""What comes in and what goes out, whatever the chat."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


def _encodable(text: str) -> str:
    """Replace halves of letters and leave out NUL, which a vendor's JSON or a pipe may hold and not every database takes."""
    return text.replace("\0", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


Words = Annotated[str, AfterValidator(_encodable)]


class Value(BaseModel):
    """A frozen value that may cross a process."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Address(Value):
    """Where a conversation takes place: a chat of a channel, and a thread in it where the chat has threads."""

    channel: str  # telegram, slack, terminal
    chat: Words
    thread: Words = ""
    private: bool = True

    def subject(self, person_id: int) -> str:
        """Whose memory counts here: the person's in private, the group's in a group."""
        return f"person:{person_id}" if self.private else f"group:{self.channel}:{self.chat}"


class Sender(Value):
    """Who wrote: `id` is the vendor's immutable one, never a user name.

    `short` is a form of it that settings may use where one is enough, and `outsider` says why nobody takes this person in
    who is not named in the settings, such as "a guest of the workspace".
    """

    channel: str
    id: Words
    name: Words
    short: Words = ""
    outsider: Words = ""


class Origin(StrEnum):
    """Who may have written a text, which decides whether it can give orders."""

    PERSON = "person"
    BUTLER = "butler"
    HOUSE = "house"
    TOOL = "tool"
    STRANGER = "stranger"  # forwards, mail, web pages: content, never orders


class FileKind(StrEnum):
    """What a file was sent as."""

    PHOTO = "photo"
    DOCUMENT = "document"
    STICKER = "sticker"
    MOVING_STICKER = "moving sticker"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"
    ANIMATION = "animation"


SPEECH = (FileKind.VOICE, FileKind.AUDIO)


class Attachment(Value):
    """A file that came with a message, as far as its vendor tells; `ref` is how the vendor is asked for it.

    `album` is the same for files of messages that were sent together; `is_quoted` says that it hangs on the message that is
    answered.
    """

    kind: FileKind
    ref: dict[str, Words]
    name: Words = ""
    media_type: Words = ""
    size: int = 0  # bytes; 0 where it is not told
    album: Words = ""
    is_quoted: bool = False


class Part(Value):
    """A text that may be a part of a longer one, since its writer's client splits what is longer than `most` UTF-16 units.

    `number` grows from message to message of a chat.
    """

    number: int
    units: int
    most: int


class IncomingMessage(Value):
    """A message from a chat.

    `id` is unique in its channel: the vendor's, the same for each delivery of the same gesture. `native_id` is the vendor's
    id of the message, which an edit shares with its original. `press` is the token of a button, of which the text is empty.
    """

    id: Words
    native_id: Words
    address: Address
    sender: Sender
    text: Words
    sent_at: datetime
    origin: Origin = Origin.PERSON
    author: Words = ""  # who wrote a forwarded text, as far as the vendor says
    is_edit: bool = False
    attachments: tuple[Attachment, ...] = ()
    unreadable: str = ""  # what it is instead of text or files, such as "a place"
    press: Words = ""
    part: Part | None = None
    is_only_part: bool = False  # said in a group to nobody: heard only where it goes on with what was said to a butler
    overheard: bool = False  # said in a thread to nobody by name: heard only where the house already talks


class Button(Value):
    """A button under a reply; `token` comes back when it is pressed."""

    label: str
    token: str
    is_offer: bool = False  # nothing was asked: it spares somebody the typing


class ReplyKind(StrEnum):
    """Why the house writes."""

    ANSWER = "answer"
    FAILURE = "failure"
    COMMAND = "command"
    NOTICE = "notice"

"""The forms of what Slack sends, read strictly, and no more of it than the house needs."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

_TS = r"^[0-9]{1,11}\.[0-9]{1,9}$"  # one digit more would be past all that a datetime can tell


class Part(BaseModel):
    """A part of what Slack sends, as far as the house reads it."""

    model_config = ConfigDict(frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:  # noqa: ANN401 - whatever the vendor sent
        """Take null for a field that is left out."""
        return {name: one for name, one in value.items() if one is not None} if isinstance(value, dict) else value


class File(Part):
    """A file that somebody sent."""

    id: str
    name: str = ""
    mimetype: str = ""
    size: int = 0
    mode: str = ""
    subtype: str = ""
    file_access: str = ""
    url_private: str = ""
    url_private_download: str = ""


class Attachment(Part):
    """What hangs on a message: a message that was shared, or what the vendor unfolded of an address."""

    is_share: bool = False
    is_msg_unfurl: bool = False
    author_name: str = ""
    text: str = ""
    fallback: str = ""

    @property
    def words(self) -> str:
        """Its words."""
        return self.text or self.fallback

    @property
    def author(self) -> str:
        """Who wrote them, as far as Slack says."""
        return self.author_name or "somebody"


class Editing(Part):
    """Who changed a message, and when."""

    user: str = ""
    ts: str = Field(pattern=_TS)


class Message(Part):
    """A message event, or the message inside one that tells of a change."""

    type: str = ""
    subtype: str = ""
    channel: str = ""
    channel_type: str = ""
    user: str = ""
    bot_id: str = ""
    username: str = ""
    text: str = ""
    ts: str = Field("", pattern=rf"^$|{_TS}")
    thread_ts: str = Field("", pattern=rf"^$|{_TS}")
    client_msg_id: str = ""
    team: str = ""
    user_team: str = ""
    source_team: str = ""
    hidden: bool = False
    edited: Editing | None = None
    files: tuple[File, ...] = Field((), strict=False)
    attachments: tuple[Attachment, ...] = Field((), strict=False)
    message: "Message | None" = None
    previous_message: "Message | None" = None

    @property
    def shared(self) -> tuple[Attachment, ...]:
        """The messages of others that were shared with it."""
        return tuple(one for one in self.attachments if (one.is_share or one.is_msg_unfurl) and one.words)


class Envelope(Part):
    """An event."""

    type: str = ""
    team_id: str = ""
    event: Message | None = None


class Command(Part):
    """A slash command."""

    command: str
    text: str = ""
    user_id: str
    user_name: str = ""
    team_id: str = ""
    trigger_id: str


class Named(Part):
    """Who did something."""

    id: str
    username: str = ""
    team_id: str = ""


class Action(Part):
    """A button that was pressed."""

    value: str = ""
    action_ts: str = ""


class Container(Part):
    """Where the button stands."""

    channel_id: str = ""
    message_ts: str = ""
    thread_ts: str = ""


class Presses(Part):
    """What was pressed, by whom."""

    type: str
    user: Named
    container: Container
    actions: tuple[Action, ...] = Field(min_length=1, strict=False)

"""The form of a chat: what an entry point of the group `butlers.chats` names, and what is asked of the chat behind it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.messages import IncomingMessage
from bot.ports import Chat

GROUP = "butlers.chats"


class Variables(BaseSettings):
    """Settings from the environment, then from .env, and from nothing else."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # `KEY=` in a .env copied from the example means the same as no line
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, then .env."""
        del settings_cls, file_secret_settings
        return init_settings, env_settings, dotenv_settings


class ChatSettings(Variables):
    """The variables of one chat; each chat adds its own."""

    @property
    def is_set_up(self) -> bool:
        """Whether there is enough to serve this chat."""
        raise NotImplementedError

    @property
    def allowed(self) -> tuple[str, ...]:
        """Ids of the people who may talk to the house here; the first is an owner unless BUTLER_OWNERS names others."""
        raise NotImplementedError

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be shown: those of all fields of a secret type."""
        return tuple(value.get_secret_value() for _, value in self if isinstance(value, SecretStr))

    @property
    def address(self) -> str:
        """Where the vendor's server is."""
        return ""


class Desk(Protocol):
    """What a chat hands its messages to."""

    @property
    def menu(self) -> Sequence[tuple[str, str]]:
        """The commands and what they do."""
        ...

    @property
    def butlers(self) -> Collection[str]:
        """What may be said after `/butler`: the names of the butlers there are now, and auto."""
        ...

    async def take_in(self, messages: Sequence[IncomingMessage]) -> object:
        """Put messages on disk. Only when this has returned may they be confirmed to their vendor."""
        ...

    async def park(self, channel: str, payload: str, error: str) -> None:
        """Keep an update that nobody can read."""
        ...

    async def tell_trouble(self, key: str, text: str) -> None:
        """Tell the owners about a fault, once an hour for each key."""
        ...

    async def newest(self, channel: str) -> "dict[tuple[str, str], str]":
        """Return the vendor's id of the newest message that is kept of each chat and thread of a channel."""
        ...

    async def known(self, channel: str, ids: Sequence[str]) -> set[str]:
        """Return which of these messages are kept already."""
        ...

    async def unread_since(self, channel: str) -> datetime | None:
        """Return since when something of a channel may have been missed, as it was noted last."""
        ...

    async def note_unread(self, channel: str, since: datetime | None) -> None:
        """Note since when something may have been missed, or that nothing was."""
        ...

    async def restored_at(self) -> datetime | None:
        """Return when the house was restored from a back-up: what was said before may have been answered, and is not read."""
        ...


class ChatService(Protocol):
    """A chat that is set up."""

    @property
    def chat(self) -> Chat:
        """Its side of replies."""
        ...

    async def introduce(self) -> str:
        """Connect and return who the house is there, such as "@butler_bot".

        Raises ConfigurationError when the vendor refuses the settings, and ConnectionError when it cannot be reached.
        """
        ...

    async def serve(self, desk: Desk) -> None:
        """Take messages in until cancelled, through every outage of the vendor, after `introduce`."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...

    @property
    def shortcomings(self) -> Sequence[str]:
        """What does not work although the chat can be served, each in a sentence with its cure; known after `introduce`."""
        ...


@dataclass(frozen=True)
class ChatForm:
    """What an installed chat says of itself; vendors' packages are imported only when it is opened."""

    channel: str
    title: str
    settings: type[ChatSettings]
    open: Callable[[Any], ChatService]
    how: str  # how one sets it up, in a sentence


@cache
def forms() -> tuple[ChatForm, ...]:
    """Return the chats that are installed."""
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return tuple(point.load() for point in points)

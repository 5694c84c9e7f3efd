"""Settings: every environment variable that the house itself reads; those of each chat stand with the chat."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode
from tzlocal import get_localzone_name

from bot.chat_forms import ChatForm, ChatSettings, Variables, forms
from bot.errors import ConfigurationError, in_plain_words
from bot.nearest import did_you_mean


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _folder(path: Path) -> Path:
    return path.expanduser().absolute()


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name} is no IANA zone such as Europe/Berlin.{did_you_mean(name, available_timezones())}")
    return name


def _address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("an address begins with http:// or https://")
    return url.rstrip("/")


def _redis(url: str) -> str:
    address = urlsplit(url)  # raises ValueError for what is no address
    if address.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("an address of Redis begins with redis://, rediss:// or unix://, such as redis://localhost:6379")
    _ = address.port  # raises ValueError for a port that is no number
    return url


def _owners(ids: tuple[str, ...]) -> tuple[str, ...]:
    channels = [TERMINAL, *(form.channel for form in forms())]
    for one in ids:
        channel, _, name = one.partition(":")
        if channel not in channels or not name:
            raise ValueError(
                f"{one} is no owner; write the chat and the id, such as telegram:7. The chats are {', '.join(channels)}"
            )
    return ids


TERMINAL = "terminal"
T = TypeVar("T", bound=BaseSettings)
Folder = Annotated[Path, AfterValidator(_folder)]
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
Ids = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]


class Settings(Variables):
    """What a person may set, each by one variable; the descriptions are the lines of .env.example."""

    home: Folder = Field(Path("~/.butlers"), validation_alias="BUTLER_HOME", description="Where the house keeps its files.")
    household: Folder = Field(Path("household"), validation_alias="BUTLER_HOUSEHOLD", description="The folder of butlers.")
    default_butler: str = Field(
        "assistant", validation_alias="BUTLER_DEFAULT", description="The butler that answers when no other is asked for."
    )
    model: str = Field("claude-sonnet-5-5", validation_alias="BUTLER_MODEL", description="The model that butlers think with.")
    owners: Annotated[Ids, AfterValidator(_owners)] = Field(
        (),
        validation_alias="BUTLER_OWNERS",
        description="Ids of owners, such as telegram:7 (default: the first allowed id of each chat).",
    )
    timezone: Zone = Field(
        default_factory=lambda: get_localzone_name() or "UTC",
        validation_alias="BUTLER_TIMEZONE",
        description="The house's zone (default: the machine's).",
    )
    daily_cap_usd: Decimal = Field(
        Decimal(5),
        ge=0,
        validation_alias="BUTLER_DAILY_CAP_USD",
        description="What the house may spend on models in a day (UTC), in dollars.",
    )
    redis_url: Annotated[str, AfterValidator(_redis)] | None = Field(
        None,
        validation_alias="REDIS_URL",
        description="A Redis or Valkey server to use (default: `butler up` runs one of its own).",
    )
    anthropic_api_key: Keys = Field(
        (),
        validation_alias="ANTHROPIC_API_KEY",
        description="A key from console.anthropic.com (without one, the rehearsal model answers).",
    )
    anthropic_base_url: Address = Field(
        "https://api.anthropic.com",
        validation_alias="ANTHROPIC_BASE_URL",
        description="Another address for Anthropic's API, such as a proxy.",
    )

    @property
    def zone(self) -> ZoneInfo:
        """The house's zone."""
        return ZoneInfo(self.timezone)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be shown."""
        keys = (key.get_secret_value() for key in self.anthropic_api_key)
        return (*keys, *(secret for chat in self.chats.values() for secret in chat.secrets))

    @property
    def chats(self) -> Mapping[str, ChatSettings]:
        """The settings of every installed chat, by its channel."""
        return self._chats

    _chats: Mapping[str, ChatSettings] = PrivateAttr(default_factory=dict)

    @property
    def chats_set_up(self) -> tuple[ChatForm, ...]:
        """The chats that can be served."""
        return tuple(form for form in forms() if form.channel in self.chats and self.chats[form.channel].is_set_up)


def load() -> Settings:
    """Read the settings.

    Raises ConfigurationError that names every wrong variable at once.
    """
    problems: list[str] = []
    settings = _read(Settings, problems)
    chats = {form.channel: _read(form.settings, problems) for form in forms()}
    if problems or settings is None:
        raise ConfigurationError("\n".join(dict.fromkeys(problems)))
    settings._chats = {channel: chat for channel, chat in chats.items() if chat is not None}  # noqa: SLF001 - its maker
    return settings


def _read(settings: type[T], problems: list[str]) -> T | None:
    try:
        return settings()
    except UnicodeDecodeError:
        problems.append(".env: the file is not UTF-8 text. Save it as UTF-8.")
    except ValidationError as error:
        problems += [
            f"{'.'.join(str(part) for part in problem['loc'])}: {in_plain_words(problem)}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
    return None

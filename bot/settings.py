"""Settings: every environment variable that the house itself reads; those of each chat stand with the chat."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
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


def database_address(url: str) -> str:
    """Return the address of a PostgreSQL database as it is used. Raises ValueError for what is none."""
    form = "postgresql+psycopg://user:password@host/database"
    try:
        address = make_url(url)
    except ArgumentError:
        raise ValueError(f"an address of a database is written like {form}") from None
    if address.drivername not in ("postgresql", "postgres", "postgresql+psycopg") or not address.database:
        raise ValueError(f"an address of a database is written like {form}; without one, the house keeps files of SQLite")
    return address.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


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
PROVIDERS = ("anthropic", "openai", "groq", "nvidia", "openrouter", "sokosumi")  # whose keys the environment may hold
T = TypeVar("T", bound=BaseSettings)
Folder = Annotated[Path, AfterValidator(_folder)]
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
Ids = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]


def _keys_of(provider: str, site: str) -> Any:  # noqa: ANN401 - a field of whatever type it is annotated with
    return Field((), validation_alias=f"{provider.upper()}_API_KEY", description=f"Keys from {site}, separated by commas.")


def _other_address(provider: str) -> Any:  # noqa: ANN401 - as above
    description = f"Another address for {provider}'s API, such as a proxy (default: that of providers.toml)."
    return Field(None, validation_alias=f"{provider.upper()}_BASE_URL", description=description)


class Settings(Variables):
    """What a person may set, each by one variable; the descriptions are the lines of .env.example."""

    home: Folder = Field(Path("~/.butlers"), validation_alias="BUTLER_HOME", description="Where the house keeps its files.")
    household: Folder = Field(Path("household"), validation_alias="BUTLER_HOUSEHOLD", description="The folder of butlers.")
    default_butler: str = Field(
        "assistant", validation_alias="BUTLER_DEFAULT", description="The butler that answers when no other is asked for."
    )
    model: str | None = Field(
        None,
        validation_alias="BUTLER_MODEL",
        description="The model that butlers think with (default: the smart one of each provider that has a key).",
    )
    small_model: str | None = Field(
        None,
        validation_alias="BUTLER_SMALL_MODEL",
        description="The model of butlers whose tier is fast (default: the fast one of each provider that has a key).",
    )
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
    request_cap_usd: Decimal | None = Field(
        None,
        ge=0,
        validation_alias="BUTLER_REQUEST_CAP_USD",
        description="What one request of a person may cost, with all that it starts, in dollars (default: no cap of its own).",
    )
    redis_url: Annotated[str, AfterValidator(_redis)] | None = Field(
        None,
        validation_alias="REDIS_URL",
        description="A Redis or Valkey server to use (default: `butler up` runs one of its own).",
    )
    database_url: Annotated[str, AfterValidator(database_address)] | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="A PostgreSQL database, such as postgresql+psycopg://user@host/butlers (default: files in BUTLER_HOME).",
    )
    keys_path: Folder | None = Field(
        None,
        validation_alias="BUTLER_KEYS_PATH",
        description='A JSON file of more keys, such as {"nvidia": ["key 1", "key 2"]}.',
    )
    providers_path: Folder | None = Field(
        None,
        validation_alias="BUTLER_PROVIDERS_PATH",
        description="Your own providers, prices and limits (default: providers.toml in the folder of butlers).",
    )
    anthropic_api_key: Keys = Field(
        (),
        validation_alias="ANTHROPIC_API_KEY",
        description="Keys from console.anthropic.com, separated by commas (without any key, the rehearsal model answers).",
    )
    anthropic_base_url: Address | None = _other_address("Anthropic")
    openai_api_key: Keys = _keys_of("OpenAI", "platform.openai.com")
    openai_base_url: Address | None = _other_address("OpenAI")
    groq_api_key: Keys = _keys_of("Groq", "console.groq.com")
    groq_base_url: Address | None = _other_address("Groq")
    nvidia_api_key: Keys = _keys_of("Nvidia", "build.nvidia.com")
    nvidia_base_url: Address | None = _other_address("Nvidia")
    openrouter_api_key: Keys = _keys_of("OpenRouter", "openrouter.ai")
    openrouter_base_url: Address | None = _other_address("OpenRouter")
    sokosumi_api_key: Keys = _keys_of("Sokosumi", "sokosumi.com")
    sokosumi_base_url: Address | None = _other_address("Sokosumi")

    @property
    def zone(self) -> ZoneInfo:
        """The house's zone."""
        return ZoneInfo(self.timezone)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be shown."""
        keys = (key for keys in self.api_keys.values() for key in keys)
        passwords = [make_url(url).password for url in (self.database_url,) if url is not None]
        return (*keys, *map(str, filter(None, passwords)), *(secret for chat in self.chats.values() for secret in chat.secrets))

    @property
    def api_keys(self) -> dict[str, tuple[str, ...]]:
        """The keys of the environment, by their providers."""
        found: dict[str, Iterable[SecretStr]] = {name: getattr(self, f"{name}_api_key") for name in PROVIDERS}
        return {name: tuple(key.get_secret_value() for key in keys) for name, keys in found.items()}

    @property
    def addresses(self) -> dict[str, str]:
        """Other addresses of providers, by their names."""
        found = {name: getattr(self, f"{name}_base_url") for name in PROVIDERS}
        return {name: url for name, url in found.items() if url is not None}

    @property
    def own_providers(self) -> Path:
        """The file in which a person's own providers stand, if there is one."""
        return self.providers_path or self.household / "providers.toml"

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

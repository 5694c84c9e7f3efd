"""Settings: every environment variable that the house reads, checked once and all at once."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from tzlocal import get_localzone_name

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


def _telegram_ids(ids: tuple[str, ...]) -> tuple[str, ...]:
    for one in ids:
        if not one.isdecimal():
            raise ValueError(f"{one} is no numeric id; @userinfobot tells yours. Several ids are separated by commas")
    return ids


def _owners(ids: tuple[str, ...]) -> tuple[str, ...]:
    for one in ids:
        if not re.fullmatch(r"(telegram|terminal):\S+", one):
            raise ValueError(f"{one} is no owner; write the chat and the id, such as telegram:7")
    return ids


Folder = Annotated[Path, AfterValidator(_folder)]
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
Ids = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """What a person may set, each by one variable; the descriptions are the lines of .env.example."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # `KEY=` in a .env copied from the example means the same as no line
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

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
    telegram_bot_token: SecretStr | None = Field(
        None, validation_alias="TELEGRAM_BOT_TOKEN", description="The token that @BotFather gave."
    )
    telegram_allowed_users: Annotated[Ids, AfterValidator(_telegram_ids)] = Field(
        (),
        validation_alias="TELEGRAM_ALLOWED_USERS",
        description="Numeric ids of the people who may talk to the house, separated by commas.",
    )
    telegram_api_url: Address = Field(
        "https://api.telegram.org",
        validation_alias="TELEGRAM_API_URL",
        description="A Bot API server: the part of its address before /bot<token>.",
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, then .env, and nothing else."""
        del settings_cls, file_secret_settings
        return init_settings, env_settings, dotenv_settings

    @property
    def zone(self) -> ZoneInfo:
        """The house's zone."""
        return ZoneInfo(self.timezone)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be shown."""
        token = [self.telegram_bot_token] if self.telegram_bot_token else []
        return tuple(secret.get_secret_value() for secret in (*token, *self.anthropic_api_key))


def variables() -> Mapping[str, str]:
    """Return the description of every variable, by its name."""
    return {str(field.validation_alias): field.description or "" for field in Settings.model_fields.values()}


def load() -> Settings:
    """Read the settings.

    Raises ConfigurationError that names every wrong variable at once.
    """
    try:
        return Settings()
    except UnicodeDecodeError:
        raise ConfigurationError(".env: the file is not UTF-8 text. Save it as UTF-8.") from None
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc'])}: {in_plain_words(problem)}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("\n".join(lines)) from None

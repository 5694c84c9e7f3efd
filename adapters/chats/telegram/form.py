"""Telegram as the house finds it: its settings, and how it is opened."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from bot.chat_forms import ChatForm, ChatService, ChatSettings
from bot.settings import Address, Ids


def _numeric(ids: tuple[str, ...]) -> tuple[str, ...]:
    for one in ids:
        if not one.isdecimal():
            raise ValueError(f"{one} is no numeric id; @userinfobot tells yours. Several ids are separated by commas")
    return ids


class TelegramSettings(ChatSettings):
    """The variables of Telegram."""

    bot_token: SecretStr | None = Field(
        None, validation_alias="TELEGRAM_BOT_TOKEN", description="The token that @BotFather gave."
    )
    allowed_users: Annotated[Ids, AfterValidator(_numeric)] = Field(
        (),
        validation_alias="TELEGRAM_ALLOWED_USERS",
        description="Numeric ids of the people who may talk to the house, separated by commas.",
    )
    api_url: Address = Field(
        "https://api.telegram.org",
        validation_alias="TELEGRAM_API_URL",
        description="A Bot API server: the part of its address before /bot<token>.",
    )

    @property
    def is_set_up(self) -> bool:
        """Whether there is a token."""
        return self.bot_token is not None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The numeric ids."""
        return self.allowed_users

    @property
    def address(self) -> str:
        """Where the Bot API is."""
        return self.api_url


def _open(settings: TelegramSettings) -> ChatService:
    from adapters.chats.telegram.service import TelegramService  # noqa: PLC0415 - the SDK costs 0.2 s and 40 MB

    return TelegramService(settings)


FORM = ChatForm(
    channel="telegram",
    title="Telegram",
    settings=TelegramSettings,
    open=_open,
    how="get a token from @BotFather and put it into TELEGRAM_BOT_TOKEN, and your numeric id into TELEGRAM_ALLOWED_USERS",
)

"""Slack as the house finds it: its settings, how it is opened, and the manifest of its app."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from bot.chat_forms import ChatForm, ChatService, ChatSettings
from bot.settings import Address, Ids

_ID = re.compile(r"(?:[TE][A-Z0-9]+/)?[UWB][A-Z0-9]+")


def _people(ids: tuple[str, ...]) -> tuple[str, ...]:
    for one in ids:
        if not _ID.fullmatch(one):
            raise ValueError(
                f"{one} is no id of a person, such as U012AB3CD (in Slack: profile, ⋮, Copy member ID); "
                "somebody of another workspace is named T012AB3CD/U012AB3CD"
            )
    return ids


def _begins(beginning: str) -> AfterValidator:
    def check(token: SecretStr) -> SecretStr:
        if not token.get_secret_value().startswith(beginning):
            raise ValueError(f"this token begins with {beginning}; the other kind belongs into the other variable")
        return token

    return AfterValidator(check)


class SlackSettings(ChatSettings):
    """The variables of Slack."""

    bot_token: Annotated[SecretStr, _begins("xoxb-")] | None = Field(
        None, validation_alias="SLACK_BOT_TOKEN", description="The app's bot token, xoxb-…"
    )
    app_token: Annotated[SecretStr, _begins("xapp-")] | None = Field(
        None, validation_alias="SLACK_APP_TOKEN", description="The app-level token for Socket Mode, xapp-…"
    )
    allowed_users: Annotated[Ids, AfterValidator(_people)] = Field(
        (),
        validation_alias="SLACK_ALLOWED_USERS",
        description="Member ids of the people who may talk to the house, separated by commas.",
    )
    api_url: Address = Field(
        "https://slack.com/api/", validation_alias="SLACK_API_URL", description="Slack's Web API; ends in /api/."
    )

    @property
    def is_set_up(self) -> bool:
        """Whether there are both tokens."""
        return self.bot_token is not None and self.app_token is not None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The member ids."""
        return self.allowed_users

    @property
    def address(self) -> str:
        """Where the Web API is."""
        return self.api_url


def _open(settings: SlackSettings) -> ChatService:
    from adapters.chats.slack.service import SlackService  # noqa: PLC0415 - the SDK costs 0.2 s and 30 MB

    return SlackService(settings)


FORM = ChatForm(
    channel="slack",
    title="Slack",
    settings=SlackSettings,
    open=_open,
    how=(
        "make an app from what `butler slack-manifest` prints, and put its tokens into SLACK_BOT_TOKEN and SLACK_APP_TOKEN "
        "and your member id into SLACK_ALLOWED_USERS"
    ),
)

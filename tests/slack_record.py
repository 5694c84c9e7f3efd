"""What the tests see of the double of Slack: the bot's calls and messages, and what the app was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.slack_chats import Conversation, SlackMessage, Status, Workspace
from tests.slack_events import Events
from tests.slack_faults import FaultySlack
from tests.slack_files import Files

if TYPE_CHECKING:
    from tests.slack_params import JsonObject
    from tests.slack_sockets import SlackEnvelope

BOT_TOKEN = "xoxb-loopback-000000-bot"
APP_TOKEN = "xapp-1-A0-loopback-app"


@dataclass(slots=True)
class Call:
    """One call of the bot; it is not `ok` until it is answered, and stays so if it never is."""

    method: str
    params: JsonObject
    at: float
    ok: bool = False
    error: str = ""
    is_injected: bool = False  # whether its failure is one that a test has switched on


class RecordedSlack(FaultySlack):
    """A Slack that keeps a record of everything that the bot does."""

    bot_token = BOT_TOKEN
    app_token = APP_TOKEN
    team = "T1"
    bot_user = "UBOT"
    bot_id = "BBOT"
    app_id = "A0"

    def __init__(self) -> None:
        super().__init__()
        self.workspace = Workspace(self.team, self.bot_user, self.bot_id, self.app_id, "butler")
        self.sockets.app_id = self.app_id
        self.files = Files()
        self.fetched: list[str] = []  # the files whose content was asked for, each time
        self.file_chunks = (2**20, 0.0)  # in which size files come, and the seconds between two chunks
        self.events = Events(self.workspace, self.sockets)
        self.responses: list[JsonObject] = []  # what the bot has posted to response_urls
        self._calls: list[Call] = []

    @property
    def scopes(self) -> set[str]:
        """What the app may do; a test can take a scope away."""
        return self.workspace.scopes

    @property
    def calls(self) -> list[Call]:
        """Every call of the bot so far."""
        return self.call(self._calls.copy)

    @property
    def refusals(self) -> list[Call]:
        """The calls that were refused as wrong, without the faults that a test has switched on."""
        return [call for call in self.calls if call.error and not call.is_injected]

    @property
    def envelopes(self) -> list[SlackEnvelope]:
        """Everything that was sent to the app."""
        return self.call(self.sockets.envelopes.copy)

    @property
    def protocol_errors(self) -> list[str]:
        """What the app has sent on a socket that it should not have."""
        return self.call(self.sockets.protocol_errors.copy)

    @property
    def ack_within(self) -> float:
        """After how many seconds an envelope is sent again."""
        return self.sockets.ack_within

    @ack_within.setter
    def ack_within(self, seconds: float) -> None:
        self.sockets.ack_within = seconds

    @property
    def retry_delays(self) -> tuple[float, ...]:
        """How long each further attempt waits after the one before it."""
        return self.sockets.retry_delays

    @retry_delays.setter
    def retry_delays(self, seconds: tuple[float, ...]) -> None:
        self.sockets.retry_delays = seconds

    def connections(self) -> int:
        """Count the sockets that are open now."""
        return self.call(lambda: len(self.sockets.links))

    def unacknowledged(self) -> int:
        """Count what was neither acknowledged nor lost yet."""
        return sum(envelope.acked_at is None and not envelope.is_lost for envelope in self.envelopes)

    def messages(self, channel_id: str) -> list[SlackMessage]:
        """Return the bot's messages in a conversation, deleted ones too, in the order they were sent."""
        return self.call(lambda: list(self._place(channel_id).sent.values()))

    def ephemerals(self, channel_id: str) -> list[SlackMessage]:
        """Return the messages that only one person in a conversation could see."""
        return self.call(lambda: list(self._place(channel_id).ephemerals))

    def whispers(self, channel_id: str, person_id: str) -> list[str]:
        """Return what only one person in a conversation was told, in any of the three ways, in its order."""
        told = [(note.sent_at, note.text) for note in self.ephemerals(channel_id) if note.seen_by == person_id]
        for envelope in self.envelopes:
            answer, asked = envelope.ack_payload, envelope.payload
            if isinstance(answer, dict) and (asked.get("channel_id"), asked.get("user_id")) == (channel_id, person_id):
                told.append((envelope.acked_at or 0.0, str(answer.get("text", ""))))
        told += [
            (answer["at"], str(answer["body"].get("text", "")))
            for answer in self.responses
            if (answer["channel"], answer["user"]) == (channel_id, person_id)
        ]
        return [text for _, text in sorted(told)]

    def statuses(self, channel_id: str) -> list[Status]:
        """Return what the bot was said to be doing in a conversation."""
        return self.call(lambda: list(self._place(channel_id).statuses))

    def _place(self, channel_id: str) -> Conversation:
        return self.workspace.conversations.get(channel_id) or Conversation(channel_id, "im")

"""The workspace of the double: its people, its conversations, and everything that stands in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING, NamedTuple

from tests.slack_blocks import buttons_of
from tests.slack_params import JsonObject, Params, SlackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.slack_blocks import Button

PREFIXES = {"im": "im", "mpim": "mpim", "channel": "channels", "group": "groups"}
ALL_SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "reactions:read",
    "reactions:write",
    "team:read",
    "users:read",
)


class SlackEdit(NamedTuple):
    """What one edit made of a message."""

    text: str
    at: float


class SlackMessage(NamedTuple):
    """One message of the bot as it stands now, with what it was before."""

    ts: str
    channel: str
    text: str  # what a person reads
    user: str
    sent_at: float
    first_text: str
    markdown_text: str | None = None
    blocks: tuple[JsonObject, ...] = ()
    thread_ts: str | None = None
    edits: tuple[SlackEdit, ...] = ()
    is_streaming: bool = False
    deleted: bool = False
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None
    files: tuple[JsonObject, ...] = ()
    is_broadcast: bool = False
    metadata: JsonObject | None = None
    fallback: str = ""  # the argument `text`, which only notifications show where there are blocks
    seen_by: str | None = None  # the only one who sees it, if it is ephemeral
    is_edited: bool = False  # whether people see that it was changed after it was there

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The buttons that the message shows now."""
        return () if self.deleted else buttons_of(list(self.blocks))


class Status(NamedTuple):
    """What the bot was said to be doing in a thread."""

    thread_ts: str
    status: str
    at: float


@dataclass(slots=True)
class Conversation:
    """One conversation and all that stands in it."""

    id: str
    kind: str  # im, mpim, channel or group
    name: str = ""
    partner: str = ""  # with whom, if it is direct
    bot: str = "UBOT"
    is_shared: bool = False
    is_archived: bool = False
    is_bot_inside: bool = True
    members: set[str] = field(default_factory=set)
    history: dict[str, JsonObject] = field(default_factory=dict)  # everybody's messages, by their timestamps
    gone: set[str] = field(default_factory=set)
    sent: dict[str, SlackMessage] = field(default_factory=dict)  # the bot's messages, in the order they were sent
    ephemerals: list[SlackMessage] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)  # the bot's
    statuses: list[Status] = field(default_factory=list)

    @property
    def is_direct(self) -> bool:
        """Whether the conversation is with one person."""
        return self.kind == "im"

    def replies(self, root: str) -> list[JsonObject]:
        """Return the answers in a thread, the oldest first."""
        found = [message for ts, message in self.history.items() if message.get("thread_ts") == root and ts != root]
        return sorted(found, key=lambda message: str(message["ts"]))

    def shown(self, ts: str, *, with_metadata: bool = False) -> JsonObject:
        """Return a message as the history shows it, with the count of its answers."""
        message = dict(self.history[ts])
        if not with_metadata:
            message.pop("metadata", None)
        answers = self.replies(ts)
        if answers:
            writers = sorted({str(answer.get("user", answer.get("bot_id"))) for answer in answers})
            message |= {
                "thread_ts": ts,
                "reply_count": len(answers),
                "reply_users": writers,
                "reply_users_count": len(writers),
                "latest_reply": answers[-1]["ts"],
                "is_locked": False,
                "subscribed": False,
            }
        if self.reactions.get(ts):
            message["reactions"] = [{"name": name, "users": [self.bot], "count": 1} for name in self.reactions[ts]]
        return message

    def facts(self) -> JsonObject:
        """Return the conversation as the vendor describes it."""
        if self.is_direct:
            return {"id": self.id, "is_im": True, "is_org_shared": False, "user": self.partner, "is_archived": False}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": self.kind == "channel",
            "is_group": self.kind == "group",
            "is_im": False,
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "channel",
            "is_archived": self.is_archived,
            "is_general": False,
            "is_shared": self.is_shared,
            "is_ext_shared": self.is_shared,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
            "is_member": self.is_bot_inside,
            "num_members": len(self.members),
        }


class Workspace:
    """Everything that the vendor keeps for one workspace and one app; used in the server's thread only."""

    def __init__(self, team: str, bot_user: str, bot_id: str, app_id: str, bot_name: str) -> None:
        self.team = team
        self.bot_user = bot_user
        self.bot_id = bot_id
        self.app_id = app_id
        self.bot_name = bot_name
        self.domain = "loopback"
        self.enterprise = ""  # the organisation that it belongs to, if any
        self.address = ""
        self.scopes = set(ALL_SCOPES)
        self.unthreads = True  # whether an answer to a deleted message becomes one of its own, as it does at Slack
        self.stream_life = 300.0
        self.users: dict[str, JsonObject] = {}
        self.conversations: dict[str, Conversation] = {}
        self.tell: Callable[[Conversation, JsonObject], None] = lambda _, __: None
        self._last_ts = 0

    def next_ts(self) -> str:
        """Return a timestamp that no message has yet."""
        self._last_ts = max(self._last_ts + 1, int(time() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def need_scope(self, *scopes: str) -> None:
        """Refuse a call for which the app lacks one of the scopes."""
        missing = [scope for scope in scopes if scope not in self.scopes]
        if missing:
            raise SlackError("missing_scope", needed=",".join(missing), provided=",".join(sorted(self.scopes)))

    def conversation_for(self, params: Params, name: str = "channel") -> Conversation:
        """Return the conversation that a call names, or refuse the call."""
        found = self.conversations.get(params.required(name, "channel_not_found"))
        if found is None or (not found.is_bot_inside and found.kind != "channel"):
            raise SlackError("channel_not_found")
        return found

    def writable_for(self, params: Params, name: str = "channel", *, takes_people: bool = False) -> Conversation:
        """Return the conversation that a call wants to write to, or refuse the call."""
        person = params.text(name)
        is_person = takes_people and person in self.users
        conversation = self.direct(person) if is_person else self.conversation_for(params, name)
        if conversation.is_archived:
            raise SlackError("is_archived")
        if not conversation.is_bot_inside and "chat:write.public" not in self.scopes:
            raise SlackError("not_in_channel")
        return conversation

    def direct(self, person: str) -> Conversation:
        """Return the direct conversation with a person."""
        known = self.conversations.get("D" + person)
        if known is None:
            known = Conversation("D" + person, "im", partner=person, members={person, self.bot_user})
            self.conversations[known.id] = known
        return known

    def author(self) -> JsonObject:
        """Return the fields that tell that the bot has written a message."""
        return {
            "user": self.bot_user,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "team": self.team,
            "bot_profile": {
                "id": self.bot_id,
                "app_id": self.app_id,
                "user_id": self.bot_user,
                "name": self.bot_name,
                "deleted": False,
                "team_id": self.team,
            },
        }

"""What the app is told: events, commands and pressed buttons, in the shapes in which Slack sends them."""

from __future__ import annotations

from secrets import token_hex
from time import time
from typing import TYPE_CHECKING, Any

from tests.slack_chats import PREFIXES, Conversation, SlackMessage, Workspace
from tests.slack_params import JsonObject
from tests.slack_sockets import EVENTS, INTERACTIVE, SLASH, SlackEnvelope, Sockets

if TYPE_CHECKING:
    from tests.slack_blocks import Button

VERIFICATION = "loopback-verification"
# Messages which mention the bot, but which are none that anybody has written.
_SILENT = ("message_changed", "message_deleted", "channel_join", "channel_leave", "bot_message", "tombstone")


class Events:
    """The sender of everything the app is told; used in the server's thread only."""

    def __init__(self, workspace: Workspace, sockets: Sockets) -> None:
        self._workspace = workspace
        self._sockets = sockets
        self._count = 0
        workspace.tell = self.tell

    def tell(self, conversation: Conversation, message: JsonObject) -> None:
        """Tell the app of a message, and of the mention in it, as far as it may know."""
        if not conversation.is_bot_inside:
            return
        message = {name: value for name, value in message.items() if name != "metadata"}
        place = {"channel": conversation.id, "event_ts": message["ts"]}
        outer = {"is_ext_shared_channel": conversation.is_shared}
        if f"{PREFIXES[conversation.kind]}:history" in self._workspace.scopes:
            self.push(message | place | {"channel_type": conversation.kind}, outer)
        if self._is_mention(conversation, message) and "app_mentions:read" in self._workspace.scopes:
            mention = {name: value for name, value in message.items() if name != "subtype"}
            self.push(mention | place | {"type": "app_mention"}, outer)

    def push(self, event: JsonObject, outer: JsonObject) -> SlackEnvelope:
        """Send an event."""
        self._count += 1
        workspace = self._workspace
        payload = {
            "token": VERIFICATION,
            "team_id": workspace.team,
            "context_team_id": workspace.team,
            "context_enterprise_id": None,
            "api_app_id": workspace.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{self._count:09d}",
            "event_time": int(time()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": workspace.team,
                    "user_id": workspace.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": f"4-{token_hex(12)}",
        }
        return self._sockets.send(EVENTS, payload | outer)

    def command(self, user: JsonObject, place: Conversation, command: str, text: str) -> str:
        """Send a slash command and return its trigger."""
        trigger = token_hex(12)
        payload = {
            "token": VERIFICATION,
            "team_id": self._workspace.team,
            "team_domain": self._workspace.domain,
            "channel_id": place.id,
            "channel_name": "directmessage" if place.is_direct else place.name,
            "user_id": user["id"],
            "user_name": user["name"],
            "command": command,
            "text": text,
            "api_app_id": self._workspace.app_id,
            "is_enterprise_install": "false",
            "response_url": f"{self._workspace.address}/commands/{place.id}/{user['id']}/{trigger}",
            "trigger_id": trigger,
        }
        if "commands" in self._workspace.scopes:
            self._sockets.send(SLASH, payload)
        return trigger

    def press(self, user: JsonObject, place: Conversation, message: SlackMessage, button: Button) -> SlackEnvelope:
        """Send that somebody has pressed a button."""
        container: JsonObject = {"type": "message", "message_ts": message.ts, "channel_id": place.id}
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        trigger = token_hex(12)
        action = {
            "type": "button",
            "action_id": button.action_id,
            "block_id": button.block_id,
            "text": {"type": "plain_text", "text": button.label, "emoji": True},
            "value": button.value,
            "action_ts": self._workspace.next_ts(),
        }
        payload: JsonObject = {
            "type": "block_actions",
            "user": {"id": user["id"], "username": user["name"], "name": user["name"], "team_id": user["team_id"]},
            "api_app_id": self._workspace.app_id,
            "token": VERIFICATION,
            "container": container | {"is_ephemeral": message.seen_by is not None},
            "trigger_id": trigger,
            "team": {"id": self._workspace.team, "domain": self._workspace.domain},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": place.id, "name": "directmessage" if place.is_direct else place.name},
            "message": place.history.get(message.ts, {"type": "message", "ts": message.ts}),
            "state": {"values": {}},
            "response_url": f"{self._workspace.address}/actions/{place.id}/{user['id']}/{trigger}",
            "actions": [action],
        }
        return self._sockets.send(INTERACTIVE, payload)

    def _is_mention(self, conversation: Conversation, message: JsonObject) -> bool:
        if conversation.is_direct or message.get("subtype") in _SILENT or message.get("bot_id"):
            return False
        return f"<@{self._workspace.bot_user}>" in str(message.get("text", ""))


def outer_of(team: str | None, authorizations: Any, more: JsonObject) -> JsonObject:
    """Return the fields around a handmade event."""
    outer = dict(more)
    if team is not None:
        outer["team_id"] = team
    if authorizations is not None:
        outer["authorizations"] = authorizations
    return outer

"""The manifest of the Slack app: every scope, event and command that the house uses, so that set-up is one paste."""

import json
from collections.abc import Sequence

SCOPES = {
    "app_mentions:read": "is heard when somebody mentions the house in a channel",
    "channels:history": "reads what came while the connection was away, and threads",
    "channels:read": "knows which channels it is in",
    "chat:write": "answers",
    "commands": "the commands",
    "files:read": "reads the files that you send",
    "files:write": "sends very long answers as a file",
    "groups:history": "the same in private channels",
    "groups:read": "the same in private channels",
    "im:history": "the same in direct messages",
    "im:read": "the same in direct messages",
    "im:write": "opens a direct message to tell you something",
    "mpim:history": "the same in group messages",
    "mpim:read": "the same in group messages",
    "reactions:write": "shows by 👀 that a message is being worked on",
    "users:read": "knows people's names, and tells members from guests",
}
EVENTS = ("app_mention", "message.channels", "message.groups", "message.im", "message.mpim")
COMMAND = "butler"  # takes every command of the house as its first word


def manifest(own: Sequence[tuple[str, str, str]]) -> str:
    """Return the app's manifest in JSON, with the commands (name, usage, summary) that are Slack commands of their own."""
    commands = [(COMMAND, "status, help, or what you want to know", "talks to the house"), *own]
    return json.dumps(
        {
            "display_information": {"name": "Butler", "description": "A household of personal AI assistants"},
            "features": {
                "app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
                "bot_user": {"display_name": "butler", "always_online": True},
                "slash_commands": [
                    {"command": f"/{name}", "description": summary, "usage_hint": usage, "should_escape": True}
                    for name, usage, summary in commands
                ],
            },
            "oauth_config": {"scopes": {"bot": list(SCOPES)}},
            "settings": {
                "event_subscriptions": {"bot_events": list(EVENTS)},
                "interactivity": {"is_enabled": True},
                "org_deploy_enabled": False,
                "socket_mode_enabled": True,
                "token_rotation_enabled": False,
            },
        },
        indent=2,
        ensure_ascii=False,
    )


def scope_advice(scope: str) -> str:
    """Return how a missing scope is added, by the line of the manifest."""
    return (
        f'Add the line "{scope}" under oauth_config, scopes, bot in the app\'s manifest (`butler slack-manifest` prints it '
        "whole), and install the app again."
    )

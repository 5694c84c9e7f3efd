"""The calls that Slack refuses, each with the error that it gives."""

from __future__ import annotations

from typing import Any

BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Yes"}, "value": "1", "action_id": "yes"}
LONG = "x" * 12_001
NOWHERE = "1234567890.000001"


def section(text: str) -> dict[str, Any]:
    """Return a block with a text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _actions(**changes: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": [BUTTON | changes]}


TWINS = {"type": "actions", "elements": [BUTTON, BUTTON]}
MANY = {"type": "actions", "elements": [BUTTON | {"action_id": str(number)} for number in range(26)]}
LONG_LABEL = {"type": "plain_text", "text": "x" * 76}
MARKED_LABEL = {"type": "mrkdwn", "text": "x"}

# A method, its arguments and the error; there are the person U1 with DU1, and the channel C1 with U1 in it.
WRONG_CALLS: list[tuple[str, dict[str, object], str]] = [
    ("chat.sendPigeon", {}, "unknown_method"),
    ("chat.postMessage", {"channel": "DU1", "text": "x", "txet": "y"}, "invalid_arguments"),
    ("chat.postMessage", {"text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C9", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "DU1"}, "no_text"),
    ("chat.postMessage", {"channel": "DU1", "text": "x" * 40_001}, "msg_too_long"),
    ("chat.postMessage", {"channel": "DU1", "markdown_text": LONG}, "msg_too_long"),
    ("chat.postMessage", {"channel": "DU1", "markdown_text": "x", "text": "x"}, "markdown_text_conflict"),
    ("chat.postMessage", {"channel": "DU1", "text": "x", "thread_ts": "1234"}, "invalid_thread_ts"),
    ("chat.postMessage", {"channel": "DU1", "text": "x", "thread_ts": NOWHERE}, "thread_not_found"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [section("x")] * 51}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [section("x" * 3_001)]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [{"type": "poem"}]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [{"type": "markdown", "text": LONG}]}, "msg_blocks_too_long"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [TWINS]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [MANY]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [_actions(text=LONG_LABEL)]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [_actions(text=MARKED_LABEL)]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [_actions(value="x" * 2_001)]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "DU1", "blocks": [_actions(action_id="x" * 256)]}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "DU1", "text": "x", "metadata": {"a": 1}}, "invalid_metadata_schema"),
    ("assistant.threads.setStatus", {"channel_id": "DU1", "thread_ts": NOWHERE, "status": ""}, "invalid_thread_ts"),
    ("chat.postMessage", {"channel": "DU1", "blocks": "nothing"}, "invalid_blocks_format"),
    ("chat.update", {"channel": "DU1", "ts": NOWHERE, "text": "x"}, "message_not_found"),
    ("chat.postEphemeral", {"channel": "C1", "user": "U9", "text": "x"}, "user_not_in_channel"),
    ("chat.startStream", {"channel": "DU1"}, "channel_type_not_supported"),
    ("chat.startStream", {"channel": "C1"}, "missing_recipient_team_id"),
    ("chat.startStream", {"channel": "C1", "recipient_team_id": "T1"}, "missing_recipient_user_id"),
    ("chat.appendStream", {"channel": "C1", "ts": NOWHERE, "markdown_text": "x"}, "message_not_found"),
    ("reactions.add", {"channel": "C1", "name": "No!", "timestamp": NOWHERE}, "invalid_name"),
    ("reactions.add", {"channel": "C1", "name": "x", "timestamp": NOWHERE}, "message_not_found"),
    ("conversations.history", {"channel": "C1", "cursor": "?"}, "invalid_cursor"),
    ("conversations.history", {"channel": "C1", "limit": "1001"}, "invalid_limit"),
    ("conversations.replies", {"channel": "C1", "ts": NOWHERE}, "thread_not_found"),
    ("conversations.open", {"users": "U9"}, "user_not_found"),
    ("conversations.list", {"types": "secret"}, "invalid_types"),
    ("users.info", {"user": "U9"}, "user_not_found"),
    ("files.info", {"file": "F9"}, "file_not_found"),
    ("files.getUploadURLExternal", {"filename": "x", "length": 0}, "invalid_arguments"),
]

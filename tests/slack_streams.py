"""The methods with which the bot writes a message little by little, before the eyes of its reader."""

from __future__ import annotations

from tests.slack_chats import Conversation, SlackMessage, Workspace
from tests.slack_params import JsonObject, Params, SlackError, wrong_argument
from tests.slack_posts import (
    checked_blocks,
    checked_markdown,
    edited,
    is_streaming,
    keep,
    new_message,
    put,
    thread_for,
)

DISPLAY_MODES = ("timeline", "plan")


def start(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out chat.startStream."""
    conversation = workspace.writable_for(params)
    thread = thread_for(workspace, conversation, params)
    if conversation.is_direct and thread is None:
        raise SlackError("channel_type_not_supported" if not params.has("thread_ts") else "invalid_thread_ts")
    if not conversation.is_direct:
        _check_recipient(workspace, conversation, params)
    if params.text("task_display_mode") not in {"", *DISPLAY_MODES}:
        raise wrong_argument("task_display_mode must be timeline or plan")
    message = new_message(workspace, conversation, markdown_text=_piece(params), is_streaming=True, thread_ts=thread)
    put(workspace, conversation, message)
    return {"channel": conversation.id, "ts": message.ts}


def append(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out chat.appendStream."""
    conversation, before = _stream_for(workspace, params)
    piece = _piece(params)
    if not piece:
        raise SlackError("no_text")
    # The app is told of a stream's beginning and of its end only.
    keep(workspace, conversation, edited(before, markdown_text=(before.markdown_text or "") + piece))
    return {"channel": conversation.id, "ts": before.ts}


def stop(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out chat.stopStream."""
    conversation, before = _stream_for(workspace, params)
    text = (before.markdown_text or "") + _piece(params)
    blocks = checked_blocks(params)
    if not text and not blocks:
        raise SlackError("no_text")
    metadata = params.fields("metadata", "invalid_metadata_format")
    after = edited(before, markdown_text=text, blocks=blocks, metadata=metadata, is_streaming=False)
    shown = put(workspace, conversation, after)
    return {"channel": conversation.id, "ts": before.ts, "message": shown}


def _check_recipient(workspace: Workspace, conversation: Conversation, params: Params) -> None:
    if not params.has("recipient_team_id"):
        raise SlackError("missing_recipient_team_id")
    recipient = params.required("recipient_user_id", "missing_recipient_user_id")
    if recipient != workspace.bot_user and recipient not in conversation.members:
        raise SlackError("user_not_found")


def _stream_for(workspace: Workspace, params: Params) -> tuple[Conversation, SlackMessage]:
    conversation = workspace.writable_for(params)
    ts = params.timestamp("ts", "message_not_found")
    if ts is None or ts not in conversation.history:
        raise SlackError("message_not_found")
    message = conversation.sent.get(ts)
    if message is None:
        raise SlackError("message_not_owned_by_app")
    if not is_streaming(workspace, message):
        raise SlackError("message_not_in_streaming_state")
    return conversation, message


def _piece(params: Params) -> str:
    markdown = checked_markdown(params)
    chunks = params.array("chunks", "invalid_chunks")
    if markdown and chunks:
        raise SlackError("cannot_provide_both_markdown_text_and_chunks")
    if not chunks:
        return markdown or ""
    for chunk in chunks:
        if not isinstance(chunk, dict) or chunk.get("type") not in {"markdown_text", "task_update", "plan_update"}:
            raise SlackError("invalid_chunks")
    return "".join(str(chunk.get("text", "")) for chunk in chunks if chunk["type"] == "markdown_text")

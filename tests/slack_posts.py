"""The methods with which the bot writes: posting, editing and deleting messages."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from tests.slack_blocks import check_blocks, text_of
from tests.slack_chats import Conversation, SlackEdit, SlackMessage, Workspace
from tests.slack_params import JsonObject, Params, SlackError

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_TEXT = 40_000
LONGEST_EDITED_TEXT = 4_000
LONGEST_MARKDOWN = 12_000


def post_message(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out chat.postMessage."""
    conversation = workspace.writable_for(params, takes_people=True)
    thread = thread_for(workspace, conversation, params)
    message = _written(workspace, conversation, params, LONGEST_TEXT)._replace(
        thread_ts=thread,
        unfurl_links=params.boolean("unfurl_links"),
        unfurl_media=params.boolean("unfurl_media"),
        is_broadcast=thread is not None and bool(params.boolean("reply_broadcast")),
    )
    shown = put(workspace, conversation, message)
    return {"channel": conversation.id, "ts": message.ts, "message": shown}


def post_ephemeral(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out chat.postEphemeral."""
    conversation = workspace.writable_for(params)
    seen_by = params.required("user", "user_not_found")
    if seen_by not in conversation.members:
        raise SlackError("user_not_in_channel")
    thread = thread_for(workspace, conversation, params)
    message = _written(workspace, conversation, params, LONGEST_TEXT)._replace(thread_ts=thread, seen_by=seen_by)
    conversation.ephemerals.append(message)
    return {"message_ts": message.ts}


def update(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out chat.update."""
    conversation = workspace.writable_for(params)
    before = own_message(conversation, params, "cant_update_message")
    if is_streaming(workspace, before):
        raise SlackError("streaming_state_conflict")
    after = _written(workspace, conversation, params, LONGEST_EDITED_TEXT)
    # Blocks that are not named are kept, except that Markdown is the whole of a message.
    kept = () if params.has("markdown_text") else before.blocks
    blocks = after.blocks if "blocks" in params.values else kept
    content = {"markdown_text": after.markdown_text, "blocks": blocks, "fallback": after.fallback}
    after = edited(before, **content, is_edited=True)
    shown = put(workspace, conversation, after)
    return {"channel": conversation.id, "ts": after.ts, "text": after.fallback, "message": shown}


def delete(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out chat.delete."""
    conversation = workspace.writable_for(params)
    message = own_message(conversation, params, "cant_delete_message")
    if is_streaming(workspace, message):
        raise SlackError("cant_delete_message")
    conversation.sent[message.ts] = message._replace(deleted=True)
    remove(workspace, conversation, message.ts)
    return {"channel": conversation.id, "ts": message.ts}


def own_message(conversation: Conversation, params: Params, foreign: str) -> SlackMessage:
    """Return the message of the bot that a call names, or refuse the call."""
    ts = params.timestamp("ts", "message_not_found")
    message = None if ts is None else conversation.sent.get(ts)
    if message is not None and not message.deleted:
        return message
    raise SlackError(foreign if ts in conversation.history else "message_not_found")


def is_streaming(workspace: Workspace, message: SlackMessage) -> bool:
    """Tell whether a message can still be appended to: the vendor ends a stream that lasts too long."""
    return message.is_streaming and monotonic() - message.sent_at < workspace.stream_life


def edited(before: SlackMessage, **changes: Any) -> SlackMessage:
    """Return a message with changes, and with the edit on its record."""
    after = before._replace(**changes)
    text = _read(after)
    return after._replace(text=text, edits=(*before.edits, SlackEdit(text, monotonic())))


def thread_for(workspace: Workspace, conversation: Conversation, params: Params, name: str = "thread_ts") -> str | None:
    """Return the thread that a call names, none if it names none or one that is gone, or refuse the call."""
    thread = params.timestamp(name, "invalid_thread_ts")
    if thread is None:
        return None
    root = conversation.history.get(thread)
    if root is not None:
        if root.get("thread_ts", thread) != thread:
            raise SlackError("invalid_thread_ts")  # an answer has no thread of its own
        return thread
    if thread in conversation.gone and workspace.unthreads:
        return None
    raise SlackError("thread_not_found")


def put(workspace: Workspace, conversation: Conversation, message: SlackMessage) -> JsonObject:
    """Keep a message of the bot, tell the app of it, and return it as the vendor shows it."""
    before = conversation.history.get(message.ts)
    shown = keep(workspace, conversation, message)
    if before is None:
        workspace.tell(conversation, shown)
    else:
        tell_of_change(workspace, conversation, before, shown)
    return shown


def keep(workspace: Workspace, conversation: Conversation, message: SlackMessage) -> JsonObject:
    """Keep a message of the bot as it is now, and return it as the vendor shows it."""
    conversation.sent[message.ts] = message
    shown = _shown(workspace, conversation, message)
    conversation.history[message.ts] = shown
    return shown


def remove(workspace: Workspace, conversation: Conversation, ts: str) -> None:
    """Take anybody's message out of a conversation and tell the app of it."""
    before = conversation.history.pop(ts)
    if conversation.replies(ts):
        conversation.history[ts] = {
            "type": "message",
            "subtype": "tombstone",
            "text": "This message was deleted.",
            "user": "USLACKBOT",
            "hidden": True,
            "ts": ts,
            "thread_ts": ts,
        }
    else:
        conversation.gone.add(ts)
    moment = workspace.next_ts()
    event = {"subtype": "message_deleted", "hidden": True, "deleted_ts": ts, "previous_message": before, "ts": moment}
    workspace.tell(conversation, {"type": "message"} | event)


def tell_of_change(workspace: Workspace, conversation: Conversation, before: JsonObject, after: JsonObject) -> None:
    """Tell the app that somebody has changed a message."""
    event = {"subtype": "message_changed", "hidden": True, "message": after, "previous_message": before}
    workspace.tell(conversation, {"type": "message", "ts": workspace.next_ts()} | event)


def new_message(workspace: Workspace, conversation: Conversation, **content: Any) -> SlackMessage:
    """Return a message of the bot that stands nowhere yet."""
    message = SlackMessage(workspace.next_ts(), conversation.id, "", workspace.bot_user, monotonic(), "", **content)
    text = _read(message)
    return message._replace(text=text, first_text=text)


def checked_blocks(params: Params) -> tuple[JsonObject, ...]:
    """Return the blocks of a call, or refuse them."""
    blocks = params.array("blocks", "invalid_blocks_format") or []
    check_blocks(blocks)
    return tuple(blocks)


def checked_markdown(params: Params) -> str | None:
    """Return the Markdown of a call, or refuse it."""
    markdown = params.text("markdown_text")
    if len(markdown) > LONGEST_MARKDOWN:
        raise SlackError("msg_too_long")
    return markdown or None


def _written(workspace: Workspace, conversation: Conversation, params: Params, longest: int) -> SlackMessage:
    markdown = checked_markdown(params)
    if markdown and (params.has("text") or params.has("blocks")):
        raise SlackError("markdown_text_conflict")
    text = params.text("text")
    if len(text) > longest:
        raise SlackError("msg_too_long")
    blocks = checked_blocks(params)
    if not (markdown or text.strip() or blocks):
        raise SlackError("no_text")
    _check_flags(params)
    metadata = params.fields("metadata", "invalid_metadata_format")
    if metadata is not None and not {"event_type", "event_payload"} <= metadata.keys():
        raise SlackError("invalid_metadata_schema")
    return new_message(
        workspace,
        conversation,
        markdown_text=markdown,
        blocks=blocks,
        fallback=text,
        metadata=metadata,
    )


def _check_flags(params: Params) -> None:
    for name in ("mrkdwn", "link_names", "reply_broadcast", "unfurl_links", "unfurl_media"):
        params.boolean(name)
    if params.text("parse") not in {"", "none", "full"}:
        raise SlackError("invalid_arguments")


def _read(message: SlackMessage) -> str:
    below = text_of(list(message.blocks))
    if message.markdown_text is not None:
        return "\n".join(filter(None, (message.markdown_text, below)))
    return below if message.blocks else message.fallback


def _shown(workspace: Workspace, conversation: Conversation, message: SlackMessage) -> JsonObject:
    text = message.fallback or message.markdown_text or message.text
    shown: JsonObject = {"type": "message", "ts": message.ts, "text": text} | workspace.author()
    optional: Sequence[tuple[str, object]] = (
        ("blocks", list(message.blocks)),
        ("files", list(message.files)),
        ("metadata", message.metadata),
        ("subtype", "thread_broadcast" if message.is_broadcast else None),
        ("edited", {"user": workspace.bot_user, "ts": workspace.next_ts()} if message.is_edited else None),
    )
    shown |= {name: value for name, value in optional if value}
    if message.is_streaming:
        shown["streaming_state"] = "in_progress"
    return shown | thread_fields(conversation, message.thread_ts)


def thread_fields(conversation: Conversation, thread: str | None) -> JsonObject:
    """Return the fields that tell in which thread a message stands."""
    if thread is None:
        return {}
    root = conversation.history.get(thread, {})
    return {"thread_ts": thread} | ({"parent_user_id": root["user"]} if "user" in root else {})

"""The table of the Web API's methods, and those of them that are too small for a module of their own."""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from tests import slack_posts as posts
from tests import slack_reading as reading
from tests import slack_streams as streams
from tests.slack_chats import Conversation, Status, Workspace
from tests.slack_files import Files
from tests.slack_params import JsonObject, Params, SlackError, wrong_argument

if TYPE_CHECKING:
    from collections.abc import Callable

EMOJI = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")
MOST_LOADING_MESSAGES = 10

_CONTENT = ("channel", "text", "blocks", "markdown_text", "parse", "link_names", "metadata", "mrkdwn")
_THREAD = ("thread_ts", "reply_broadcast", "unfurl_links", "unfurl_media")
_PIECE = ("channel", "markdown_text", "chunks")
_PAGE = ("cursor", "limit")
_SPAN = ("channel", "oldest", "latest", "inclusive", "include_all_metadata", *_PAGE)
_LIST = ("types", "exclude_archived", "team_id", *_PAGE)
_REACTION = ("channel", "name", "timestamp")
_STREAM = (*_PIECE, "thread_ts", "recipient_user_id", "recipient_team_id", "task_display_mode")


class Method(NamedTuple):
    """One method: its name, its arguments, the scopes it needs, and what carries it out."""

    name: str
    known: tuple[str, ...]
    scopes: tuple[str, ...]
    run: Callable[[Workspace, Params], JsonObject]
    takes_json: bool = True
    is_for_app: bool = False  # whether it needs the app's token instead of the bot's


class Methods:
    """The methods of one app; used in the server's thread only."""

    def __init__(self, workspace: Workspace, files: Files, open_link: Callable[[], str]) -> None:
        self._workspace = workspace
        self._files = files
        self._open_link = open_link
        table = (*self._of_app(), *_writing(), *_looking(), *_marking(), *self._of_files())
        self._table = {method.name: method for method in table}

    def find(self, name: str) -> Method | None:
        """Return a method by its name."""
        return self._table.get(name)

    def run(self, method: Method, params: Params) -> JsonObject:
        """Carry out a call, or refuse it."""
        self._workspace.need_scope(*method.scopes)
        if params.is_json and not method.takes_json:
            raise wrong_argument(f"{method.name} takes a form, no JSON")
        params.check_known(method.known)
        return {"ok": True} | method.run(self._workspace, params)

    def _of_app(self) -> list[Method]:
        return [
            Method("auth.test", (), (), reading.auth_test),
            Method("apps.connections.open", (), (), lambda _, __: {"url": self._open_link()}, is_for_app=True),
        ]

    def _of_files(self) -> list[Method]:
        files = self._files
        announced = ("filename", "length", "alt_txt", "snippet_type")
        shared = ("files", "channel_id", "channels", "thread_ts", "initial_comment", "blocks")
        write = ("files:write",)
        return [
            Method("files.getUploadURLExternal", announced, write, files.get_upload_url, takes_json=False),
            Method("files.completeUploadExternal", shared, write, files.complete_upload),
            Method("files.info", ("file", "count", "page", *_PAGE), ("files:read",), files.files_info, takes_json=False),
        ]


def _writing() -> list[Method]:
    write = ("chat:write",)
    return [
        Method("chat.postMessage", (*_CONTENT, *_THREAD), write, posts.post_message),
        Method("chat.postEphemeral", (*_CONTENT, "user", "thread_ts"), write, posts.post_ephemeral),
        Method("chat.update", (*_CONTENT, "ts", "reply_broadcast", "file_ids"), write, posts.update),
        Method("chat.delete", ("channel", "ts"), write, posts.delete),
        Method("chat.startStream", _STREAM, write, streams.start),
        Method("chat.appendStream", (*_PIECE, "ts"), write, streams.append),
        Method("chat.stopStream", (*_PIECE, "ts", "blocks", "metadata", "session_status"), write, streams.stop),
    ]


def _looking() -> list[Method]:
    opened = ("channel", "users", "return_im", "prevent_creation")
    described = ("channel", "include_locale", "include_num_members")
    people, team = ("users:read",), ("team:read",)
    return [
        Method("conversations.open", opened, ("im:write",), reading.conversations_open),
        Method("conversations.history", _SPAN, (), reading.conversations_history, takes_json=False),
        Method("conversations.replies", (*_SPAN, "ts"), (), reading.conversations_replies, takes_json=False),
        Method("conversations.info", described, (), reading.conversations_info, takes_json=False),
        Method("conversations.list", _LIST, (), reading.conversations_list, takes_json=False),
        Method("users.conversations", (*_LIST, "user"), (), reading.users_conversations, takes_json=False),
        Method("users.info", ("user", "include_locale"), people, reading.users_info, takes_json=False),
        Method("team.info", ("team", "domain"), team, reading.team_info, takes_json=False),
        Method("bots.info", ("bot", "team_id"), people, reading.bots_info, takes_json=False),
    ]


def _marking() -> list[Method]:
    status = ("channel_id", "thread_ts", "status", "loading_messages")
    return [
        Method("reactions.add", _REACTION, ("reactions:write",), _add_reaction),
        Method("reactions.remove", _REACTION, ("reactions:write",), _remove_reaction),
        Method("assistant.threads.setStatus", status, ("assistant:write",), _set_status),
    ]


def _add_reaction(workspace: Workspace, params: Params) -> JsonObject:
    names, name = _reactions_for(workspace, params)
    if name in names:
        raise SlackError("already_reacted")
    names.append(name)
    return {}


def _remove_reaction(workspace: Workspace, params: Params) -> JsonObject:
    names, name = _reactions_for(workspace, params)
    if name not in names:
        raise SlackError("no_reaction")
    names.remove(name)
    return {}


def _reactions_for(workspace: Workspace, params: Params) -> tuple[list[str], str]:
    conversation: Conversation = workspace.conversation_for(params)
    if not conversation.is_bot_inside:
        raise SlackError("not_in_channel")
    if conversation.is_archived:
        raise SlackError("is_archived")
    name = params.text("name")
    if not EMOJI.fullmatch(name):
        raise SlackError("invalid_name")
    if not params.has("timestamp"):
        raise SlackError("no_item_specified")
    ts = params.timestamp("timestamp", "bad_timestamp")
    if ts is None or ts not in conversation.history:
        raise SlackError("message_not_found")
    return conversation.reactions.setdefault(ts, []), name


def _set_status(workspace: Workspace, params: Params) -> JsonObject:
    conversation = workspace.conversation_for(params, "channel_id")
    if not conversation.is_bot_inside:
        raise SlackError("not_in_channel")
    thread = params.timestamp("thread_ts", "invalid_thread_ts")
    message = conversation.history.get(thread or "")
    if thread is None or message is None or message.get("thread_ts", thread) != thread:
        raise SlackError("invalid_thread_ts")
    if "status" not in params.values:
        raise wrong_argument("missing required field: status")
    if len(params.array("loading_messages", "invalid_arguments") or []) > MOST_LOADING_MESSAGES:
        raise wrong_argument("loading_messages must have at most 10 items")
    conversation.statuses.append(Status(thread, params.text("status"), monotonic()))
    return {}

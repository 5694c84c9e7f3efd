"""The methods with which the bot looks around: conversations, their histories, people and the workspace."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import TYPE_CHECKING, Any

from tests.slack_chats import PREFIXES, Conversation, Workspace
from tests.slack_params import JsonObject, Params, SlackError, wrong_argument

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ITEMS = 1_000
USUAL_HISTORY = 100
MOST_PEOPLE = 8
KINDS = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}


def auth_test(workspace: Workspace, _: Params) -> JsonObject:
    """Carry out auth.test."""
    return {
        "url": f"https://{workspace.domain}.slack.com/",
        "team": "Loopback",
        "user": workspace.bot_name,
        "team_id": workspace.team,
        "user_id": workspace.bot_user,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    } | ({"enterprise_id": workspace.enterprise} if workspace.enterprise else {})


def team_info(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out team.info."""
    if params.text("team") not in {"", workspace.team}:
        raise SlackError("team_not_found")
    team = {"id": workspace.team, "name": "Loopback", "domain": workspace.domain, "email_domain": "", "icon": {}}
    return {"team": team}


def bots_info(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out bots.info."""
    if params.required("bot") != workspace.bot_id:
        raise SlackError("bot_not_found")
    facts = {"id": workspace.bot_id, "app_id": workspace.app_id, "user_id": workspace.bot_user}
    return {"bot": facts | {"name": workspace.bot_name, "deleted": False, "updated": 0, "icons": {}}}


def users_info(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out users.info."""
    user = workspace.users.get(params.required("user", "user_not_found"))
    if user is None:
        raise SlackError("user_not_found")
    params.boolean("include_locale")
    return {"user": user}


def conversations_info(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out conversations.info."""
    conversation = workspace.conversation_for(params)
    workspace.need_scope(f"{PREFIXES[conversation.kind]}:read")
    return {"channel": conversation.facts()}


def conversations_open(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out conversations.open."""
    if params.has("channel"):
        conversation = workspace.conversation_for(params)
    else:
        people = params.names("users")
        if not people:
            raise SlackError("users_list_not_supplied")
        _check_people(workspace, people)
        conversation = workspace.direct(people[0]) if len(people) == 1 else _group_of(workspace, people)
    facts = conversation.facts() if params.boolean("return_im") else {"id": conversation.id}
    return {"no_op": True, "already_open": True, "channel": facts}


def conversations_list(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out conversations.list."""
    seen = [place for place in workspace.conversations.values() if place.is_bot_inside or place.kind == "channel"]
    return _listed(workspace, params, seen)


def users_conversations(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out users.conversations, without a user for the bot itself."""
    user = params.text("user") or workspace.bot_user
    if user != workspace.bot_user and user not in workspace.users:
        raise SlackError("user_not_found")
    shared = [
        place
        for place in workspace.conversations.values()
        if place.is_bot_inside and (user == workspace.bot_user or user in place.members)
    ]
    return _listed(workspace, params, shared)


def conversations_history(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out conversations.history: the newest first, without answers that stand in threads only."""
    conversation = _readable(workspace, params)
    fully = bool(params.boolean("include_all_metadata"))
    shown = [
        conversation.shown(ts, with_metadata=fully)
        for ts, message in conversation.history.items()
        if message.get("thread_ts", ts) == ts or message.get("subtype") == "thread_broadcast"
    ]
    shown.sort(key=lambda message: str(message["ts"]), reverse=True)
    items, after = _page(params, list(filter(_within(params), shown)), USUAL_HISTORY)
    return {"messages": items, "has_more": bool(after), "pin_count": 0} | _cursor(after)


def conversations_replies(workspace: Workspace, params: Params) -> JsonObject:
    """Carry out conversations.replies: the message that was answered, then the answers, the oldest first."""
    conversation = _readable(workspace, params)
    ts = params.timestamp("ts", "invalid_ts")
    if ts is None:
        raise wrong_argument("missing required field: ts")
    if ts not in conversation.history:
        raise SlackError("thread_not_found")
    message = conversation.history[ts]
    fully = bool(params.boolean("include_all_metadata"))
    if message.get("thread_ts", ts) != ts:
        shown = [conversation.shown(ts, with_metadata=fully)]
    else:
        answers = [conversation.shown(str(answer["ts"]), with_metadata=fully) for answer in conversation.replies(ts)]
        shown = [conversation.shown(ts, with_metadata=fully), *filter(_within(params), answers)]
    items, after = _page(params, shown, MOST_ITEMS)
    return {"messages": items, "has_more": bool(after)} | _cursor(after)


def _readable(workspace: Workspace, params: Params) -> Conversation:
    conversation = workspace.conversation_for(params)
    workspace.need_scope(f"{PREFIXES[conversation.kind]}:history")
    if not conversation.is_bot_inside:
        raise SlackError("not_in_channel")
    return conversation


def _within(params: Params) -> Callable[[JsonObject], bool]:
    oldest = _moment(params, "oldest") or "0"
    latest = _moment(params, "latest") or "99999999999"
    is_inclusive = bool(params.boolean("inclusive"))

    def is_within(message: JsonObject) -> bool:
        ts = str(message["ts"])
        if is_inclusive and ts in (oldest, latest):
            return True
        return float(oldest) < float(ts) < float(latest)

    return is_within


def _moment(params: Params, name: str) -> str:
    value = params.text(name)
    if value and not value.replace(".", "", 1).isdecimal():
        raise SlackError(f"invalid_ts_{name}")
    return value


def _listed(workspace: Workspace, params: Params, places: list[Conversation]) -> JsonObject:
    asked = params.names("types") or ["public_channel"]
    if not set(asked) <= KINDS.keys():
        raise SlackError("invalid_types")
    kinds = [KINDS[kind] for kind in asked]
    workspace.need_scope(*(f"{PREFIXES[kind]}:read" for kind in kinds))
    without_archived = bool(params.boolean("exclude_archived"))
    found = [place.facts() for place in places if place.kind in kinds and not (without_archived and place.is_archived)]
    items, after = _page(params, found, USUAL_HISTORY)
    return {"channels": items} | (_cursor(after) or {"response_metadata": {"next_cursor": ""}})


def _page(params: Params, items: list[JsonObject], usual: int) -> tuple[list[JsonObject], str]:
    limit = params.integer("limit", usual) or usual
    if limit > MOST_ITEMS:
        raise SlackError("invalid_limit")
    start = _start(params.text("cursor"))
    rest = items[start : start + limit]
    is_last = start + limit >= len(items)
    return rest, "" if is_last else b64encode(f"next:{start + limit}".encode()).decode()


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        kind, _, number = b64decode(cursor, validate=True).decode().partition(":")
    except (NotBase64, UnicodeDecodeError):
        kind, number = "", ""
    if kind != "next" or not number.isdecimal():
        raise SlackError("invalid_cursor")
    return int(number)


def _cursor(after: str) -> dict[str, Any]:
    return {"response_metadata": {"next_cursor": after}} if after else {}


def _check_people(workspace: Workspace, people: list[str]) -> None:
    if len(people) > MOST_PEOPLE:
        raise SlackError("too_many_users")
    for person in people:
        user = workspace.users.get(person)
        if user is None:
            raise SlackError("user_not_found")
        if user["deleted"]:
            raise SlackError("user_disabled")
        if user["is_bot"]:
            raise SlackError("cannot_dm_bot")


def _group_of(workspace: Workspace, people: list[str]) -> Conversation:
    workspace.need_scope("mpim:write")
    name = "G" + "".join(sorted(people))
    known = workspace.conversations.get(name)
    if known is None:
        known = Conversation(name, "mpim", name="mpdm-" + "--".join(people), members={*people, workspace.bot_user})
        workspace.conversations[name] = known
    return known

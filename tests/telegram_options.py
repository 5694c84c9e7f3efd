"""The rules of what a call carries beside its text: replies, buttons, previews, commands and reactions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tests.telegram_params import JsonObject, bad_request, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.telegram_params import Params

ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
_LISTED_REACTIONS = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤️‍🔥 "
    "🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 "
    "🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂️ 🤷 🤷‍♀️ 😡"
)
REACTIONS = frozenset(_LISTED_REACTIONS.split())
MOST_COMMANDS = 100
LONGEST_COMMAND = 32
LONGEST_DESCRIPTION = 256

_COMMAND = re.compile(r"[a-z0-9_]+")
_LANGUAGE = re.compile(r"(?:[a-z]{2})?")
_PREVIEW_FIELDS: dict[str, type] = {
    "is_disabled": bool,
    "url": str,
    "prefer_small_media": bool,
    "prefer_large_media": bool,
    "show_above_text": bool,
}
_REPLY_FIELDS: dict[str, type] = {
    "message_id": int,
    "chat_id": int,
    "allow_sending_without_reply": bool,
    "quote": str,
    "quote_parse_mode": str,
    "quote_entities": list,
    "quote_position": int,
    "checklist_task_id": int,
}
_MARKUPS = ("inline_keyboard", "keyboard", "remove_keyboard", "force_reply")
_SCOPES: dict[str, frozenset[str]] = {
    "default": frozenset(),
    "all_private_chats": frozenset(),
    "all_group_chats": frozenset(),
    "all_chat_administrators": frozenset(),
    "chat": frozenset({"chat_id"}),
    "chat_administrators": frozenset({"chat_id"}),
    "chat_member": frozenset({"chat_id", "user_id"}),
}


class ReplyTo(NamedTuple):
    """The message that a call answers."""

    message_id: int
    chat_id: int | None
    may_be_missing: bool


class Command(NamedTuple):
    """One entry of the bot's menu."""

    command: str
    description: str


def _check_fields(what: str, value: JsonObject, fields: Mapping[str, type]) -> None:
    for name, content in value.items():
        if name not in fields:
            raise bad_request(f"{what} has no field {name}")
        if type(content) is not fields[name]:
            raise bad_request(f'can\'t parse {what}: field "{name}" must be of type {fields[name].__name__}')


def link_preview_options(params: Params) -> JsonObject | None:
    """Return how links of the text are to be previewed."""
    options = params.json_object("link_preview_options")
    if options is not None:
        _check_fields("link_preview_options", options, _PREVIEW_FIELDS)
    return options


def reply_to(params: Params) -> ReplyTo | None:
    """Return which message the call answers."""
    value = params.json_object("reply_parameters")
    if value is None:
        return None
    _check_fields("reply_parameters", value, _REPLY_FIELDS)
    message_id, chat_id = value.get("message_id"), value.get("chat_id")
    if not isinstance(message_id, int):
        raise bad_request("can't parse reply parameters: Can't find field \"message_id\"")
    return ReplyTo(
        message_id,
        chat_id if isinstance(chat_id, int) else None,
        may_be_missing=value.get("allow_sending_without_reply") is True,
    )


LONGEST_TOKEN = 64  # bytes


def reply_markup(params: Params) -> JsonObject | None:
    """Return the buttons below a message."""
    markup = params.json_object("reply_markup")
    if markup is not None and not any(name in markup for name in _MARKUPS):
        raise bad_request("object expected as reply markup")
    rows = (markup or {}).get("inline_keyboard")
    for button in (one for row in (rows if isinstance(rows, list) else []) for one in row):
        if not button.get("text"):
            raise bad_request("text buttons are unallowed in the inline keyboard")
        token = button.get("callback_data")
        if token is not None and not 0 < len(str(token).encode()) <= LONGEST_TOKEN:
            raise bad_request("BUTTON_DATA_INVALID")
    return markup


def commands(params: Params) -> list[Command]:
    """Return the entries of a menu, each of them checked."""
    entries = params.json_array("commands")
    if entries is None:
        raise bad_request("expected an Array of BotCommand")
    if len(entries) > MOST_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    return [_command(entry) for entry in entries]


def _command(entry: object) -> Command:
    if not isinstance(entry, dict) or set(entry) != {"command", "description"}:
        raise bad_request("can't parse BotCommand: expected an Object with command and description")
    command, description = entry["command"], entry["description"]
    if not isinstance(command, str) or not isinstance(description, str):
        raise bad_request("can't parse BotCommand: expected Strings")
    if not command:
        raise bad_request("command must be non-empty")
    if len(command) > LONGEST_COMMAND:
        raise bad_request(f"command length must not exceed {LONGEST_COMMAND}")
    if not _COMMAND.fullmatch(command):
        raise bad_request("BOT_COMMAND_INVALID")
    if not description.strip():
        raise bad_request("command description must be non-empty")
    if len(description) > LONGEST_DESCRIPTION:
        raise bad_request(f"command description length must not exceed {LONGEST_DESCRIPTION}")
    return Command(command, description)


def command_scope(params: Params) -> tuple[str, str]:
    """Return for whom and in which language a menu is meant, in a form that can be compared."""
    scope = params.json_object("scope") or {"type": "default"}
    kind = scope.get("type")
    if not isinstance(kind, str) or kind not in _SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    if set(scope) - {"type"} != _SCOPES[kind]:
        raise bad_request("can't parse BotCommandScope: wrong fields")
    language = params.text("language_code")
    if not _LANGUAGE.fullmatch(language):
        raise bad_request("invalid language code specified")
    return scope_key(scope), language


def scope_key(scope: JsonObject) -> str:
    """Return a scope as a text: its type alone where it has no more fields."""
    return str(scope["type"]) if len(scope) == 1 else to_json(dict(sorted(scope.items())))


def reactions(params: Params) -> list[str]:
    """Return the emoji with which the bot reacts: one or none."""
    chosen = params.json_array("reaction") or []
    if len(chosen) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    emoji: list[str] = []
    for reaction in chosen:
        if not isinstance(reaction, dict) or reaction.get("type") != "emoji" or set(reaction) != {"type", "emoji"}:
            raise bad_request("can't parse ReactionType: invalid reaction type specified")
        name = str(reaction["emoji"])
        if name not in REACTIONS:
            raise bad_request("REACTION_INVALID")
        emoji.append(name)
    return emoji


def action(params: Params) -> str:
    """Return what the bot is said to be doing."""
    name = params.text("action")
    if name not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    return name

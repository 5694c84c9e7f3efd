"""The table of the Bot API's methods, and those of them that concern the bot itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests import telegram_messages as messages
from tests import telegram_options as options
from tests.telegram_params import JsonObject, Params, bad_request, to_json
from tests.telegram_updates import WEBHOOK_SET, UpdateQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.telegram_chats import Chats
    from tests.telegram_options import Command

LONGEST_ANSWER = 200

_CHAT_MESSAGE = frozenset({"business_connection_id", "chat_id", "message_id"})
_STYLED_TEXT = frozenset({"text", "parse_mode", "entities"})
_SEND_MESSAGE = _STYLED_TEXT | {
    "business_connection_id",
    "chat_id",
    "message_thread_id",
    "direct_messages_topic_id",
    "link_preview_options",
    "disable_notification",
    "protect_content",
    "allow_paid_broadcast",
    "message_effect_id",
    "suggested_post_parameters",
    "reply_parameters",
    "reply_markup",
}
_SEND_PHOTO = (_SEND_MESSAGE - _STYLED_TEXT - {"link_preview_options"}) | {
    "photo",
    "caption",
    "parse_mode",
    "caption_entities",
    "show_caption_above_media",
    "has_spoiler",
}
_SEND_DOCUMENT = (_SEND_PHOTO - {"photo", "show_caption_above_media", "has_spoiler"}) | {
    "document",
    "thumbnail",
    "disable_content_type_detection",
}
_SET_WEBHOOK = frozenset(
    {
        "url",
        "certificate",
        "ip_address",
        "max_connections",
        "allowed_updates",
        "drop_pending_updates",
        "secret_token",
    }
)
_SCOPE = frozenset({"scope", "language_code"})
_GET_UPDATES = frozenset({"offset", "limit", "timeout", "allowed_updates"})


class Method(NamedTuple):
    """One method: its name, its parameters, and what carries it out; nothing does where the server must wait."""

    name: str
    known: frozenset[str]
    run: Callable[[Params], object] | None


class Methods:
    """The methods of one bot; used in the server's thread only."""

    def __init__(self, bot: JsonObject, chats: Chats, queue: UpdateQueue, get_file: Callable[[Params], JsonObject]) -> None:
        self._get_file = get_file
        self._bot = bot
        self._chats = chats
        self._queue = queue
        self.has_dropped_updates = False
        self.menus: dict[tuple[str, str], list[Command]] = {}
        self.callback_queries: set[str] = set()
        self._table = {method.name.lower(): method for method in (*self._of_bot(), *self._of_chats())}

    def find(self, name: str) -> Method | None:
        """Return a method by its name, in which the vendor does not mind capital letters."""
        return self._table.get(name.lower())

    def _of_bot(self) -> list[Method]:
        return [
            Method("getMe", frozenset(), lambda _: self._bot),
            Method("getUpdates", _GET_UPDATES, None),
            Method("getFile", frozenset({"file_id"}), self._get_file),
            Method("deleteWebhook", frozenset({"drop_pending_updates"}), self._delete_webhook),
            Method("setWebhook", _SET_WEBHOOK, self._set_webhook),
            Method("getWebhookInfo", frozenset(), self._get_webhook),
            Method("setMyCommands", _SCOPE | {"commands"}, self._set_commands),
            Method("getMyCommands", _SCOPE, self._get_commands),
            Method("deleteMyCommands", _SCOPE, self._delete_commands),
            Method(
                "answerCallbackQuery",
                frozenset({"callback_query_id", "text", "show_alert", "url", "cache_time"}),
                self._answer_callback,
            ),
        ]

    def _of_chats(self) -> list[Method]:
        chats = self._chats
        return [
            Method("sendMessage", _SEND_MESSAGE, lambda params: messages.send_message(chats, params)),
            Method("sendPhoto", _SEND_PHOTO, lambda params: messages.send_photo(chats, params)),
            Method("sendDocument", _SEND_DOCUMENT, lambda params: messages.send_document(chats, params)),
            Method(
                "sendMessageDraft",
                _STYLED_TEXT | {"chat_id", "message_thread_id", "draft_id", "can_stop"},
                lambda params: messages.send_message_draft(chats, params),
            ),
            Method(
                "editMessageText",
                _STYLED_TEXT | _CHAT_MESSAGE | {"inline_message_id", "link_preview_options", "reply_markup"},
                lambda params: messages.edit_message_text(chats, params),
            ),
            Method(
                "deleteMessage",
                frozenset({"chat_id", "message_id"}),
                lambda params: messages.delete_message(chats, params),
            ),
            Method(
                "sendChatAction",
                frozenset({"business_connection_id", "chat_id", "message_thread_id", "action"}),
                lambda params: messages.send_chat_action(chats, params),
            ),
            Method(
                "setMessageReaction",
                frozenset({"chat_id", "message_id", "reaction", "is_big"}),
                lambda params: messages.set_message_reaction(chats, params),
            ),
        ]

    def _delete_webhook(self, params: Params) -> bool:
        self._drop_updates(params)
        self._queue.webhook_url = ""
        return True

    def _set_webhook(self, params: Params) -> bool:
        self._queue.choose_kinds(params)
        self._drop_updates(params)
        url = params.text("url")
        if url and not url.startswith("https://"):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        self._queue.webhook_url = url
        if url:
            self._queue.end_poll(WEBHOOK_SET)
        return True

    def _drop_updates(self, params: Params) -> None:
        if params.boolean("drop_pending_updates"):
            self.has_dropped_updates = True
            self._queue.clear()

    def _get_webhook(self, _: Params) -> JsonObject:
        return {
            "url": self._queue.webhook_url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._queue),
        }

    def _set_commands(self, params: Params) -> bool:
        self.menus[options.command_scope(params)] = options.commands(params)
        return True

    def _get_commands(self, params: Params) -> list[JsonObject]:
        return [dict(command._asdict()) for command in self.menus.get(options.command_scope(params), [])]

    def _delete_commands(self, params: Params) -> bool:
        self.menus.pop(options.command_scope(params), None)
        return True

    def _answer_callback(self, params: Params) -> bool:
        if len(params.text("text")) > LONGEST_ANSWER:
            raise bad_request("MESSAGE_TOO_LONG")
        params.boolean("show_alert")
        query_id = params.text("callback_query_id")
        if query_id not in self.callback_queries:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        self.callback_queries.discard(query_id)
        return True


def ok(result: object) -> bytes:
    """Return the answer to a call that was carried out."""
    return b'{"ok":true,"result":%b}' % to_json(result).encode()

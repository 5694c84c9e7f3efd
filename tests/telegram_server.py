"""A strict double of the Telegram Bot API on the loopback interface, with the people on its other side."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from aiohttp import web

from tests.telegram_chats import Action, Chat, Chats, Draft, SentMessage
from tests.telegram_content import text_content
from tests.telegram_files import FileServer
from tests.telegram_methods import Method, Methods, ok
from tests.telegram_options import scope_key
from tests.telegram_params import ApiError, JsonObject, Params, read_params, to_json
from tests.telegram_people import Group, Person
from tests.telegram_updates import Confirmation, UpdateQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TOKEN = "42:LOOPBACK"  # the double's own
FIRST_UPDATE_ID = 870_000_001
NOT_FOUND = "Not Found"
METHOD_NOT_FOUND = "Not Found: method not found"


@dataclass(slots=True)
class Call:
    """One call of the bot; its status is 0 until it is answered, and stays so if it never is."""

    method: str
    params: dict[str, str]
    at: float
    status: int = 0
    description: str = ""
    is_injected: bool = False  # whether its failure is one that a test has switched on


class TelegramServer(FileServer):
    """The Bot API for one bot, at the address `url`; its people are had with `person` and `group`."""

    def __init__(
        self,
        token: str = TOKEN,
        *,
        username: str = "butler_bot",
        first_update_id: int = FIRST_UPDATE_ID,
        port: int = 0,
    ) -> None:
        super().__init__()
        self._port = port
        self.token = token
        self.bot: JsonObject = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Butler",
            "username": username,
            "can_join_groups": True,
            "can_read_all_group_messages": True,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
        shown = ("id", "is_bot", "first_name", "username")
        self.chats = Chats({name: self.bot[name] for name in shown})
        self.queue = UpdateQueue(first_update_id, self.changed)
        self.on_call: Callable[[Call], None] | None = None
        self._methods = Methods(self.bot, self.chats, self.queue, self.get_file)
        self._calls: list[Call] = []
        self._people: dict[int, Person] = {}
        self._groups: dict[int, Group] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the one route, which takes every path and every verb."""
        return [web.route("*", "/{path:.*}", self._answer)]

    # The human side.

    def person(self, person_id: int, first_name: str = "Ada", username: str | None = "ada", *, is_bot: bool = False) -> Person:
        """Return a person, who has not written to the bot before the first time."""
        if person_id not in self._people:
            user: JsonObject = {"id": person_id, "is_bot": is_bot, "first_name": first_name, "language_code": "en"}
            if username is not None:
                user["username"] = username
            self._people[person_id] = Person(self, user)
        return self._people[person_id]

    def group(self, group_id: int, title: str = "Home", *, supergroup: bool = True) -> Group:
        """Return a group that the bot is a member of."""
        if group_id not in self._groups:
            kind = "supergroup" if supergroup else "group"
            self._groups[group_id] = Group(self, {"id": group_id, "title": title, "type": kind})
        return self._groups[group_id]

    def channel_posts(self, text: str, channel_id: int = -1009000000001, title: str = "News") -> int:
        """Post in a channel that the bot is a member of, and return the number of the post."""
        facts: JsonObject = {"id": channel_id, "title": title, "type": "channel"}
        chat = self.call(self.chats.open, facts)
        return self.receive(chat, None, {"sender_chat": facts} | text_content(text), kind="channel_post")

    def push(self, update: object) -> int:
        """Queue a handmade update, which may be any JSON, and return its number."""
        return self.call(self._push, update)

    def press(self, number: str, query: JsonObject) -> None:
        """Tell the bot of a button that was pressed, which it then has to release."""
        self._methods.callback_queries.add(number)
        self.queue.add_kind("callback_query", query)

    def unreleased(self) -> set[str]:
        """Return the presses that the bot has not released yet."""
        return self.call(self._methods.callback_queries.copy)

    def redeliver(self, count: int) -> list[int]:
        """Queue the last updates once more, with the numbers that they had."""
        return self.call(self.queue.redeliver, count)

    def receive(
        self,
        chat: Chat,
        sender: JsonObject | None,
        content: JsonObject,
        *,
        kind: str = "message",
        reply_to: int | None = None,
        thread: int | None = None,
    ) -> int:
        """Put a message into a chat, queue the update that tells of it, and return the message's number."""
        return self.call(self._receive, chat, sender, content, kind, reply_to, thread)

    # What the tests look at.

    @property
    def calls(self) -> list[Call]:
        """Every call of the bot so far."""
        return self.call(self._calls.copy)

    @property
    def refusals(self) -> list[Call]:
        """The calls that were refused as wrong, without the faults that a test has switched on."""
        return [call for call in self.calls if call.status == 400 and not call.is_injected]

    @property
    def confirmed(self) -> list[Confirmation]:
        """The updates that the bot has confirmed, with the times."""
        return self.call(self.queue.confirmed.copy)

    @property
    def has_dropped_updates(self) -> bool:
        """Whether the bot has ever asked to drop the updates that wait."""
        return self._methods.has_dropped_updates

    def unconfirmed(self) -> int:
        """Count the updates that are not confirmed yet."""
        return self.call(self.queue.__len__)

    def is_polled(self) -> bool:
        """Tell whether the bot waits for updates now."""
        return self.call(lambda: self.queue.has_poll)

    def messages(self, chat_id: int) -> list[SentMessage]:
        """Return the bot's messages in a chat, deleted ones too, in the order they were sent."""
        return self.call(lambda: list(self._chat(chat_id).sent))

    def drafts(self, chat_id: int) -> list[Draft]:
        """Return every state of every draft in a chat."""
        return self.call(lambda: list(self._chat(chat_id).drafts))

    def live_draft(self, chat_id: int) -> Draft | None:
        """Return the draft that is seen in a chat now."""
        return self.call(lambda: self._chat(chat_id).live_draft(self.chats.draft_life))

    def actions(self, chat_id: int) -> list[Action]:
        """Return what the bot was said to be doing in a chat."""
        return self.call(lambda: list(self._chat(chat_id).actions))

    def reactions(self, chat_id: int, message_id: int) -> list[str]:
        """Return the bot's reactions to a message."""
        return self.call(lambda: self._chat(chat_id).reactions.get(message_id, []).copy())

    def commands(self, scope: str | JsonObject = "default", language: str = "") -> list[tuple[str, str]]:
        """Return the bot's menu as pairs of a command and its description."""
        key = scope if isinstance(scope, str) else scope_key(scope)
        menus = self._methods.menus
        return self.call(lambda: [(entry.command, entry.description) for entry in menus.get((key, language), [])])

    # The wire.

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/file/"):
            _, _, bot, *path = request.path.split("/")
            return await self.give(request, bot, path)
        start, token, name = ["", "", "", *request.path.split("/")][-3:]
        method = self._methods.find(name)
        call = Call(name if method is None else method.name, {}, monotonic())
        self._calls.append(call)
        try:
            call.params = await read_params(request)
            body = await self._carry_out("" if start else token, method, call)
            call.status = 200
        except ApiError as error:
            call.status, call.description = error.status, error.description
            body = error.body()
        self.changed()
        if self.on_call is not None:
            self.on_call(call)
        await self.maybe_lose_answer(call.method, request)
        return web.Response(body=body, status=call.status, content_type="application/json")

    async def _carry_out(self, token: str, method: Method | None, call: Call) -> bytes:
        if not token.startswith("bot"):
            raise ApiError(NOT_FOUND, 404)
        params = Params(call.params)
        call.is_injected = True
        await self.meet_faults(call.method, params)
        call.is_injected = False
        if token != f"bot{self.token}":
            raise ApiError("Unauthorized", 401)
        if method is None:
            raise ApiError(METHOD_NOT_FOUND, 404)
        params.check_known(method.known)
        if method.run is None:
            return b'{"ok":true,"result":%b}' % await self.queue.get(params)
        return ok(method.run(params))

    def _push(self, update: object) -> int:
        self.chats.learn(update)
        if isinstance(update, dict) and isinstance(query := update.get("callback_query"), dict):
            self._methods.callback_queries.add(str(query.get("id")))
        return self.queue.add(update)

    def _receive(
        self,
        chat: Chat,
        sender: JsonObject | None,
        content: JsonObject,
        kind: str,
        reply_to: int | None,
        thread: int | None,
    ) -> int:
        if thread is not None:
            chat.threads.add(thread)
            content = {"message_thread_id": thread, "is_topic_message": True} | content
        if reply_to is not None:
            content = {"reply_to_message": self.chats.quoted(chat, reply_to)} | content
        message = self.chats.receive(chat, sender, content)
        if chat.refusal is None:
            self.queue.add_kind(kind, message)
        return int(str(message["message_id"]))

    def _chat(self, chat_id: int) -> Chat:
        return self.chats.get(chat_id) or Chat({"id": chat_id, "type": "private"})


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _write_call(call: Call) -> None:
    told = {"method": call.method, "at": call.at, "status": call.status}
    _write_line(to_json(told | {name: call.params.get(name) for name in ("chat_id", "text")}))


def _obey(server: TelegramServer, line: str) -> None:
    order = json.loads(line)
    person = server.person(order["person"])
    group = order.get("group")
    person.writes(order["writes"], None if group is None else server.group(group))


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve in a process of its own: orders come as JSON lines, and every call of the bot goes out as one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args(arguments)
    server = TelegramServer(chosen.token, port=chosen.port)
    server.on_call = _write_call
    gc.disable()  # a pause here would look like one of the house
    with server:
        _write_line(server.url)
        for line in sys.stdin:
            _obey(server, line)


if __name__ == "__main__":
    main()

"""Tests of the double of the Bot API: its wire, its methods, and what the real client library makes of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from telegram import Bot, BotCommand, LinkPreviewOptions, MessageEntity, ReplyParameters, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter

from tests.telegram_client import ask, in_words, post
from tests.telegram_people import ANONYMOUS_ADMIN
from tests.telegram_server import TelegramServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="limit"\r\n\r\n5\r\n'
    b'--x\r\nContent-Disposition: form-data; name="allowed_updates"\r\n\r\n["message"]\r\n--x--\r\n'
)


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    """Return a running server."""
    with TelegramServer(first_update_id=100) as running:
        yield running


def _drive(server: TelegramServer, act: Callable[[Bot], Awaitable[None]], token: str | None = None) -> None:
    async def run() -> None:
        async with Bot(token or server.token, base_url=f"{server.url}/bot", base_file_url=f"{server.url}/file/bot") as bot:
            await act(bot)

    asyncio.run(run())


def test_real_client_library_talks_and_listens(server: TelegramServer) -> None:
    """python-telegram-bot reads the updates as its own types, and its calls are carried out."""
    ada = server.person(7)
    written = ada.writes("/start @butler_bot see https://example.com")

    async def act(bot: Bot) -> None:
        (update,) = await bot.get_updates(timeout=1, allowed_updates=[Update.MESSAGE])
        assert update.update_id == 100
        assert update.message is not None
        assert update.message.message_id == written
        assert [entity.type for entity in update.message.entities] == ["bot_command", "mention", "url"]
        sent = await bot.send_message(
            7,
            "Dear Ada",
            entities=[MessageEntity("bold", 5, 3)],
            reply_parameters=ReplyParameters(written),
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            disable_notification=True,
        )
        assert sent.reply_to_message is not None
        assert sent.reply_to_message.message_id == written
        await bot.edit_message_text("Dear Ada!", 7, sent.message_id)
        await bot.send_chat_action(7, "typing")
        await bot.set_message_reaction(7, written, "👍")
        assert await bot.get_updates(offset=101) == ()
        assert await bot.delete_message(7, written)

    _drive(server, act)
    (message,) = server.messages(7)
    assert (message.first_text, message.text, message.reply_to) == ("Dear Ada", "Dear Ada!", written)
    assert [edit.text for edit in message.edits] == ["Dear Ada!"]
    assert message.sent_at < message.edits[0].at
    assert message.is_silent
    assert [action.action for action in server.actions(7)] == ["typing"]
    assert server.reactions(7, written) == ["👍"]
    assert [confirmed.update_id for confirmed in server.confirmed] == [100]
    assert not server.refusals


def test_real_client_library_streams_drafts_and_sets_its_menu(server: TelegramServer) -> None:
    """Drafts, commands, webhooks and getMe work with python-telegram-bot as well."""
    ada = server.person(7)
    ada.writes("hello")

    async def act(bot: Bot) -> None:
        assert (await bot.get_me()).username == "butler_bot"
        await bot.delete_webhook(drop_pending_updates=False)
        assert (await bot.get_webhook_info()).pending_update_count == 1
        await bot.set_my_commands([BotCommand("help", "Show help")])
        assert await bot.get_my_commands() == (BotCommand("help", "Show help"),)
        await bot.send_message_draft(7, 1, "")
        await bot.send_message_draft(7, 1, "So far")
        assert ada.sees_draft() == "So far"
        await bot.send_message(7, "All of it")

    _drive(server, act)
    assert [(draft.draft_id, draft.text) for draft in server.drafts(7)] == [(1, ""), (1, "So far")]
    assert ada.sees_draft() is None
    assert server.commands() == [("help", "Show help")]
    assert not server.has_dropped_updates


def test_real_client_library_meets_its_own_errors(server: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of refusal becomes the exception that python-telegram-bot has for it."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # else the library warns at every RetryAfter
    ada = server.person(7)
    ada.writes("hello")

    async def act(bot: Bot) -> None:
        with pytest.raises(BadRequest, match="Chat not found"):
            await bot.send_message(8, "hello")
        ada.blocks()
        with pytest.raises(Forbidden, match="bot was blocked by the user"):
            await bot.send_message(7, "hello")
        server.flood(7, 30)
        with pytest.raises(RetryAfter):
            await bot.send_message(7, "hello")
        await bot.set_webhook("https://example.com/hook")
        with pytest.raises(Conflict, match="while webhook is active"):
            await bot.get_updates()

    _drive(server, act)
    with pytest.raises(InvalidToken):
        _drive(server, act, token="42:WRONG")


@pytest.mark.parametrize(
    ("verb", "body", "content_type"),
    [
        ("GET", None, ""),
        ("POST", b'{"limit": 5, "allowed_updates": ["message"]}', "application/json; charset=utf-8"),
        ("POST", b"limit=5&allowed_updates=%5B%22message%22%5D", "application/x-www-form-urlencoded"),
        (
            "POST",
            MULTIPART,
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_takes_every_kind_of_body(server: TelegramServer, verb: str, body: bytes | None, content_type: str) -> None:
    """Parameters may come in the address, in a form, in a multipart body or as JSON."""
    query = "?limit=5&allowed_updates=%5B%22message%22%5D" if verb == "GET" else ""
    assert post(server, f"/bot{server.token}/getUpdates{query}", body, content_type, verb).result == []
    assert server.calls[-1].params == {"limit": "5", "allowed_updates": server.calls[-1].params["allowed_updates"]}
    assert json.loads(server.calls[-1].params["allowed_updates"]) == ["message"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"[1]", "application/json"), (b"{", "application/json"), (b"hello", "text/plain")],
)
def test_refuses_a_body_it_cannot_read(server: TelegramServer, body: bytes, content_type: str) -> None:
    """A body that is no object of parameters is refused."""
    assert post(server, f"/bot{server.token}/getMe", body, content_type).status == 400


def test_refuses_a_wrong_token_method_and_path(server: TelegramServer) -> None:
    """A wrong token is 401; a method or a path that does not exist is 404."""
    wrong = post(server, "/bot42:WRONG/getMe")
    assert (wrong.status, wrong.description) == (401, "Unauthorized")
    missing = ask(server, "sendPigeon")
    assert missing.status == 404
    assert missing.description.startswith("Not Found")
    assert post(server, "/getMe").description == "Not Found"
    assert post(server, f"/file/bot{server.token}/getMe").status == 404


def test_method_names_ignore_capitals(server: TelegramServer) -> None:
    """The vendor takes a method's name in any case; the record has the usual one."""
    assert ask(server, "GETME").fields["id"] == 42
    assert server.calls[-1].method == "getMe"


def test_refuses_an_unknown_parameter(server: TelegramServer) -> None:
    """A parameter that the method does not have is an error, and it is on record as such."""
    assert in_words(server, "getMe", verbose=True) == "unexpected parameter verbose"
    assert [call.description for call in server.refusals] == ["Bad Request: unexpected parameter verbose"]


@pytest.mark.parametrize(
    ("method", "params", "reason"),
    [
        ("setMyCommands", {"commands": [{"command": "Help", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("setMyCommands", {"commands": [{"command": "", "description": "x"}]}, "command must be non-empty"),
        ("setMyCommands", {"commands": [{"command": "a" * 33, "description": "x"}]}, "command length must not exceed"),
        ("setMyCommands", {"commands": [{"command": "a", "description": " "}]}, "description must be non-empty"),
        ("setMyCommands", {"commands": [{"command": "a", "description": "x" * 257}]}, "length must not exceed 256"),
        ("setMyCommands", {"commands": [{"command": "a", "description": "x"}] * 101}, "BOT_COMMANDS_TOO_MUCH"),
        ("setMyCommands", {"commands": [{"command": "a"}]}, "can't parse BotCommand"),
        ("setMyCommands", {"commands": "nothing"}, "can't parse commands JSON object"),
        ("setMyCommands", {"commands": [], "scope": {"type": "family"}}, "can't parse BotCommandScope"),
        ("getMyCommands", {"language_code": "german"}, "invalid language code specified"),
        ("sendChatAction", {"chat_id": 7, "action": "sleeping"}, "wrong parameter action in request"),
        ("setMessageReaction", {"chat_id": 7, "message_id": 1, "reaction": [{"type": "emoji", "emoji": "x"}]}, "REACT"),
        ("setMessageReaction", {"chat_id": 7, "message_id": 99, "reaction": []}, "message to react not found"),
        ("answerCallbackQuery", {"callback_query_id": "5"}, "query is too old"),
        ("setWebhook", {"url": "http://example.com"}, "bad webhook"),
        ("getUpdates", {"limit": 101}, "limit must be between 1 and 100"),
        ("getUpdates", {"timeout": -1}, "timeout must not be negative"),
        ("getUpdates", {"offset": "many"}, "offset must be an integer"),
        ("getUpdates", {"allowed_updates": ["letters"]}, "allowed_updates"),
        ("deleteWebhook", {"drop_pending_updates": "perhaps"}, "drop_pending_updates must be a boolean"),
    ],
)
def test_refuses_wrong_parameters(server: TelegramServer, method: str, params: dict[str, object], reason: str) -> None:
    """Each method refuses what the vendor refuses, for the reason that the vendor gives."""
    server.person(7).writes("hello")
    assert reason in in_words(server, method, **params)


def test_menus_are_kept_by_scope_and_language(server: TelegramServer) -> None:
    """A menu of one scope does not touch another one, and can be deleted."""
    menu = [{"command": "hilfe", "description": "Hilfe"}]
    ask(server, "setMyCommands", commands=menu, scope={"type": "chat", "chat_id": 7}, language_code="de")
    assert server.commands({"type": "chat", "chat_id": 7}, "de") == [("hilfe", "Hilfe")]
    assert server.commands() == []
    ask(server, "deleteMyCommands", scope={"type": "chat", "chat_id": 7}, language_code="de")
    assert server.commands({"type": "chat", "chat_id": 7}, "de") == []


def test_answers_a_pushed_callback_query_once(server: TelegramServer) -> None:
    """A button that was pressed can be answered one time."""
    server.push({"callback_query": {"id": "77", "from": ANONYMOUS_ADMIN, "chat_instance": "1", "data": "x"}})
    assert ask(server, "answerCallbackQuery", callback_query_id="77", text="ok").result is True
    assert ask(server, "answerCallbackQuery", callback_query_id="77").status == 400


def test_dropping_the_updates_that_wait_is_on_record(server: TelegramServer) -> None:
    """A bot that throws away what people wrote while it was down is found out."""
    server.person(7).writes("are you there?")
    ask(server, "deleteWebhook", drop_pending_updates=True)
    assert server.has_dropped_updates
    assert server.unconfirmed() == 0


def test_calls_are_recorded_with_times_and_statuses(server: TelegramServer) -> None:
    """The record has every call in order, refused ones too."""
    ask(server, "getMe")
    ask(server, "sendMessage", chat_id=7, text="hello")
    assert [(call.method, call.status) for call in server.calls] == [("getMe", 200), ("sendMessage", 400)]
    assert server.calls[0].at < server.calls[1].at
    assert server.calls[1].description == "Bad Request: chat not found"


def test_runs_as_a_process_of_its_own() -> None:
    """The process prints its address, obeys JSON lines, tells of the bot's calls, and ends with its input."""
    command = [sys.executable, "-m", "tests.telegram_server", "--token", "42:T", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        other = TelegramServer("42:T", port=int(process.stdout.readline().rpartition(":")[2]))
        process.stdin.write('{"person": 7, "writes": "hello"}\n')
        process.stdin.flush()
        assert len(ask(other, "getUpdates", timeout=5).items) == 1
        ask(other, "sendMessage", chat_id=7, text="hi")
        told = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
        assert process.wait(30) == 0
    assert [line["method"] for line in told] == ["getUpdates", "sendMessage"]
    assert (told[1]["chat_id"], told[1]["text"]) == ("7", "hi")
    assert told[0]["at"] < told[1]["at"]

"""Tests of the double's human side, and of who may be written to, edited and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from telegram import Update

from tests.telegram_client import ask, in_words
from tests.telegram_content import MEDIA_KINDS
from tests.telegram_server import TelegramServer

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = -1001


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    """Return a running server."""
    with TelegramServer() as running:
        yield running


def _last(server: TelegramServer, kind: str = "message") -> dict[str, object]:
    return cast("dict[str, object]", ask(server, "getUpdates", offset=-1).items[0][kind])


def _says(server: TelegramServer, text: str, chat_id: int = 7, **more: object) -> int:
    return int(str(ask(server, "sendMessage", chat_id=chat_id, text=text, **more).fields["message_id"]))


def test_a_message_has_every_field_of_a_real_one(server: TelegramServer) -> None:
    """A private message tells its number, sender, chat, date and text."""
    number = server.person(7).writes("hello")
    message = _last(server)
    assert message == {
        "message_id": number,
        "from": {"id": 7, "is_bot": False, "first_name": "Ada", "username": "ada", "language_code": "en"},
        "chat": {"id": 7, "first_name": "Ada", "username": "ada", "type": "private"},
        "date": message["date"],
        "text": "hello",
    }


def test_entities_are_found_in_utf_16_units(server: TelegramServer) -> None:
    """Commands, mentions and links stand where the vendor counts them, behind an emoji too."""
    server.person(7).writes("😀 /ask@butler_bot @grace a@b.c https://x.org/a).")
    assert _last(server)["entities"] == [
        {"type": "bot_command", "offset": 3, "length": 15},
        {"type": "mention", "offset": 19, "length": 6},
        {"type": "url", "offset": 32, "length": 15},
    ]


def test_a_person_reads_in_order_and_sees_what_stands(server: TelegramServer) -> None:
    """Each message is read once; an edit is no new one, a deleted one is not read and not seen."""
    ada = server.person(7)
    ada.writes("hello")
    first, second, third = (_says(server, text) for text in ("one", "two", "three"))
    assert ada.reads() == "one"
    ask(server, "editMessageText", chat_id=7, message_id=first, text="one!")
    ask(server, "deleteMessage", chat_id=7, message_id=second)
    assert ada.reads() == "three"
    assert ada.sees() == ["one!", "three"]
    assert [message.deleted for message in server.messages(7)] == [False, True, False]
    assert server.messages(7)[2].message_id == third
    with pytest.raises(AssertionError, match="message 4 of the bot in chat 7"):
        ada.reads(timeout=0)


def test_a_group_is_written_to_and_read(server: TelegramServer) -> None:
    """People write into a group, also in a topic and as an answer, and the group reads the bot."""
    ada, home = server.person(7), server.group(HOME, "Home")
    first = ada.writes("@butler_bot hello", home)
    answer = _says(server, "hi", HOME)
    ada.writes("thanks", home, reply_to=answer, thread=55)
    message = _last(server)
    assert message["chat"] == {"id": HOME, "title": "Home", "type": "supergroup"}
    assert cast("dict[str, object]", message["reply_to_message"])["message_id"] == answer
    assert (message["message_thread_id"], message["is_topic_message"]) == (55, True)
    _says(server, "in the topic", HOME, message_thread_id=55)
    assert server.messages(HOME)[-1].thread == 55
    assert [home.reads(), home.reads()] == ["hi", "in the topic"]
    assert home.sees() == ["hi", "in the topic"]
    assert (first, answer) == (1, 2)
    home.opens_thread(56)
    _says(server, "in another topic", HOME, message_thread_id=56)


def test_numbers_of_messages_are_shared_as_with_the_vendor(server: TelegramServer) -> None:
    """Private chats and basic groups share one sequence; each supergroup has its own."""
    ada, eve = server.person(7), server.person(8, "Eve", None)
    basic, large = server.group(-5, supergroup=False), server.group(HOME)
    assert [ada.writes("a"), eve.writes("b"), ada.writes("c", basic), ada.writes("d", large)] == [1, 2, 3, 1]
    assert [_says(server, "e"), _says(server, "f", HOME)] == [4, 2]


def test_the_bot_cannot_write_first(server: TelegramServer) -> None:
    """Who never wrote is no chat; who is only known from a group has not started one."""
    server.person(7).writes("hello", server.group(HOME))
    assert in_words(server, "sendMessage", chat_id=8, text="x") == "chat not found"
    assert in_words(server, "sendMessage", chat_id="@ada", text="x") == "chat not found"
    assert in_words(server, "sendMessage", text="x") == "chat_id is empty"
    refused = ask(server, "sendMessage", chat_id=7, text="x")
    assert (refused.status, refused.description) == (403, "Forbidden: bot can't initiate conversation with a user")


def test_a_person_who_blocks_the_bot_gets_nothing(server: TelegramServer) -> None:
    """While the bot is blocked it cannot write, act or draft, and it is told of the change."""
    ada = server.person(7)
    ada.writes("hello")
    ada.blocks()
    member = Update.de_json(ask(server, "getUpdates", offset=-1).items[0], None).my_chat_member
    assert member is not None
    assert (member.old_chat_member.status, member.new_chat_member.status) == ("member", "kicked")
    for method, params in (
        ("sendMessage", {"text": "x"}),
        ("sendChatAction", {"action": "typing"}),
        ("sendMessageDraft", {"draft_id": 1}),
    ):
        refused = ask(server, method, chat_id=7, **params)
        assert (refused.status, refused.description) == (403, "Forbidden: bot was blocked by the user")
    with pytest.raises(ValueError, match="blocked"):
        ada.writes("still there?")
    ada.unblocks()
    _says(server, "welcome back")
    assert ada.reads() == "welcome back"


@pytest.mark.parametrize(("supergroup", "name"), [(True, "supergroup"), (False, "group")])
def test_a_group_can_kick_the_bot(server: TelegramServer, supergroup: bool, name: str) -> None:  # noqa: FBT001
    """A bot that was kicked can do nothing in the group and hears nothing of it."""
    ada, home = server.person(7), server.group(HOME, supergroup=supergroup)
    ada.writes("hello", home)
    message_id = _says(server, "hi", HOME)
    home.kicks_bot(ada)
    waiting = server.unconfirmed()
    ada.writes("is it gone?", home)
    assert server.unconfirmed() == waiting
    for method in ("sendMessage", "editMessageText"):
        refused = ask(server, method, chat_id=HOME, text="x", **({"message_id": message_id} if "edit" in method else {}))
        assert (refused.status, refused.description) == (403, f"Forbidden: bot was kicked from the {name} chat")
    home.adds_bot(ada)
    _says(server, "here again", HOME)


def test_only_the_bots_own_messages_can_be_edited(server: TelegramServer) -> None:
    """An edit must change something, and something of the bot's that still exists."""
    theirs = server.person(7).writes("hello")
    own = _says(server, "hi", entities=[{"type": "bold", "offset": 0, "length": 2}])
    assert in_words(server, "editMessageText", chat_id=7, message_id=theirs, text="x") == "message can't be edited"
    assert in_words(server, "editMessageText", chat_id=7, message_id=99, text="x") == "message to edit not found"
    same = {"text": "hi \n", "entities": [{"type": "bold", "offset": 0, "length": 2}]}
    assert in_words(server, "editMessageText", chat_id=7, message_id=own, **same) == (
        "message is not modified: specified new message content and reply markup are exactly the same as a current "
        "content and reply markup of the message"
    )
    edited = ask(server, "editMessageText", chat_id=7, message_id=own, text="hi").fields
    assert "edit_date" in edited
    assert "entities" not in edited
    ask(server, "deleteMessage", chat_id=7, message_id=own)
    assert in_words(server, "editMessageText", chat_id=7, message_id=own, text="x") == "message to edit not found"
    assert in_words(server, "editMessageText", inline_message_id="1", text="x") == "MESSAGE_ID_INVALID"


def test_what_can_be_deleted(server: TelegramServer) -> None:
    """The bot deletes its own messages, and a person's in a private chat but not in a group."""
    ada, home = server.person(7), server.group(HOME)
    assert ask(server, "deleteMessage", chat_id=7, message_id=ada.writes("oops")).result is True
    theirs = ada.writes("hello", home)
    assert in_words(server, "deleteMessage", chat_id=HOME, message_id=theirs) == "message can't be deleted"
    assert in_words(server, "deleteMessage", chat_id=HOME, message_id=99) == "message to delete not found"
    assert in_words(server, "deleteMessage", chat_id=HOME) == "message identifier is not specified"


def test_drafts_are_for_private_chats_and_short_lived(server: TelegramServer) -> None:
    """A draft needs a number and a private chat; it ends with its life or with the next message."""
    ada = server.person(7)
    ada.writes("hello", server.group(HOME))
    ada.writes("hello")
    assert in_words(server, "sendMessageDraft", chat_id=HOME, draft_id=1, text="x") == "TEXTDRAFT_PEER_INVALID"
    assert in_words(server, "sendMessageDraft", chat_id=7, draft_id=0, text="x") == "draft_id must be non-zero"
    ask(server, "sendMessageDraft", chat_id=7, draft_id=1)
    assert ada.sees_draft() == ""
    ask(server, "sendMessageDraft", chat_id=7, draft_id=1, text="so far ")
    assert ada.sees_draft() == "so far"
    _says(server, "all of it")
    assert ada.sees_draft() is None
    ask(server, "sendMessageDraft", chat_id=7, draft_id=2, text="more")
    server.chats.draft_life = 0
    assert ada.sees_draft() is None
    assert [(draft.draft_id, draft.text) for draft in server.drafts(7)] == [(1, ""), (1, "so far"), (2, "more")]


@pytest.mark.parametrize("kind", MEDIA_KINDS)
def test_sends_every_kind_of_media(server: TelegramServer, kind: str) -> None:
    """What is no text is written so that the real client library can read it."""
    server.person(7).sends(kind)
    update = Update.de_json(ask(server, "getUpdates").items[0], None)
    assert update.message is not None
    assert getattr(update.message, kind)
    assert update.message.text is None


def test_captions_edits_and_forwards(server: TelegramServer) -> None:
    """Captions have entities, edits keep number and date, forwards name their origin."""
    ada = server.person(7)
    ada.sends("photo", "see @butler_bot")
    assert _last(server)["caption_entities"] == [{"type": "mention", "offset": 4, "length": 11}]
    with pytest.raises(ValueError, match="no caption"):
        ada.sends("dice", "six")
    number = ada.writes("@grace")
    ada.edits(number, "hello")
    edited = _last(server, "edited_message")
    assert (edited["message_id"], edited["text"], "edit_date" in edited) == (number, "hello", True)
    assert "entities" not in edited
    ada.forwards("secret", "Mallory")
    update = Update.de_json(ask(server, "getUpdates", offset=-1).items[0], None)
    assert update.message is not None
    assert getattr(update.message.forward_origin, "sender_user_name", None) == "Mallory"
    with pytest.raises(ValueError, match="UTF-16"):
        ada.writes("x" * 4097)
    answer = _says(server, "mine")
    with pytest.raises(ValueError, match="another has written"):
        ada.edits(answer, "yours")


def test_forged_senders(server: TelegramServer) -> None:
    """Bots, channels, anonymous administrators and inline bots look as they really do."""
    ada, home = server.person(7), server.group(HOME)
    server.person(99, "Robot", "robot_bot", is_bot=True).writes("beep", home)
    assert cast("dict[str, object]", _last(server)["from"])["is_bot"] is True
    home.anonymous_admin_writes("obey")
    assert cast("dict[str, object]", _last(server)["from"])["id"] == 1087968824
    assert _last(server)["sender_chat"] == {"id": HOME, "title": "Home", "type": "supergroup"}
    home.channel_writes("news")
    assert cast("dict[str, object]", _last(server)["sender_chat"])["type"] == "channel"
    ada.writes("a gif", home, via_bot="gif")
    assert cast("dict[str, object]", _last(server)["via_bot"])["username"] == "gif"
    server.channel_posts("breaking")
    assert "from" not in _last(server, "channel_post")

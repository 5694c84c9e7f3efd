"""Tests of the double's rules for texts, entities and whatever else a message carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telegram_client import ask, in_words, post
from tests.telegram_server import TelegramServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[TelegramServer]:
    """Return a running server with one private chat, 7."""
    with TelegramServer() as running:
        running.person(7).writes("hello")
        yield running


def _send(server: TelegramServer, text: str, *entities: dict[str, object], **more: object) -> dict[str, object]:
    if entities:
        more["entities"] = list(entities)
    return ask(server, "sendMessage", chat_id=7, text=text, **more).fields


def _refused(server: TelegramServer, text: str, *entities: object, **more: object) -> str:
    return in_words(server, "sendMessage", chat_id=7, text=text, entities=list(entities), **more)


def _entity(kind: str, offset: int, length: int, **more: object) -> dict[str, object]:
    return {"type": kind, "offset": offset, "length": length, **more}


@pytest.mark.parametrize(
    "blank", [" ", "\n\n", "\t", "\r", "\x00", "\u200b", "\u200d\u200e", "\ufeff", "\xa0", "\u2800", "\u3000 \u202e"]
)
def test_refuses_a_text_of_which_nothing_is_seen(server: TelegramServer, blank: str) -> None:
    """White space, control and zero-width characters make an empty text."""
    assert in_words(server, "sendMessage", chat_id=7, text=blank) == "text must be non-empty"


def test_refuses_a_missing_and_an_empty_text(server: TelegramServer) -> None:
    """Without a text there is no message."""
    assert in_words(server, "sendMessage", chat_id=7) == "message text is empty"
    assert in_words(server, "sendMessage", chat_id=7, text="") == "message text is empty"


@pytest.mark.parametrize("text", ["x" * 4096, "😀" * 2048, f"\n {'x' * 4096} \n"])
def test_takes_the_longest_text(server: TelegramServer, text: str) -> None:
    """4096 UTF-16 units are allowed, not counting the space that the server strips."""
    assert _send(server, text)["text"] == text.strip()


@pytest.mark.parametrize("text", ["x" * 4097, "😀" * 2048 + "x"])
def test_refuses_a_longer_text(server: TelegramServer, text: str) -> None:
    """One UTF-16 unit more is too long; an edit is told so in other words, as the vendor does."""
    assert in_words(server, "sendMessage", chat_id=7, text=text) == "message is too long"
    message_id = _send(server, "short")["message_id"]
    assert in_words(server, "editMessageText", chat_id=7, message_id=message_id, text=text) == "MESSAGE_TOO_LONG"
    assert in_words(server, "sendMessageDraft", chat_id=7, draft_id=1, text=text) == "MESSAGE_TOO_LONG"
    assert in_words(server, "sendMessage", chat_id=7, text="ä" * 16385) == "text is too long"


@pytest.mark.parametrize("body", [b"chat_id=7&text=a%ED%A0%80", b"chat_id=7&text=a%FF", b"chat_id=7&text=\xff"])
def test_refuses_what_is_not_utf_8_in_a_form(server: TelegramServer, body: bytes) -> None:
    """Lone surrogates and broken UTF-8 are refused."""
    answer = post(server, f"/bot{server.token}/sendMessage", body)
    assert answer.description == "Bad Request: strings must be encoded in UTF-8"


def test_refuses_a_lone_surrogate_in_json(server: TelegramServer) -> None:
    """JSON can escape a lone surrogate, which is no text either."""
    answer = post(server, f"/bot{server.token}/sendMessage", '{"chat_id":7,"text":"\\ud83d"}', "application/json")
    assert answer.description == "Bad Request: strings must be encoded in UTF-8"


def test_strips_and_cleans_as_the_vendor_does(server: TelegramServer) -> None:
    """Space around goes, carriage returns and direction marks go, tabs become spaces; the entities move along."""
    sent = _send(server, " \n😀\r\n\u202eab\tcd \n", _entity("bold", 8, 2), _entity("italic", 6, 7))
    assert sent["text"] == "😀\nab cd"
    assert sent["entities"] == [_entity("bold", 4, 2), _entity("italic", 3, 5)]


def test_keeps_space_inside_the_first_entity(server: TelegramServer) -> None:
    """Space before a text is stripped up to the first entity only, so that code keeps its indent."""
    sent = _send(server, "\n  pass\n\n", _entity("pre", 1, 8, language="python"))
    assert sent["text"] == "  pass"
    assert sent["entities"] == [_entity("pre", 0, 6, language="python")]


@pytest.mark.parametrize(
    "entity",
    [
        *({"type": kind} for kind in ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number")),
        *({"type": kind} for kind in ("bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre")),
        *({"type": kind} for kind in ("blockquote", "expandable_blockquote")),
        {"type": "pre", "language": "c++"},
        {"type": "text_mention", "user": {"id": 7, "is_bot": False, "first_name": "Ada"}},
        {"type": "custom_emoji", "custom_emoji_id": "5368324170671202286"},
        {"type": "date_time", "unix_time": 1_700_000_000, "date_time_format": "r"},
        *(
            {"type": "text_link", "url": url}
            for url in (
                "https://example.com/a?b=c#d",
                "http://user@192.168.0.1:8080",
                "https://[::1]/",
                "tg://user?id=7",
                "mailto:ada@example.com",
                "https://bücher.example/ä",
            )
        ),
    ],
)
def test_takes_every_documented_entity(server: TelegramServer, entity: dict[str, object]) -> None:
    """Each type is taken with the fields that it has."""
    entity = {**entity, "offset": 0, "length": 5}
    assert _send(server, "hello you", entity)["entities"] == [entity]


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        ("bold", "expected an Object"),
        (_entity("marquee", 0, 1), "Unsupported type specified"),
        ({"offset": 0, "length": 1}, "Unsupported type specified"),
        ({"type": "bold", "offset": 0}, "must be of type Number"),
        (_entity("bold", 0, 1) | {"offset": "0"}, "must be of type Number"),
        (_entity("bold", 0, 1) | {"length": 1.5}, "must be of type Number"),
        (_entity("bold", 0, 1) | {"length": True}, "must be of type Number"),
        (_entity("bold", 0, 0), "not within the text"),
        (_entity("bold", -1, 2), "not within the text"),
        (_entity("bold", 5, 2), "not within the text"),
        (_entity("bold", 1, 1), "cuts a surrogate pair"),
        (_entity("bold", 0, 1), "cuts a surrogate pair"),
        (_entity("bold", 2, 1, language="c"), "bold has no field language"),
        (_entity("bold", 2, 1, colour="red"), "bold has no field colour"),
        (_entity("pre", 2, 1, language=5), "must be of another type"),
        (_entity("text_link", 2, 1), 'Can\'t find field "url"'),
        (_entity("text_mention", 2, 1, user={}), 'Can\'t find field "id"'),
        (_entity("custom_emoji", 2, 1, custom_emoji_id="x"), "must be a valid Number"),
    ],
)
def test_refuses_a_wrong_entity(server: TelegramServer, entity: object, reason: str) -> None:
    """An entity with a wrong type, field or place refuses the message; "😀" takes two units."""
    refused = _refused(server, "😀abcd", entity)
    assert refused.startswith("can't parse MessageEntity: ")
    assert reason in refused


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "URL host is empty"),
        ("/etc/passwd", "URL host is empty"),
        ("https://", "URL host is empty"),
        ("README.md", "Wrong HTTP URL"),
        ("http://localhost/", "Wrong HTTP URL"),
        ("ftp://example.com", "Unsupported URL protocol"),
        ("javascript:alert(1)", "Wrong port number specified in the URL"),
        ("tel:+49301234", "Wrong port number specified in the URL"),
        ("https://example.com:99999", "Wrong port number specified in the URL"),
        ("https://exam ple.com", "Disallowed character in URL host"),
        ("https://[::g]/", "Wrong IPv6 address specified in the URL"),
        ("https://.", "Host is invalid"),
        ("tg://", "URL host is empty"),
        ("tg://user.name?id=7", "Unallowed characters in URL host"),
        ("tg:http://example.com", "Wrong tg URL"),
    ],
)
def test_refuses_a_message_with_a_wrong_link(server: TelegramServer, url: str, reason: str) -> None:
    """One wrong address refuses the whole message, in the vendor's words."""
    refused = _refused(server, "click here", _entity("text_link", 0, 5, url=url))
    assert refused == f"entity URL '{url}' is invalid: {reason}"


@pytest.mark.parametrize(
    ("outer", "inner"),
    [("bold", "italic"), ("italic", "bold"), ("spoiler", "text_link"), ("text_link", "bold")]
    + [("blockquote", kind) for kind in ("bold", "code", "pre", "text_link", "mention")]
    + [("bold", "blockquote"), ("underline", "strikethrough"), ("bold", "bold")],
)
def test_takes_documented_nesting(server: TelegramServer, outer: str, inner: str) -> None:
    """Styles nest in anything but code; quotes contain anything but quotes; equal places count as nesting."""
    for length in (3, 9):
        _send(server, "some text", _linked(outer, 0, 9), _linked(inner, 0, length))
        _send(server, "some text", _linked(inner, 9 - length, length), _linked(outer, 0, 9))


@pytest.mark.parametrize(
    ("outer", "inner"),
    [(code, kind) for code in ("pre", "code") for kind in ("bold", "text_link", "code", "spoiler", "mention")]
    + [(style, code) for style in ("bold", "italic", "underline", "strikethrough", "spoiler") for code in ("pre", "code")]
    + [("blockquote", "blockquote"), ("blockquote", "expandable_blockquote"), ("text_link", "mention")]
    + [("text_link", "code"), ("hashtag", "url"), ("text_link", "text_link")],
)
def test_refuses_other_nesting(server: TelegramServer, outer: str, inner: str) -> None:
    """What the documentation does not let nest is refused, in either order and at the same place too."""
    for length in (3, 9):
        refused = _refused(server, "some text", _linked(inner, 0, length), _linked(outer, 0, 9))
        assert "can't contain" in refused


def _linked(kind: str, offset: int, length: int) -> dict[str, object]:
    return _entity(kind, offset, length, **({"url": "https://example.com"} if kind == "text_link" else {}))


def test_refuses_entities_that_overlap_partly(server: TelegramServer) -> None:
    """Of two entities with common characters one must hold the other; neighbours may touch."""
    assert "overlap partly" in _refused(server, "some text", _entity("bold", 0, 5), _entity("italic", 3, 5))
    assert "overlap partly" in _refused(
        server, "some text", _entity("bold", 0, 9), _entity("italic", 0, 4), _entity("spoiler", 2, 4)
    )
    _send(server, "some text", _entity("bold", 0, 4), _entity("code", 4, 5))


def test_refuses_more_than_a_hundred_entities(server: TelegramServer) -> None:
    """The vendor silently ignores the ones after the hundredth, so here they are an error."""
    many = [_entity("bold", place, 1) for place in range(101)]
    assert "101 entities" in _refused(server, "x" * 101, *many)
    _send(server, "x" * 101, *many[:100])


def test_refuses_parse_mode_and_broken_json(server: TelegramServer) -> None:
    """A parse_mode is refused with entities and without, and entities must be a JSON array."""
    assert _refused(server, "*x*", parse_mode="MarkdownV2").startswith("can't parse entities")
    assert _refused(server, "x", _entity("bold", 0, 1), parse_mode="HTML").startswith("can't parse entities")
    for broken in ("{", '{"type":"bold"}', '"bold"'):
        assert "entities" in in_words(server, "sendMessage", chat_id=7, text="x", entities=broken)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"link_preview_options": {"is_disabled": 1}}, 'field "is_disabled" must be of type bool'),
        ({"link_preview_options": {"disabled": True}}, "link_preview_options has no field disabled"),
        ({"link_preview_options": True}, "object expected as link_preview_options"),
        ({"reply_parameters": {"message_id": 99}}, "message to be replied not found"),
        ({"reply_parameters": {"message_id": 1, "chat_id": 8}}, "message to be replied not found"),
        ({"reply_parameters": {"chat_id": 7}}, 'Can\'t find field "message_id"'),
        ({"reply_parameters": {"message_id": 1, "quiet": True}}, "reply_parameters has no field quiet"),
        ({"message_thread_id": 5}, "message thread not found"),
        ({"reply_markup": {"buttons": []}}, "object expected as reply markup"),
        ({"business_connection_id": "b"}, "business connection not found"),
        ({"reply_to_message_id": 1}, "unexpected parameter reply_to_message_id"),
    ],
)
def test_refuses_wrong_options(server: TelegramServer, params: dict[str, object], reason: str) -> None:
    """What a message carries beside its text is checked as well."""
    assert reason in in_words(server, "sendMessage", chat_id=7, text="x", **params)


def test_records_the_options(server: TelegramServer) -> None:
    """Previews, buttons, silence and the answered message are on record; a missing one may be allowed."""
    preview, buttons = {"is_disabled": True}, {"inline_keyboard": [[{"text": "ok", "callback_data": "1"}]]}
    _send(server, "x", link_preview_options=preview, reply_markup=buttons, disable_notification=True)
    message = server.messages(7)[-1]
    assert (message.link_preview_options, message.reply_markup, message.is_silent) == (preview, buttons, True)
    reply = {"message_id": 99999, "allow_sending_without_reply": True}
    assert "reply_to_message" not in _send(server, "x", reply_parameters=reply)
    assert _send(server, "x", reply_parameters={"message_id": message.message_id})["reply_to_message"]
    assert server.messages(7)[-1].reply_to == message.message_id

"""Tests of the double's faults: each does what its name says, and is counted."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import pytest

from tests.telegram_client import ask, in_background, in_words
from tests.telegram_server import TelegramServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    """Return a running server with two private chats, 7 and 8."""
    with TelegramServer() as running:
        running.person(7).writes("hello")
        running.person(8, "Eve").writes("hello")
        yield running


def test_fails_as_often_as_told(server: TelegramServer) -> None:
    """A method fails without effect the given number of times, in the given way, and then works."""
    server.fail("sendMessage", times=2)
    server.fail("sendMessage", retry_after=9)
    for _ in range(2):
        failed = ask(server, "sendMessage", chat_id=7, text="x")
        assert (failed.status, failed.description) == (500, "Internal Server Error")
    assert ask(server, "getMe").status == 200
    slowed = ask(server, "sendMessage", chat_id=7, text="x")
    assert (slowed.status, slowed.description) == (429, "Too Many Requests: retry after 9")
    assert slowed.body["parameters"] == {"retry_after": 9}
    assert server.messages(7) == []
    assert ask(server, "sendMessage", chat_id=7, text="x").status == 200
    assert server.faults == {"fail": 3}


def test_fails_whatever_comes(server: TelegramServer) -> None:
    """The asterisk means any method, and a 400 that was switched on is no refusal."""
    server.fail("*", status=400, description="Bad Request: something new")
    assert in_words(server, "getMe") == "something new"
    assert server.refusals == []


def test_loses_answers_after_the_effect(server: TelegramServer) -> None:
    """The message is there although the connection was closed without an answer; the share is kept."""
    server.lose_answers("sendMessage", share=1.0, seed=1)
    with pytest.raises(ConnectionError):
        ask(server, "sendMessage", chat_id=7, text="lost")
    assert server.person(7).reads() == "lost"
    server.lose_answers("sendMessage", share=0.5, seed=1)
    lost = 0
    for number in range(20):
        try:
            ask(server, "sendMessage", chat_id=7, text=f"message {number}")
        except ConnectionError:
            lost += 1
    assert 0 < lost < 20
    assert len(server.messages(7)) == 21
    assert server.faults["lose_answers"] == lost + 1


def test_delays(server: TelegramServer) -> None:
    """A delayed method waits before it is carried out, others do not."""
    server.delay("getMe", 0.1)
    ask(server, "getWebhookInfo")
    assert not server.faults
    began = monotonic()
    ask(server, "getMe")
    assert monotonic() - began >= 0.1
    server.delay("getMe", 0)
    ask(server, "getMe")
    assert server.faults == {"delay": 1}


def test_hangs_without_effect(server: TelegramServer) -> None:
    """A call that hangs is accepted, but never answered or carried out; the next one is."""
    server.hang("sendMessage")
    hanging = in_background(lambda: ask(server, "sendMessage", chat_id=7, text="into the void"))
    server.wait_until(lambda: server.faults["hang"] == 1, 5, "the call that hangs")
    assert ask(server, "sendMessage", chat_id=7, text="x").status == 200
    assert not hanging.done()
    assert [call.status for call in server.calls] == [0, 200]
    server.stop()
    with pytest.raises(ConnectionError):
        hanging.result(5)
    assert server.person(7).sees() == ["x"]


def test_refuses_entities(server: TelegramServer) -> None:
    """Only texts with entities are refused, so that the plain text gets through."""
    server.refuse_entities(1)
    assert ask(server, "sendMessage", chat_id=7, text="plain").status == 200
    styled: dict[str, object] = {"text": "x", "entities": [{"type": "bold", "offset": 0, "length": 1}]}
    assert in_words(server, "sendMessage", chat_id=7, **styled) == "can't parse entities"
    assert ask(server, "sendMessage", chat_id=7, **styled).status == 200
    assert server.faults == {"refuse_entities": 1}
    assert server.refusals == []


def test_floods_one_chat_and_counts_the_impatient(server: TelegramServer) -> None:
    """A flooded chat refuses everything until its time is over; only calls after the warning are early."""
    server.flood(7, 30)
    warned = ask(server, "sendMessage", chat_id=7, text="x")
    assert (warned.status, warned.body["parameters"]) == (429, {"retry_after": 30})
    assert server.early_calls == 0
    assert ask(server, "sendMessage", chat_id=8, text="x").status == 200
    assert ask(server, "sendChatAction", chat_id=7, action="typing").status == 429
    assert server.early_calls == 1
    server.flood(7, 0)
    assert ask(server, "sendMessage", chat_id=7, text="x").status == 200
    assert server.faults == {"flood": 2}


def test_is_unavailable_for_everything(server: TelegramServer) -> None:
    """While the server is unavailable every call is a bad gateway."""
    server.unavailable = True
    gone = ask(server, "getMe")
    assert (gone.status, gone.description) == (502, "Bad Gateway")
    server.unavailable = False
    assert ask(server, "getMe").status == 200
    assert server.faults == {"unavailable": 1}

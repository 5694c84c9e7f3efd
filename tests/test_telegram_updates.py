"""Tests of the double's updates: how they are handed out, confirmed, waited for and delivered twice."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, cast

import pytest

from tests.telegram_client import Answer, ask, in_background, post
from tests.telegram_server import TelegramServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    """Return a running server whose first update has the number 100."""
    with TelegramServer(first_update_id=100) as running:
        yield running


def _write(server: TelegramServer, count: int) -> None:
    ada = server.person(7)
    for number in range(count):
        ada.writes(f"message {number}")


def _ids(answer: Answer) -> list[object]:
    return [update["update_id"] for update in answer.items]


def test_an_update_comes_again_until_it_is_confirmed(server: TelegramServer) -> None:
    """Without an offset nothing is confirmed; an offset deletes all lower numbers and no other."""
    _write(server, 3)
    assert _ids(ask(server, "getUpdates")) == [100, 101, 102]
    assert _ids(ask(server, "getUpdates", offset=100)) == [100, 101, 102]
    assert server.unconfirmed() == 3
    assert _ids(ask(server, "getUpdates", offset=102)) == [102]
    assert server.unconfirmed() == 1
    assert [confirmed.update_id for confirmed in server.confirmed] == [100, 101]


def test_limit_and_negative_offset(server: TelegramServer) -> None:
    """The limit cuts the answer; a negative offset forgets all but the last updates."""
    _write(server, 5)
    assert _ids(ask(server, "getUpdates", limit=2)) == [100, 101]
    assert _ids(ask(server, "getUpdates", offset=-2)) == [103, 104]
    assert server.unconfirmed() == 2


def test_an_offset_far_ahead_is_ignored(server: TelegramServer) -> None:
    """As with the vendor, an offset far beyond the last number starts at the oldest update."""
    _write(server, 2)
    assert _ids(ask(server, "getUpdates", offset=102 + 11)) == [100, 101]
    assert _ids(ask(server, "getUpdates", offset=102 + 10)) == []


def test_a_long_poll_ends_with_the_first_update(server: TelegramServer) -> None:
    """A request with a timeout waits, and is answered as soon as there is an update."""
    answer = in_background(lambda: ask(server, "getUpdates", timeout=30))
    server.wait_until(server.is_polled, 5, "the long poll")
    began = monotonic()
    _write(server, 1)
    assert _ids(answer.result(5)) == [100]
    assert monotonic() - began < 10


def test_a_long_poll_ends_empty_after_its_time(server: TelegramServer) -> None:
    """A request whose time is over is answered with no updates."""
    began = monotonic()
    assert ask(server, "getUpdates", timeout=1).items == []
    assert monotonic() - began > 0.9


def test_a_second_poll_terminates_the_first(server: TelegramServer) -> None:
    """Of two instances that poll, the first is told of the conflict and the second goes on."""
    first = in_background(lambda: ask(server, "getUpdates", timeout=30))
    server.wait_until(server.is_polled, 5, "the first poll")
    second = in_background(lambda: ask(server, "getUpdates", timeout=30))
    refused = first.result(5)
    assert refused.status == 409
    assert refused.description == (
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    )
    server.wait_until(server.is_polled, 5, "the second poll")
    _write(server, 1)
    assert _ids(second.result(5)) == [100]


def test_a_client_that_goes_leaves_no_poll(server: TelegramServer) -> None:
    """A poll whose connection is closed is forgotten, so that the next one meets no conflict."""
    first = in_background(lambda: ask(server, "getUpdates", timeout=30))
    server.wait_until(server.is_polled, 5, "the poll")
    server.stop()
    with pytest.raises(ConnectionError):
        first.result(5)
    server.start()
    assert not server.is_polled()


def test_a_webhook_excludes_polling(server: TelegramServer) -> None:
    """While a webhook is set a poll is a conflict; setting one ends the poll that waits."""
    poll = in_background(lambda: ask(server, "getUpdates", timeout=30))
    server.wait_until(server.is_polled, 5, "the poll")
    ask(server, "setWebhook", url="https://example.com/hook")
    assert poll.result(5).description == "Conflict: terminated by setWebhook request"
    assert ask(server, "getWebhookInfo").fields["url"] == "https://example.com/hook"
    refused = ask(server, "getUpdates")
    assert refused.status == 409
    assert refused.description == (
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    )
    ask(server, "deleteWebhook")
    assert ask(server, "getUpdates").items == []


def test_kinds_that_were_not_asked_for_do_not_come(server: TelegramServer) -> None:
    """The list of kinds holds for later updates too, and an empty one brings the default back."""
    ada = server.person(7)
    ask(server, "getUpdates", allowed_updates=["edited_message"])
    ada.edits(ada.writes("one"), "two")
    (update,) = ask(server, "getUpdates").items
    assert cast("dict[str, object]", update["edited_message"])["text"] == "two"
    ask(server, "getUpdates", allowed_updates=[])
    ada.writes("three")
    assert "message" in ask(server, "getUpdates").items[-1]


def test_redelivered_updates_have_their_old_numbers(server: TelegramServer) -> None:
    """What is delivered twice comes once more even though it was confirmed, and is then confirmed for good."""
    _write(server, 3)
    assert _ids(ask(server, "getUpdates", offset=103)) == []
    assert server.redeliver(2) == [101, 102]
    assert _ids(ask(server, "getUpdates", offset=103)) == [101, 102]
    assert _ids(ask(server, "getUpdates", offset=103)) == []
    assert server.unconfirmed() == 0


@pytest.mark.parametrize("update", [{"message": None}, {}, [], 5, None, "text", {"message": {"text": "\ud800"}}])
def test_malformed_updates_are_handed_out_as_they_are(server: TelegramServer, update: object) -> None:
    """A handmade update may be any JSON; it counts as one update and can be confirmed."""
    number = server.push(update)
    (received,) = cast("list[object]", ask(server, "getUpdates").result)
    assert received == ({"update_id": number} | update if isinstance(update, dict) else update)
    assert ask(server, "getUpdates", offset=number + 1).items == []


def test_a_handmade_update_may_choose_its_number(server: TelegramServer) -> None:
    """A number that is given is kept, and later ones go on from it."""
    assert server.push({"update_id": 500, "message": {}}) == 500
    assert server.push({"message": {}}) == 501
    assert server.push({"update_id": 3}) == 3
    assert _ids(ask(server, "getUpdates", offset=501)) == [501]


def test_the_bot_can_answer_a_handmade_message(server: TelegramServer) -> None:
    """A chat that only a handmade update tells of is known all the same."""
    chat = {"id": 9, "type": "private", "first_name": "Eve"}
    server.push({"message": {"message_id": 5, "date": 1, "chat": chat, "from": {"id": 9}, "text": "hi"}})
    sent = ask(server, "sendMessage", chat_id=9, text="hello", reply_parameters={"message_id": 5})
    assert sent.status == 200


def test_a_poll_is_answered_on_an_open_connection_and_by_get(server: TelegramServer) -> None:
    """GET works for getUpdates as well, as a person tries it in a browser."""
    _write(server, 1)
    assert _ids(post(server, f"/bot{server.token}/getUpdates?timeout=5", verb="GET")) == [100]

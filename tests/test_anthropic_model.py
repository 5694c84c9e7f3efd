"""The adapter for Claude: keys, counting, pictures, and whose limits a key shares."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from adapters.models.anthropic import AnthropicModel
from adapters.models.rehearsal import LABEL, Rehearsal
from bot.errors import KeyRefused, ModelError, Refused, Unavailable
from bot.ports import PromptMessage, Route, Text, Thought, Usage
from tests.anthropic_server import KEY, AnthropicServer
from tests.asking import Stop, answer, ask, connect
from tests.sample_files import PICTURE

if TYPE_CHECKING:
    from collections.abc import Iterator

Connected = tuple[AnthropicServer, AnthropicModel, Route]


@pytest.fixture
def connected() -> Iterator[Connected]:
    """Run the double, with the house's adapter for it."""
    with AnthropicServer() as server:
        model, route = connect(server)
        assert isinstance(model, AnthropicModel)
        yield server, model, route
        model.close()


def test_counting_is_free_and_true(connected: Connected) -> None:
    """What Anthropic counts is what it bills for the same prompt, and counting bills nothing."""
    server, model, route = connected
    prompt = ask(PICTURE, Text(text="What is this? " * 50))
    counted = model.count(prompt, route)
    assert not server.billed_tokens
    usage = model.answer(prompt, route, lambda _: None, Stop()).usage
    assert counted == usage.input + usage.cache_read + usage.cache_write > PICTURE.tokens


def test_the_route_says_model_effort_and_key() -> None:
    """One object serves all keys and models of the provider."""
    with AnthropicServer(["key-of-one", "key-of-two"]) as server:
        model = AnthropicModel({"a": "key-of-one", "b": "key-of-two"}, server.url)
        for key_id, name, effort in (("b", "claude-sonnet-5-5", "high"), ("a", "claude-haiku-4-5", None)):
            route = Route.model_validate({"provider": "anthropic", "key_id": key_id, "model": name, "effort": effort})
            given, _ = answer(model, route, ask())
            assert given.organisation == f"org-{server.requests[-1].key}"
        sent = [(record.key, record.body["model"], record.body.get("output_config")) for record in server.requests]
        assert sent == [("key-2", "claude-sonnet-5-5", {"effort": "high"}), ("key-1", "claude-haiku-4-5", None)]
        model.close()


def test_a_key_is_checked_for_nothing() -> None:
    """A good key passes and a wrong one does not; neither spends anything."""
    with AnthropicServer() as server:
        model = AnthropicModel({"good": KEY, "bad": "sk-ant-somebody-elses"}, server.url)
        model.check(Route(provider="anthropic", key_id="good", model="claude-sonnet-5-5"))
        with pytest.raises(KeyRefused):
            model.check(Route(provider="anthropic", key_id="bad", model="claude-sonnet-5-5"))
        assert not server.billed_tokens
        model.close()


def test_thoughts_go_back_to_their_own_model_only(connected: Connected) -> None:
    """What one model thought is not shown to another one."""
    server, model, route = connected
    server.thinks("Hm.", "Yes.")
    given = model.answer(ask(), route, lambda _: None, Stop())
    assert any(isinstance(block, Thought) for block in given.content)
    asked = ask()
    messages = (
        *asked.messages,
        PromptMessage(role="butler", content=given.content),
        PromptMessage(role="user", content=(Text(text="Sure?"),)),
    )
    prompt = asked.model_copy(update={"messages": messages})
    for name, kinds in (("claude-sonnet-5-5", ["thinking", "text"]), ("claude-opus-5-5", ["text"])):
        model.answer(prompt, route.model_copy(update={"model": name}), lambda _: None, Stop())
        assert [block["type"] for block in server.requests[-1].body["messages"][1]["content"]] == kinds


def test_a_call_that_is_no_json(connected: Connected) -> None:
    """A call that cannot be read is an answer that was billed and may come out rightly the next time."""
    server, model, route = connected
    server.calls_tool("look", "{at the door")
    with pytest.raises(Unavailable, match="cannot be read") as caught:
        model.answer(ask(), route, lambda _: None, Stop())
    assert caught.value.charged


def test_no_key_in_any_error(connected: Connected) -> None:
    """A provider that repeats the key in its error does not get it into the house's."""
    server, model, route = connected
    server.fail(status=401, type="authentication_error", message=f"wrong key {KEY}")
    server.fail(status=400, type="invalid_request_error", message=f"wrong header: Bearer {KEY}")
    for kind in (KeyRefused, Refused):
        with pytest.raises(kind) as caught:
            model.answer(ask(), route, lambda _: None, Stop())
        assert "[secret]" in str(caught.value)
        assert KEY not in f"{caught.value!r} {caught.value}"


def test_stop_wakes_the_reader(connected: Connected) -> None:
    """Stopping a silent request ends it within a second, from another thread."""
    server, model, route = connected
    server.hang()
    stop, caught = Stop(), list[ModelError]()

    def work() -> None:
        try:
            model.answer(ask(), route, lambda _: None, stop)
        except ModelError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    server.wait_until(lambda: server.in_flight == 1, 5, "the request")
    began = monotonic()
    stop.now()
    thread.join(5)
    assert monotonic() - began < 1
    assert isinstance(caught[0], Unavailable)


def test_the_rehearsal_needs_no_key() -> None:
    """The script takes every route, counts nothing and says what it is."""
    model, route = Rehearsal(), Route(provider="rehearsal", key_id="", model="rehearsal")
    model.check(route)
    given, shown = answer(model, route, ask())
    assert LABEL in shown[-1]
    assert given.usage == Usage()
    assert model.count(ask(), route) is None
    model.close()

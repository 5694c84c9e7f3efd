"""What the adapter for OpenAI's protocol does when something goes wrong, and which key it uses."""

from __future__ import annotations

import json
import threading
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from adapters.models.openai_compatible import OpenAICompatibleModel
from bot.errors import KeyRefused, ModelError, ModelMissing, Refused, Unavailable
from bot.ports import Answer, Route, Text
from tests.asking import Stop, answer, ask, connect
from tests.openai_script import Answer as Scripted
from tests.openai_server import KEY, OpenAIServer

if TYPE_CHECKING:
    from collections.abc import Iterator

Connected = tuple[OpenAIServer, OpenAICompatibleModel, Route]


@pytest.fixture
def connected() -> Iterator[Connected]:
    """Run OpenAI's double, with the house's adapter for it."""
    with OpenAIServer() as server:
        model, route = connect(server)
        assert isinstance(model, OpenAICompatibleModel)
        yield server, model, route
        model.close()


def say(connected: Connected) -> tuple[Answer, list[str]]:
    """Ask and return the answer with what was shown on the way."""
    _, model, route = connected
    return answer(model, route, ask())


@pytest.mark.parametrize("events", [0, 1, 2])
def test_cut_in_the_middle(connected: Connected, events: int) -> None:
    """A stream that breaks off was charged, and is no answer."""
    connected[0].says("Half of it.")
    connected[0].cut(events)
    with pytest.raises(Unavailable) as caught:
        say(connected)
    assert caught.value.charged


def test_an_end_without_a_reason(connected: Connected) -> None:
    """A stream that ends neatly and says no reason to stop is broken off, and so is one that stops with an error."""
    connected[0].answers(Scripted(text="Hm", finish_reason="error"))
    with pytest.raises(Unavailable, match="broke off in the middle, for the reason error") as caught:
        say(connected)
    assert (caught.value.charged, caught.value.organisation) == (True, "org-key-1")


@pytest.mark.parametrize("when", ["before", "in the middle"])
def test_stop_wakes_the_reader(connected: Connected, when: str) -> None:
    """Stopping a silent request ends it within a second, from another thread."""
    server, model, route = connected
    server.says("x" * 100)
    if when == "before":
        server.hang()
    else:
        server.hang_mid_stream(3)
    stop, caught, shown = Stop(), list[ModelError](), threading.Event()

    def work() -> None:
        try:
            model.answer(ask(), route, lambda _: shown.set(), stop)
        except ModelError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert stop.guarded.wait(5)
    server.wait_until(lambda: server.in_flight == 1, 5, "the request")
    assert when == "before" or shown.wait(5)
    began = monotonic()
    stop.now()
    thread.join(5)
    assert monotonic() - began < 1
    assert isinstance(caught[0], Unavailable)
    assert caught[0].charged
    server.wait_until(lambda: server.in_flight == 0, 1, "the provider to notice")


def test_nobody_there(connected: Connected) -> None:
    """A connection that was never made cost nothing."""
    server, model, route = connected
    server.stop()
    with pytest.raises(Unavailable) as caught:
        model.answer(ask(), route, lambda _: None, Stop())
    assert not caught.value.charged
    server.start()


@pytest.mark.parametrize("flavour", ["openai", "groq", "nvidia", "openrouter", "sokosumi"])
def test_no_key_in_any_error(flavour: str) -> None:
    """A provider that repeats the key in its error does not get it into the house's."""
    with OpenAIServer(flavour=flavour) as server:
        model, route = connect(server)
        server.fail(status=401, message=f"wrong key {KEY}", body={"error": {"message": f"wrong {KEY}", "type": KEY}})
        server.says("Yes")
        server.error_event(2, message=f"the key {KEY} is bad")
        for _ in range(2):
            with pytest.raises(ModelError) as caught:
                model.answer(ask(), route, lambda _: None, Stop())
            assert "[secret]" in str(caught.value)
            assert KEY not in f"{caught.value!r} {caught.value}"
        model.close()


@pytest.mark.parametrize("flavour", ["openai", "groq", "openrouter", "sokosumi"])
def test_a_key_is_checked_for_nothing(flavour: str) -> None:
    """A good key passes, a wrong one does not, and nothing is spent."""
    with OpenAIServer(["good-key"], flavour=flavour) as server:
        model = OpenAICompatibleModel(flavour, {"good": "good-key", "bad": "bad-key"}, server.base_url)
        route = Route(provider=flavour, key_id="good", model="any")
        model.check(route)
        with pytest.raises(KeyRefused):
            model.check(route.model_copy(update={"key_id": "bad"}))
        server.fail(status=404, message="no such list")
        model.check(route)
        server.fail(status=503, message="Down")
        with pytest.raises(Unavailable):
            model.check(route)
        assert not server.billed_tokens
        model.close()


def test_a_server_without_keys(connected: Connected) -> None:
    """A small server on the same machine needs no key, and gets no name of an organisation."""
    server = connected[0]
    server.keys["none"] = "nobody"
    model = OpenAICompatibleModel("ollama", {"local": ""}, server.base_url)
    route = Route(provider="ollama", key_id="local", model="gpt-4.1")
    assert model.answer(ask(), route, lambda _: None, Stop()).content == (Text(text="You said: Good evening"),)
    model.close()


def test_an_organisation_is_not_told_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of OpenAI's organisation goes to OpenAI only."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    for flavour, told in (("openai", "org-mine"), ("groq", None)):
        with OpenAIServer(flavour=flavour) as server:
            model, route = connect(server)
            model.answer(ask(), route, lambda _: None, Stop())
            assert server.requests[0].headers.get("openai-organization") == told
            model.close()


def test_two_keys_are_two_accounts() -> None:
    """The route says with which key a request goes."""
    with OpenAIServer(["key-one", "key-two"]) as server:
        model = OpenAICompatibleModel("openai", {"a": "key-one", "b": "key-two"}, server.base_url)
        for key_id in ("b", "a", "b"):
            route = Route(provider="openai", key_id=key_id, model="gpt-4.1")
            model.answer(ask(), route, lambda _: None, Stop())
        assert [record.key for record in server.requests] == ["key-2", "key-1", "key-2"]
        assert KEY not in json.dumps([record.headers for record in server.requests])
        model.close()


def test_a_refused_request_is_refused(connected: Connected) -> None:
    """A request that breaks a rule is nobody's fault but its own, and a model that is not there is no fault of the request."""
    server, model, route = connected
    server.fail(1, status=400, message="Invalid value", type="invalid_request_error")
    with pytest.raises(Refused, match="Invalid value"):
        model.answer(ask(), route, lambda _: None, Stop())
    with pytest.raises(ModelMissing, match="does not exist"):
        model.answer(ask(), route.model_copy(update={"model": "gpt-9"}), lambda _: None, Stop())

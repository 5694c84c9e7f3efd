"""What the house makes of every error that a provider is known to send, through the providers' real SDKs."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.models.waits import access_again, wait_in_words, wait_of
from bot.errors import ModelError, NoCredit, Overloaded, RateLimited, Refused, Unavailable
from tests.asking import Stop, ask, connect, side
from tests.model_errors import ANTHROPIC, Said
from tests.model_errors_openai import OPENAI, OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.ports import Model, Route
    from tests.anthropic_server import AnthropicServer
    from tests.openai_server import OpenAIServer

ALL = (*ANTHROPIC, *OPENAI, *OTHERS)
PROVIDERS = ("anthropic", "openai", "groq", "nvidia", "openrouter", "sokosumi")
Sides = dict[str, "tuple[AnthropicServer | OpenAIServer, Model, Route]"]


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    """Run every provider's double, with the house's adapter for it."""
    with ExitStack() as stack:
        running: Sides = {}
        for provider in PROVIDERS:
            server = side(provider)
            stack.enter_context(server)
            model, route = connect(server)
            stack.callback(model.close)
            running[provider] = (server, model, route)
        yield running


@pytest.mark.parametrize("said", ALL, ids=lambda said: said.name)
def test_every_known_error_says_what_to_do(sides: Sides, said: Said) -> None:
    """Each shape becomes the error that says who is to blame, until when, and keeps the provider's words and no key."""
    server, model, route = sides[said.provider]
    server.fail(status=said.status, headers=said.headers, body=said.body)
    with pytest.raises(ModelError) as caught:
        model.answer(ask(max_output=said.max_output), route, lambda _: None, Stop())
    error = caught.value
    assert type(error) is said.expected, error
    assert getattr(error, "until", None) == said.until
    assert getattr(error, "wait", None) == (pytest.approx(said.wait) if said.wait is not None else None)
    assert error.charged is False
    assert error.reason
    assert said.organisation in (None, error.organisation)
    if said.provider in ("anthropic", "openai"):
        assert error.organisation == "org-key-1"


def test_the_table_is_wide() -> None:
    """There are at least sixty shapes, of every provider and for every error."""
    assert len({(said.provider, said.status, str(said.body), str(said.headers)) for said in ALL}) >= 60
    assert {said.provider for said in ALL} == set(PROVIDERS)
    assert len({said.expected for said in ALL}) == 9


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "down"}}}, Unavailable),
        ({"error": {"code": 429, "message": "Rate limit exceeded"}}, RateLimited),
        ({"error": {"code": 402, "message": "Insufficient credits"}}, NoCredit),
        ({"error": {"code": 400, "message": "messages: wrong", "type": "invalid_request_error"}}, Refused),
        ({"error": {"code": "server_error", "message": "Provider disconnected unexpectedly"}}, Unavailable),
        ({"error": {"message": "The engine is currently overloaded", "type": "server_error"}}, Overloaded),
        ({"error": "an error was encountered while running the model"}, Unavailable),
    ],
)
@pytest.mark.parametrize("provider", ["openrouter", "groq"])
def test_an_error_in_the_middle_was_charged(sides: Sides, provider: str, body: object, expected: type[ModelError]) -> None:
    """An error that comes as a chunk is told as one that came at once, but the request may have been billed."""
    server, model, route = sides[provider]
    server.error_event(2, body=body)  # type: ignore[call-arg]
    with pytest.raises(expected) as caught:
        model.answer(ask(), route, lambda _: None, Stop())
    assert (type(caught.value), caught.value.charged) == (expected, True)
    server.call(server.queue.clear)


def test_anthropic_fails_in_the_middle(sides: Sides) -> None:
    """An overload as an event of a stream is an overload that was charged."""
    server, model, route = sides["anthropic"]
    server.error_event(3)
    with pytest.raises(Overloaded) as caught:
        model.answer(ask(), route, lambda _: None, Stop())
    assert (caught.value.charged, caught.value.organisation) == (True, "org-key-1")


NOW = "Sat, 21 Nov 2026 12:00:00 GMT"


@given(st.text(max_size=40), st.text(max_size=80))
@example("Wed, 21 Oct 99999 07:28:00 GMT", "try again in 99999999999999999999999d")
@example("0001-01-01T00:00:00+23:59", "retry after 1e9 seconds")
@example("1_000", "Please try again in .5s")
@example("9" * 400, "regain access on 0000-00-00 at 99:99")
def test_no_wait_is_absurd(value: str, words: str) -> None:
    """Whatever stands in a header or a sentence, a wait is none, or a number of seconds of no more than a month."""
    for name in ("retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "anthropic-ratelimit-tokens-reset", "date"):
        wait = wait_of({"date": NOW, name: value}, words)
        assert wait is None or 0 <= wait <= 31 * 86_400
    assert access_again(words) is None


@pytest.mark.parametrize(
    ("words", "wait"),
    [
        ("Please try again in 7m12.5s.", 432.5),
        ("try again in 2 minutes", 120),
        ("Retry after 20 seconds", 20),
        ("try again in 1h 2m", 3720),
        ("try again later", None),
    ],
)
def test_waits_in_words(words: str, wait: float | None) -> None:
    """A wait is read out of a sentence."""
    assert wait_in_words(words) == wait


def test_access_comes_again_at_a_time() -> None:
    """The day and the hour from which there is money again are read out of the sentence."""
    assert access_again("You will regain access on 2026-12-01 at 06:30 UTC.") == datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
    assert access_again("You will regain access on 2026-12-01") == datetime(2026, 12, 1, tzinfo=UTC)

"""Tests that the double of the Messages API answers the vendor's own client as the vendor does, well or with faults."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anthropic
import httpx2
import pytest

from tests.anthropic_models import MODELS, OLD_VERSION
from tests.anthropic_samples import HEADERS, request, send
from tests.anthropic_script import Answer, StopReason, ToolCall
from tests.anthropic_server import KEY, AnthropicServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anthropic.types import Message

ASKED: Any = request()
LONG = Answer(text="Certainly, sir. " * 50, chunk=16, pause=0.02)


@pytest.fixture
def server() -> Iterator[AnthropicServer]:
    """Run a double."""
    with AnthropicServer() as running:
        yield running


@pytest.fixture
def client(server: AnthropicServer) -> Iterator[anthropic.Anthropic]:
    """Connect the vendor's client to it."""
    with anthropic.Anthropic(base_url=server.url, api_key=KEY, max_retries=0, timeout=10) as connected:
        yield connected


def stream(client: anthropic.Anthropic, **changes: object) -> Message:
    """Stream an answer to its end."""
    with client.messages.stream(**(ASKED | changes)) as events:
        return events.get_final_message()


def blocks(message: Message) -> list[tuple[object, ...]]:
    """Return what a message consists of."""
    return [(block.type, block.text if block.type == "text" else getattr(block, "input", None)) for block in message.content]


def test_answers_as_it_is_told(server: AnthropicServer, client: anthropic.Anthropic) -> None:
    """Queued answers come first, in their order, streamed or not; then those of the script."""
    server.says("Good evening, sir.")
    server.calls_tool("look", {"at": "the door"}, text="One moment.")
    server.calls_tools(ToolCall("look", {"at": "é\n"}), ToolCall("look"))
    server.script = lambda body: Answer(text=f"{len(body['messages'])} message")
    called = [("text", "One moment."), ("tool_use", {"at": "the door"})]
    assert blocks(client.messages.create(**ASKED)) == [("text", "Good evening, sir.")]
    assert blocks(stream(client)) == called
    assert blocks(stream(client)) == [("tool_use", {"at": "é\n"}), ("tool_use", {})]
    assert blocks(stream(client)) == [("text", "1 message")]


def test_echoes_when_it_was_told_nothing(client: anthropic.Anthropic) -> None:
    """Without a script the double repeats what the user said."""
    assert blocks(stream(client)) == [("text", "You said: Good evening")]


def test_streams_the_vendors_events(server: AnthropicServer) -> None:
    """A stream has the vendor's events in the vendor's order, its JSON in pieces, and cumulative usage."""
    server.answers(Answer(thinking="Hm", text="Yes", tool_calls=(ToolCall("look", {"at": "the door"}),), chunk=8))
    received = send(server, request(stream=True))
    events = [line[7:] for line in received.body.splitlines() if line.startswith("event: ")]
    assert events[:3] == ["message_start", "ping", "content_block_start"]
    assert events[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    content = [json.loads(line[6:]) for line in received.body.splitlines() if line.startswith("data: ")]
    deltas = [event["delta"]["type"] for event in content if event["type"] == "content_block_delta"]
    assert deltas == ["signature_delta", "text_delta", *["input_json_delta"] * 4]
    assert content[0]["message"]["usage"]["output_tokens"] == 1
    assert content[-2]["delta"]["stop_reason"] == "tool_use"
    assert content[-2]["usage"]["output_tokens"] == server.requests[0].usage["output_tokens"] > 1
    assert received.headers["Content-Type"].startswith("text/event-stream")
    assert received.headers["request-id"].startswith("req_")
    assert "anthropic-ratelimit-requests-remaining" in received.headers


def test_sends_headers_and_first_events_together(server: AnthropicServer) -> None:
    """The first packet of a stream already carries its first text."""
    server.answers(LONG)
    body = json.dumps(request(stream=True)).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port or 0), timeout=5) as raw:
        raw.sendall(f"POST /v1/messages HTTP/1.1\r\nhost: x\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        assert b"text_delta" in raw.recv(65536)


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence", "pause_turn", "model_context_window_exceeded"])
def test_stops_for_the_reason_told(server: AnthropicServer, client: anthropic.Anthropic, reason: StopReason) -> None:
    """Every stop reason can be scripted and reaches the client, streamed or not."""
    server.answers(*[Answer(text="Yes", stop_reason=reason, stop_sequence="END")] * 2)
    for message in (stream(client), client.messages.create(**ASKED)):
        assert (message.stop_reason, message.stop_sequence) == (reason, "END")


def test_refuses_with_empty_content(server: AnthropicServer, client: anthropic.Anthropic) -> None:
    """A refusal has no content, a category and no cost."""
    server.refuses("cyber")
    message = stream(client)
    assert (message.stop_reason, message.content, message.usage.output_tokens) == ("refusal", [], 0)
    assert message.stop_details is not None
    assert message.stop_details.category == "cyber"


def test_stops_where_max_tokens_end(server: AnthropicServer, client: anthropic.Anthropic) -> None:
    """An answer longer than `max_tokens` is cut there, in the middle of a text as of a tool call's JSON."""
    server.says("x" * 100)
    cut = client.messages.create(**(ASKED | {"max_tokens": 10}))
    assert (blocks(cut), cut.stop_reason, cut.usage.output_tokens) == ([("text", "x" * 35)], "max_tokens", 10)
    long = ToolCall("look", {"first": 1, "at": "x" * 100})
    server.answers(Answer(tool_calls=(long,)), Answer(tool_calls=(long,), json_cut=20))
    for changes in ({"max_tokens": 20}, {}):
        broken = stream(client, **changes)
        # The client drops the argument that broke off, so that the rest looks whole.
        assert (blocks(broken), broken.stop_reason) == ([("tool_use", {"first": 1})], "max_tokens")


def test_lists_its_models(client: anthropic.Anthropic) -> None:
    """The list of models comes in pages."""
    page = client.models.list(limit=3)
    assert (len(page.data), page.has_more) == (3, True)
    assert [model.id for model in page] == list(MODELS)


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"authorization": "Bearer sk-ant-wrong"}, 401, "Invalid bearer token"),
        ({"x-api-key": "sk-ant-wrong"}, 401, "invalid x-api-key"),
        ({"authorization": ""}, 401, "x-api-key header is required"),
        ({"anthropic-version": "2024-01-01"}, 400, 'anthropic-version: "2024-01-01" is not a valid version'),
        ({"anthropic-beta": "butlers-2026-01-01"}, 400, "Unexpected value(s) `butlers-2026-01-01` for the"),
        ({"x-api-key": KEY, "authorization": "", "anthropic-version": OLD_VERSION}, 200, ""),
    ],
)
def test_wants_a_key_and_a_version(server: AnthropicServer, changes: dict[str, str], status: int, message: str) -> None:
    """Only a known key, a known version and known betas pass."""
    received = send(server, request(), headers=HEADERS | changes)
    assert received.status == status
    assert status == 200 or message in received.message


def test_wants_a_version_at_all(server: AnthropicServer) -> None:
    """A request without a version is refused."""
    received = send(server, request(), headers={"authorization": f"Bearer {KEY}"})
    assert (received.status, received.message) == (400, "anthropic-version: header is required")


def test_finds_nothing_elsewhere(server: AnthropicServer) -> None:
    """Every other address and method gets the vendor's 404."""
    for path, method in (("/v1/complete", "POST"), ("/v1/messages", "GET"), ("/", "GET")):
        received = send(server, b"", path, method=method)
        assert (received.status, received.body["type"]) == (404, "error")
        assert received.body["error"]["type"] == "not_found_error"
        assert received.body["request_id"] == received.headers["request-id"]


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("invalid_request_error", 400, anthropic.BadRequestError),
        ("authentication_error", 401, anthropic.AuthenticationError),
        ("billing_error", 402, anthropic.PaymentRequiredError),
        ("permission_error", 403, anthropic.PermissionDeniedError),
        ("rate_limit_error", 429, anthropic.RateLimitError),
        ("api_error", 500, anthropic.InternalServerError),
        ("overloaded_error", 529, anthropic.OverloadedError),
    ],
)
def test_fails_as_often_as_told(
    server: AnthropicServer, client: anthropic.Anthropic, kind: str, status: int, expected: type[Exception]
) -> None:
    """An ordered error reaches the client as the vendor's own, with its headers, and then the answers go on."""
    server.fail(times=2, type=kind, message="No", headers={"retry-after": "7"})
    for ask in (stream, lambda connected: connected.messages.create(**ASKED)):
        with pytest.raises(expected) as caught:
            ask(client)
        assert isinstance(caught.value, anthropic.APIStatusError)
        assert (caught.value.status_code, caught.value.type) == (status, kind)
        assert caught.value.response.headers["retry-after"] == "7"
    assert stream(client).stop_reason == "end_turn"
    assert [record.outcome for record in server.requests] == [kind, kind, "answered"]


def test_breaks_off_in_the_middle(server: AnthropicServer, client: anthropic.Anthropic) -> None:
    """A cut stream ends without its last events; the same answer comes again afterwards."""
    server.says("Good evening, sir.")
    server.cut(after_events=4)
    with pytest.raises(httpx2.RemoteProtocolError), client.messages.stream(**ASKED) as events:
        list(events.text_stream)
    assert blocks(stream(client)) == [("text", "Good evening, sir.")]
    assert [record.outcome for record in server.requests] == ["cut", "answered"]


def test_sends_an_error_in_the_middle(server: AnthropicServer, client: anthropic.Anthropic) -> None:
    """An error inside a stream comes after its first events."""
    server.error_event(after_events=4)
    with client.messages.stream(**ASKED) as events:
        assert next(iter(events.text_stream)) == "You said: Good eveni"
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            list(events)
    assert server.requests[0].outcome == "error event"

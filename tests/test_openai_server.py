"""Tests that the double of the Chat Completions API is as strict as the providers, and answers their SDK as they do."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest

from tests.openai_models import FLAVOURS
from tests.openai_script import Answer
from tests.openai_server import KEY, OpenAIServer
from tests.raw import send
from tests.sample_files import PNG
from tests.scripted import ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
HELLO: dict[str, Any] = {"role": "user", "content": "Good evening"}
CALLED: dict[str, Any] = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLS: dict[str, Any] = {"role": "assistant", "tool_calls": [CALLED]}
RESULT: dict[str, Any] = {"role": "tool", "tool_call_id": "call_1", "content": "fine"}
LOOK: dict[str, Any] = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64encode(PNG).decode()}"}}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """Run OpenAI's double."""
    with OpenAIServer() as running:
        yield running


def request(**changes: object) -> dict[str, Any]:
    """Return a request that keeps all rules, but for the changes."""
    return {"model": "gpt-4.1", "messages": [HELLO], **changes}


def calls(**changes: object) -> dict[str, Any]:
    """Return a model's message with a call that was changed."""
    return CALLS | {"tool_calls": [CALLED | changes]}


def shows(url: str) -> list[dict[str, Any]]:
    """Return a user's message with a picture."""
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]


def function(**changes: object) -> list[dict[str, Any]]:
    """Return a tool with changes."""
    return [{"type": "function", "function": LOOK["function"] | changes}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tempo": 1}, "Unknown parameter: 'tempo'"),
        ({"model": "gpt-9"}, "The model `gpt-9` does not exist"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0]"),
        ({"messages": [{"role": "butler", "content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": "x", "cache_control": {}}]}, "messages[0]"),
        ({"messages": [RESULT]}, "must be a response to a preceding message with 'tool_calls'"),
        ({"messages": [HELLO, CALLS]}, "did not have response messages: call_1"),
        ({"messages": [HELLO, CALLS, HELLO, RESULT]}, "did not have response messages: call_1"),
        ({"messages": [HELLO, CALLS, RESULT, RESULT]}, "must be a response"),
        ({"messages": [HELLO, {"role": "assistant"}]}, "expected a string, got null"),
        ({"messages": [HELLO, {"role": "assistant", "tool_calls": []}]}, "tool_calls"),
        ({"messages": [HELLO, CALLS | {"tool_calls": [CALLED, CALLED]}, RESULT]}, "Duplicate value"),
        ({"messages": [HELLO, calls(id="x" * 41)]}, "id"),
        (
            {"messages": [HELLO, calls(function={"name": "look", "arguments": "{"})]},
            "JSON object",
        ),
        ({"messages": [HELLO, calls(function={"name": "l k", "arguments": "{}"})]}, "pattern"),
        (
            {"messages": [HELLO, calls(function={"name": "look", "arguments": {}})]},
            "arguments",
        ),
        ({"stream_options": {"include_usage": True}}, "only allowed when 'stream' is enabled"),
        ({"max_tokens": 10, "max_completion_tokens": 10}, "at the same time"),
        ({"max_tokens": 32_769}, "max_tokens is too large: 32769"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"model": "gpt-6.1-terra", "max_tokens": 10}, "Use 'max_completion_tokens' instead"),
        ({"model": "gpt-6.1-terra", "temperature": 0.5}, "'temperature' is not supported with this model"),
        ({"reasoning_effort": "low"}, "Unrecognized request argument supplied: reasoning_effort"),
        ({"tools": []}, "tools"),
        ({"tools": [LOOK, LOOK]}, "unique"),
        ({"tools": function(name="look here")}, "pattern"),
        ({"tools": function(parameters={"type": "string"})}, "Invalid schema for function 'look'"),
        ({"tools": function(parameters={"type": "object", "properties": {"a": 3}})}, "Invalid schema"),
        ({"tools": function(input_schema={})}, "input_schema"),
        ({"tool_choice": "auto"}, "only allowed when 'tools' are specified"),
        ({"tools": None}, "Invalid type for 'tools'"),
        ({"messages": shows("file:///etc/passwd")}, "Invalid 'image_url'"),
        ({"messages": shows("data:text/html;base64,aaaa")}, "Invalid 'image_url'"),
        ({"messages": shows("data:image/png;base64,%%%")}, "Invalid base64"),
        ({"n": 2}, "n"),
    ],
)
def test_refuses_what_providers_refuse(server: OpenAIServer, changes: dict[str, Any], words: str) -> None:
    """Every broken rule is named, and the request is not answered."""
    received = send(server, request(**changes), server.asked_at, headers=HEADERS)
    assert received.status in (400, 404)
    assert words in received.message
    assert server.requests[0].outcome == "invalid_request_error"
    assert not server.billed_tokens


def test_takes_what_providers_take(server: OpenAIServer) -> None:
    """A conversation with tools, results, words and pictures keeps all rules."""
    shown = {"role": "user", "content": [{"type": "text", "text": "Look"}, PICTURE]}
    messages = [{"role": "system", "content": "Be brief"}, shown, CALLS, RESULT, HELLO]
    received = send(server, request(messages=messages, tools=[LOOK], max_tokens=100), server.asked_at, headers=HEADERS)
    assert received.status == 200
    assert received.body["choices"][0]["message"]["content"] == "You said: Good evening"


def test_a_picture_for_the_blind() -> None:
    """A model that sees nothing refuses a picture."""
    with OpenAIServer(flavour="groq") as server:
        wrong = {"model": "llama-3.3-70b-versatile", "messages": shows("https://example.com/a.png")}
        assert "only supported by certain models" in send(server, wrong, server.asked_at, headers=HEADERS).message


@pytest.mark.parametrize("header", ["", "Bearer sk-test-wrong-key", f"Basic {KEY}", KEY])
@pytest.mark.parametrize("flavour", sorted(FLAVOURS))
def test_wants_a_key(flavour: str, header: str) -> None:
    """Only a known key passes, as a Bearer, everywhere; what is recorded holds no key."""
    with OpenAIServer(flavour=flavour) as server:
        received = send(server, b"{}", server.asked_at, headers=HEADERS | {"authorization": header})
        assert received.status == 401
        assert KEY not in json.dumps(received.body)
        assert "authorization" not in server.requests[0].headers


def test_finds_nothing_elsewhere(server: OpenAIServer) -> None:
    """Every other address gets a 404, and a body that is no JSON a 400."""
    assert send(server, request(), "/v1/completions", headers=HEADERS).status == 404
    assert "could not parse" in send(server, b"{", server.asked_at, headers=HEADERS).message


def test_the_context_has_an_end() -> None:
    """A prompt that is longer than the context is refused in the provider's words."""
    with OpenAIServer(context=50) as server:
        received = send(server, request(messages=[{"role": "user", "content": "x" * 400}]), server.asked_at, headers=HEADERS)
        assert received.body["error"]["code"] == "context_length_exceeded"


def connect(server: OpenAIServer) -> openai.OpenAI:
    """Connect the vendor's client."""
    return openai.OpenAI(api_key=KEY, base_url=server.base_url, max_retries=0, timeout=10)


def test_the_vendors_client_reads_it(server: OpenAIServer) -> None:
    """The SDK's own accumulation of a stream gives what was scripted, with usage in the last chunk."""
    server.answers(Answer(text="One moment.", tool_calls=(ToolCall("look", {"at": "the door"}),), reasoning=7, chunk=4))
    with (
        connect(server) as client,
        client.chat.completions.stream(
            model="gpt-4.1", messages=[{"role": "user", "content": "Hi"}], stream_options={"include_usage": True}
        ) as stream,
    ):
        whole = stream.get_final_completion()
    (choice,) = whole.choices
    assert choice.message.tool_calls
    assert (choice.message.content, choice.finish_reason) == ("One moment.", "tool_calls")
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"at": "the door"}
    assert whole.usage
    assert whole.usage.completion_tokens == server.billed_tokens["key-1"]["output_tokens"] > 7


def test_flavours_differ_on_the_wire() -> None:
    """OpenRouter sends comments, Groq its usage in a field of its own, and all end with [DONE]."""
    for flavour, sign in (("openrouter", ": OPENROUTER PROCESSING"), ("groq", '"x_groq":{"id":')):
        with OpenAIServer(flavour=flavour) as server:
            asked = {"model": server.flavour.models[0].id, "messages": [HELLO], "stream": True}
            wire = send(server, asked, server.asked_at, headers=HEADERS).body
            assert sign in wire
            assert wire.endswith("data: [DONE]\n\n")


def test_a_prefix_is_cached(server: OpenAIServer) -> None:
    """The same long beginning is read from the cache the second time, and billed as such."""
    messages = [{"role": "system", "content": "x" * 8000}, HELLO]
    for _ in range(2):
        send(server, request(messages=messages), server.asked_at, headers=HEADERS)
    cached = server.requests[1].usage["prompt_tokens_details"]["cached_tokens"]
    assert cached > 1024
    assert server.billed_tokens["key-1"]["cache_read_tokens"] == cached


def test_stops_where_the_tokens_end(server: OpenAIServer) -> None:
    """An answer longer than it may be is cut there."""
    server.says("x" * 100)
    received = send(server, request(max_tokens=10), server.asked_at, headers=HEADERS)
    (choice,) = received.body["choices"]
    assert (choice["finish_reason"], len(choice["message"]["content"])) == ("length", 35)


def test_fails_as_it_is_told(server: OpenAIServer) -> None:
    """Errors, cuts and chunks of errors come when they are ordered, and then the answers go on."""
    server.fail(status=429, message="Slow", headers={"retry-after": "7"})
    with connect(server) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(**request())
        assert caught.value.response.headers["retry-after"] == "7"
        server.cut(2)
        with pytest.raises((openai.APIConnectionError, httpx2.HTTPError)):
            list(client.chat.completions.create(stream=True, **request()))
        server.error_event(2, message="Provider disconnected")
        with pytest.raises(openai.APIError, match="Provider disconnected"):
            list(client.chat.completions.create(stream=True, **request()))
        assert client.chat.completions.create(**request()).choices[0].finish_reason == "stop"
    assert [record.outcome for record in server.requests] == ["server_error", "cut", "error event", "answered"]


def test_loses_a_share(server: OpenAIServer) -> None:
    """The same requests are lost for the same seed."""
    server.lose(0.5, 3)
    for _ in range(20):
        try:
            send(server, request(), server.asked_at, headers=HEADERS)
        except OSError:
            continue
    lost = [record.outcome for record in server.requests].count("lost")
    assert 3 < lost < 17


def test_runs_as_a_process_of_its_own() -> None:
    """It can be started from the shell, answers as it is told there, and tells its figures."""
    command = [sys.executable, "-m", "tests.openai_server", "--flavour", "groq", "--key", "gsk-one", "--text", "Yes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        url = process.stdout.readline().strip()
        with openai.OpenAI(api_key="gsk-one", base_url=url, max_retries=0) as client:
            said = client.chat.completions.create(model="llama-3.3-70b-versatile", messages=[{"role": "user", "content": "x"}])
        assert said.choices[0].message.content == "Yes"
        process.stdin.write("stats\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["requests"] == 1
        process.stdin.close()
        assert process.wait(10) == 0

"""Tests that the double of the Messages API refuses what the vendor refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.anthropic_models import OLD_VERSION
from tests.anthropic_samples import (
    CACHED,
    CACHED_1H,
    HEADERS,
    OLD_MODEL,
    TOOL,
    assistant,
    call,
    request,
    result,
    send,
    text,
    user,
)
from tests.anthropic_server import AnthropicServer

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLED = [user("Go"), assistant(call())]
TOOLS = {"tools": [TOOL]}
PICTURE = {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}
PAPER = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Dear Sir"}}


@pytest.fixture(scope="module")
def server() -> Iterator[AnthropicServer]:
    """Run a double for all tests of this module, which leave nothing in it but records."""
    with AnthropicServer() as running:
        yield running


def schema(**more: object) -> dict[str, Any]:
    """Return a request with one tool of this schema."""
    return {"tools": [{"name": "look", "input_schema": {"type": "object", **more}}]}


def strict(**more: object) -> dict[str, Any]:
    """Return a request with one strict tool of this schema."""
    return {"tools": [{"name": "look", "strict": True, "input_schema": {"type": "object", **more}}]}


SHAPES = [
    ({"foo": 1}, "foo: Extra inputs are not permitted"),
    ({"messages": [user(text("Hi", foo=1))]}, "messages.0.content.0.text.foo: Extra inputs are not permitted"),
    ({"temperature": 1.0}, "temperature: Extra inputs are not permitted"),
    ({"top_p": 0.5}, "top_p: Extra inputs are not permitted"),
    ({"top_k": 5}, "top_k: Extra inputs are not permitted"),
    ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
    ({"max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": 128_001}, "max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens"),
    ({"max_tokens": 64_001, "model": OLD_MODEL}, "max_tokens: 64001 > 64000"),
    ({"system": None}, "system: Input should not be null"),
    ({"stop_sequences": [" "]}, "stop_sequences: each stop sequence must contain non-whitespace"),
    ({"service_tier": "gold"}, "service_tier: Input should be 'auto' or 'standard_only'"),
    ({"metadata": {"name": "Jeeves"}}, "metadata.name: Extra inputs are not permitted"),
    ({"metadata": {"user_id": 7}}, "metadata.user_id: Input should be a valid string"),
    ({"metadata": {"user_id": "x" * 257}}, "metadata.user_id: String should have at most 256 characters"),
    ({"metadata": {"user_id": "a@b.org"}}, "metadata.user_id: user_id appears to contain an email address"),
]

MESSAGES = [
    ({"messages": []}, "messages: at least one message is required"),
    ({"messages": [assistant("Hi"), user("Hi")]}, 'messages: first message must use the "user" role'),
    ({"messages": [{"role": "tool", "content": "Hi"}]}, "messages.0.role: Input should be 'user' or 'assistant'"),
    ({"messages": [user("Hi"), assistant("I")]}, "This model does not support assistant message prefill."),
    ({"messages": [user()]}, "messages.0: all messages must have non-empty content"),
    ({"messages": [user("")]}, "messages: text content blocks must be non-empty"),
    ({"messages": [user(text(""))]}, "messages: text content blocks must be non-empty"),
    ({"messages": [user(" \n")]}, "messages: text content blocks must contain non-whitespace text"),
    ({"system": [text("")]}, "system: text content blocks must be non-empty"),
    ({"messages": [user({"type": "video"})]}, "messages.0.content.0: Input tag 'video' found using 'type'"),
    ({"messages": [user(call())]}, "messages.0.content.0: `tool_use` blocks can only be in `assistant` messages"),
    ({"messages": [user("Hi"), assistant(PICTURE), user("Hi")]}, "`image` blocks can only be in `user` messages"),
    ({"messages": [user("Hi"), assistant(PAPER), user("Hi")]}, "`document` blocks can only be in `user` messages"),
    ({"messages": [user(text("Hi", citations=[{}]))]}, "messages.0.content.0.text.citations: citations are not"),
]

CALLS = [
    (
        TOOLS | {"messages": [*CALLED, user("Well?")]},
        (
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_a. Each "
            "`tool_use` block must have a corresponding `tool_result` block in the next message."
        ),
    ),
    (
        TOOLS | {"messages": [*CALLED, user(text("Well?"), result())]},
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_a.",
    ),
    (
        TOOLS | {"messages": [*CALLED, user("No"), assistant("Oh"), user(result())]},
        "messages.1: `tool_use` ids were found without",
    ),
    (
        TOOLS | {"messages": [user(result())]},
        (
            "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_a. Each `tool_result` "
            "block must have a corresponding `tool_use` block in the previous message."
        ),
    ),
    (
        TOOLS | {"messages": [*CALLED, user(result(), result())]},
        "messages.2.content.1: each tool_use must have a single result.",
    ),
    (
        TOOLS | {"messages": [*CALLED, user(result()), assistant(call()), user(result())]},
        "messages.3.content.0: `tool_use` ids must be unique",
    ),
    ({"messages": [*CALLED, user(result())]}, "Requests which include `tool_use` or `tool_result` blocks must define"),
    (TOOLS | {"messages": [user("Go"), assistant(call(input="x")), user(result())]}, "tool_use.input: Input should be"),
    (TOOLS | {"messages": [*CALLED, user(result(is_error=True, content=""))]}, "content cannot be empty if `is_error`"),
    (TOOLS | {"messages": [*CALLED, user(result(content=[text("")]))]}, "text content blocks must be non-empty"),
    (TOOLS | {"messages": [*CALLED, user(result("a b"))]}, "tool_use_id: String should match pattern"),
]

DEFINITIONS = [
    ({"tools": [TOOL | {"name": "a b"}]}, "tools.0.custom.name: String should match pattern"),
    ({"tools": [TOOL | {"name": "x" * 129}]}, "tools.0.custom.name: String should match pattern"),
    ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
    ({"tools": [{"name": "look"}]}, "tools.0.custom.input_schema: Field required"),
    ({"tools": [TOOL | {"colour": "red"}]}, "tools.0.custom.colour: Extra inputs are not permitted"),
    ({"tools": [{"name": "look", "input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
    (schema(type="string"), "tools.0.custom.input_schema.type: Input should be 'object'"),
    (schema(anyOf=[]), "input_schema does not support oneOf, allOf, or anyOf at the top level"),
    (schema(properties={"a b": {}}), "tools.0.custom.input_schema.properties: Property keys should match pattern"),
    (schema(properties={"a": {"type": "text"}}), "JSON schema is invalid. It must match JSON Schema draft 2020-12"),
    (schema(required="a"), "JSON schema is invalid."),
    (strict(), "For 'object' type, 'additionalProperties' must be explicitly set to false"),
    (
        strict(additionalProperties=False, properties={"a": {"type": "integer", "minimum": 1}}),
        "For 'integer' type, properties minimum are not supported",
    ),
    ({"tool_choice": {"type": "auto"}}, "tool_choice may only be specified while providing tools."),
    (TOOLS | {"tool_choice": {"type": "some"}}, "tool_choice: Input tag 'some' found using 'type'"),
    (TOOLS | {"tool_choice": {"type": "any"}}, 'tool_choice: type "tool" and "any" are not supported for this model.'),
    (TOOLS | {"tool_choice": {"type": "tool", "name": "look"}}, 'tool_choice: type "tool" and "any" are not supported'),
    (
        TOOLS | {"tool_choice": {"type": "tool", "name": "go"}, "model": OLD_MODEL},
        "tool_choice: Tool 'go' not found in provided tools",
    ),
]

BREAKPOINTS = [
    ({"cache_control": {"type": "forever"}}, "cache_control.type: Input should be 'ephemeral'"),
    ({"cache_control": {"type": "ephemeral", "ttl": "2h"}}, "cache_control.ttl: Input should be '5m' or '1h'"),
    ({"messages": [user(*[text("Hi", **CACHED)] * 5)]}, "A maximum of 4 blocks with cache_control may be provided."),
    ({"messages": [user(*[text("Hi", **CACHED)] * 4, text("Hi"))], **CACHED}, "may be provided. Found 5."),
    ({"messages": [user(text("", **CACHED))]}, "messages.0.content.0.text: cache_control cannot be set for empty"),
    (
        {"messages": [user("Hi"), assistant({"type": "thinking", "thinking": "", "signature": "", **CACHED})]},
        "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted",
    ),
    (
        {"system": [text("Be brief", **CACHED)], "messages": [user(text("Hi", **CACHED_1H))]},
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.",
    ),
    ({"messages": [user(text("Hi", **CACHED_1H))], **CACHED}, "cache_control: the last block has a breakpoint with"),
]


@pytest.mark.parametrize(("changes", "message"), SHAPES + MESSAGES + CALLS + DEFINITIONS + BREAKPOINTS)
def test_refuses_what_the_vendor_refuses(server: AnthropicServer, changes: dict[str, Any], message: str) -> None:
    """A request that breaks a rule gets a 400 whose message names the place."""
    received = send(server, request(**changes))
    assert (received.status, received.body["error"]["type"]) == (400, "invalid_request_error")
    assert message in received.message


def test_refuses_an_unknown_model(server: AnthropicServer) -> None:
    """A model that the vendor does not offer is not found, neither for an answer nor for a count."""
    for body, path in (
        (request(model="claude-butler-1"), "/v1/messages"),
        ({"model": "claude-butler-1", "messages": [user("Hi")]}, "/v1/messages/count_tokens"),
    ):
        received = send(server, body, path)
        assert (received.status, received.message) == (404, "model: claude-butler-1")


def test_counts_nothing_but_a_prompt(server: AnthropicServer) -> None:
    """A request for a count may not carry what belongs to an answer, and keeps all other rules."""
    received = send(server, request(), "/v1/messages/count_tokens")
    assert (received.status, received.message) == (400, "max_tokens: Extra inputs are not permitted")
    prompt = {"model": request()["model"], "messages": [*CALLED, user("Well?")], **TOOLS}
    assert send(server, prompt, "/v1/messages/count_tokens").message.startswith("messages.1: `tool_use` ids")


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": [user("Hi"), user("Hello?")]},
        TOOLS | {"messages": [*CALLED, user(result()), user("And now?")]},
        TOOLS | {"messages": [*CALLED, user(result(content=[text("fine"), PICTURE]), text("Well?"))]},
        TOOLS | {"tool_choice": {"type": "none"}},
        TOOLS | {"tool_choice": {"type": "any"}, "model": OLD_MODEL},
        {"messages": [user(text("Hi", **CACHED_1H), text("Hi", **CACHED))], "system": "Be brief", **CACHED},
        {"messages": [user("Hi"), assistant("Yes"), user(PAPER)], "metadata": {"user_id": "7d1f"}},
        strict(additionalProperties=False, properties={"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}),
    ],
)
def test_takes_what_the_vendor_takes(server: AnthropicServer, changes: dict[str, Any]) -> None:
    """Requests at the edge of the rules are answered."""
    assert send(server, request(**changes)).status == 200


def test_knows_sampling_parameters_of_the_version_before(server: AnthropicServer) -> None:
    """Under the old version older models take a temperature, newer ones only its default."""
    old = HEADERS | {"anthropic-version": OLD_VERSION}
    assert send(server, request(model=OLD_MODEL, temperature=0.5), headers=old).status == 200
    assert send(server, request(temperature=1.0), headers=old).status == 200
    refused = send(server, request(temperature=0.5), headers=old)
    assert (refused.status, "temperature" in refused.message) == (400, True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The request body is not valid JSON"),
        (b"[]", "Input should be an object"),
        (b'{"max_tokens": NaN}', "The request body is not valid JSON: unexpected NaN"),
        (b'{"model": "\xff"}', "The request body is not valid JSON"),
        (b'{"model": "\\ud83d"}', "The request body is not valid JSON: no low surrogate in string"),
    ],
)
def test_refuses_what_is_no_json(server: AnthropicServer, body: bytes, message: str) -> None:
    """Broken JSON, broken UTF-8 and halves of characters are refused."""
    received = send(server, body)
    assert (received.status, message in received.message) == (400, True)


def test_refuses_a_prompt_beyond_the_context_window() -> None:
    """A prompt of more tokens than the window holds is refused with both numbers, but can be counted."""
    with AnthropicServer(context=100) as small:
        received = send(small, request(messages=[user("x" * 700)]))
        assert (received.status, received.message) == (400, "prompt is too long: 204 tokens > 100 maximum")
        counted = {"model": request()["model"], "messages": [user("x" * 700)]}
        assert send(small, counted, "/v1/messages/count_tokens").body == {"input_tokens": 204}


def test_refuses_more_than_32_megabytes(server: AnthropicServer) -> None:
    """A request that is too large gets a 413, whatever is in it."""
    received = send(server, b" " * (32 * 2**20 + 1))
    assert (received.status, received.body["error"]["type"]) == (413, "request_too_large")

"""Tests that the double of the Messages API keeps the vendor's rules of thinking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.anthropic_models import BINDING_BETA
from tests.anthropic_samples import HEADERS, OLD_MODEL, TOOL, assistant, request, send, user
from tests.anthropic_server import AnthropicServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SONNET, OPUS, HAIKU = "claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5"
OTHER_KEY = "sk-ant-other-key"


@pytest.fixture
def server() -> Iterator[AnthropicServer]:
    """Run a double that two accounts may use."""
    with AnthropicServer([HEADERS["authorization"].split()[1], OTHER_KEY]) as running:
        yield running


def settings(model: str, thinking: dict[str, Any] | None, effort: str | None = None) -> dict[str, Any]:
    """Return a request with settings of thinking and effort."""
    chosen: dict[str, Any] = {"model": model}
    if thinking:
        chosen["thinking"] = thinking
    if effort:
        chosen["output_config"] = {"effort": effort}
    return request(**chosen)


BUDGET = {"type": "enabled", "budget_tokens": 1024}


@pytest.mark.parametrize(
    ("model", "thinking", "effort", "message"),
    [
        (SONNET, {"type": "disabled"}, None, 'Use "thinking.type.between_tools" for the lowest thinking setting'),
        (SONNET, BUDGET, None, '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive"'),
        (SONNET, {"type": "between_tools"}, "xhigh", "output_config.effort 'xhigh' is not supported when thinking is"),
        (SONNET, {"type": "between_tools", "display": "omitted"}, None, "thinking.between_tools.display: Extra inputs"),
        (SONNET, {"type": "adaptive", "budget_tokens": 1024}, None, "thinking.adaptive.budget_tokens: Extra inputs"),
        (SONNET, {"type": "adaptive", "display": "full"}, None, "thinking.adaptive.display: Input should be"),
        (SONNET, {"type": "adaptive", "block_binding": {}}, None, "thinking.adaptive.block_binding: Extra inputs"),
        (SONNET, {"type": "sometimes"}, None, "thinking: Input tag 'sometimes' found using 'type'"),
        (SONNET, None, "extreme", "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"),
        (OPUS, {"type": "disabled"}, None, 'Use "thinking.type.adaptive" and "output_config.effort"'),
        (OPUS, {"type": "between_tools"}, None, '"thinking.type.between_tools" is not supported for this model.'),
        (HAIKU, BUDGET, None, '"thinking.type.enabled" is not supported for this model.'),
        (HAIKU, {"type": "disabled"}, "max", "output_config.effort 'max' is not supported when thinking is disabled"),
        (OLD_MODEL, {"type": "adaptive"}, None, "adaptive thinking is not supported on this model"),
        (OLD_MODEL, {"type": "enabled", "budget_tokens": 10}, None, "Input should be greater than or equal to 1024"),
        (OLD_MODEL, BUDGET, None, "`max_tokens` must be greater than `thinking.budget_tokens`."),
        (OLD_MODEL, None, "low", "This model does not support the effort parameter."),
    ],
)
def test_refuses_settings_that_a_model_does_not_take(
    server: AnthropicServer, model: str, thinking: dict[str, Any] | None, effort: str | None, message: str
) -> None:
    """Every model takes its own kinds of thinking and effort and no others."""
    received = send(server, settings(model, thinking, effort))
    assert (received.status, message in received.message) == (400, True), received.message


@pytest.mark.parametrize(
    ("model", "thinking", "effort"),
    [
        (SONNET, {"type": "between_tools"}, "high"),
        (SONNET, {"type": "adaptive", "display": "summarized"}, "max"),
        (OPUS, None, "low"),
        (HAIKU, {"type": "disabled"}, "high"),
        (OLD_MODEL, {"type": "disabled"}, None),
    ],
)
def test_takes_settings_that_a_model_takes(
    server: AnthropicServer, model: str, thinking: dict[str, Any] | None, effort: str | None
) -> None:
    """The documented settings are accepted."""
    assert send(server, settings(model, thinking, effort)).status == 200


def test_forced_tools_do_not_go_with_thinking(server: AnthropicServer) -> None:
    """A model that can be forced to a tool cannot at the same time be told to think."""
    forced = {"tools": [TOOL], "tool_choice": {"type": "any"}}
    assert send(server, settings(HAIKU, None) | forced).status == 200
    received = send(server, settings(HAIKU, {"type": "adaptive"}) | forced)
    assert received.message == "Thinking may not be enabled when tool_choice forces tool use."


def test_shows_thinking_only_when_asked(server: AnthropicServer) -> None:
    """Thinking comes without its text by default, with it for `summarized`, and not at all when it is off."""
    seen = []
    for model, thinking in (
        (SONNET, None),
        (SONNET, {"type": "adaptive", "display": "summarized"}),
        (SONNET, {"type": "between_tools"}),
        (HAIKU, {"type": "disabled"}),
    ):
        server.thinks("The guests are late", "Patience")
        first = send(server, settings(model, thinking)).body["content"][0]
        seen.append((first["type"], first.get("thinking")))
    shown = ("thinking", "The guests are late")
    assert seen == [("thinking", ""), shown, shown, ("text", None)]


def conversation(server: AnthropicServer, model: str = SONNET) -> list[dict[str, Any]]:
    """Let the model think, and return a conversation that goes on after it."""
    server.thinks("The guests are late", "Patience")
    answer = send(server, request(model=model, system="Be brief", messages=[user("When?")])).body
    return [user("When?"), assistant(*answer["content"]), user("And now?")]


def continued(messages: list[dict[str, Any]], **changes: object) -> dict[str, Any]:
    """Return the request that continues a conversation, but for the changes."""
    return request(**{"system": "Be brief", "messages": messages, **changes})


def test_takes_its_own_thinking_back(server: AnthropicServer) -> None:
    """A thinking block that comes back unmodified after the same prefix is accepted, and moving breakpoints is free."""
    messages = conversation(server)
    assert send(server, continued(messages)).status == 200
    assert send(server, continued(messages, cache_control={"type": "ephemeral"}, max_tokens=7)).status == 200


def test_refuses_thinking_that_it_never_gave(server: AnthropicServer) -> None:
    """A made-up signature or a changed text is refused without talk of another conversation."""
    messages = conversation(server)
    for changed in ({"signature": "bWFkZSB1cA=="}, {"signature": "?"}, {"thinking": "The guests are early"}):
        block = messages[1]["content"][0] | changed
        received = send(server, continued([messages[0], assistant(block), messages[2]]))
        assert received.message == "messages.1.content.0: Invalid `signature` in `thinking` block"


@pytest.mark.parametrize("what", ["system", "tools", "messages"])
def test_refuses_thinking_of_another_conversation(server: AnthropicServer, what: str) -> None:
    """A change of anything before a thinking block invalidates it, for an answer as for a count."""
    body = continued(conversation(server))
    changed = {
        "system": "Be very brief",
        "tools": [TOOL],
        "messages": [user("When exactly?"), *body["messages"][1:]],
    }
    body[what] = changed[what]
    counted = {name: value for name, value in body.items() if name != "max_tokens"}
    for received in (send(server, body), send(server, counted, "/v1/messages/count_tokens")):
        assert received.status == 400
        assert received.message == (
            "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different "
            "conversation. Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "
            '"drop_block".'
        )


def test_drops_thinking_of_another_conversation_when_told(server: AnthropicServer) -> None:
    """With the beta for it, mismatching thinking is dropped and not paid for instead of refused."""
    binding = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    messages = conversation(server)
    body = continued(messages, system="Be very brief", thinking=binding)
    dropped = send(server, body, headers=HEADERS | {"anthropic-beta": BINDING_BETA})
    assert dropped.status == 200
    without = send(server, continued([messages[0], assistant("Patience"), messages[2]], system="Be very brief"))
    assert dropped.body["usage"]["input_tokens"] == without.body["usage"]["input_tokens"]


def test_drops_thinking_that_cannot_be_read(server: AnthropicServer) -> None:
    """The thinking of another model or account is dropped without an error."""
    messages = conversation(server)
    assert send(server, continued(messages, model=OPUS, system="Other")).status == 200
    other = HEADERS | {"authorization": f"Bearer {OTHER_KEY}"}
    assert send(server, continued(messages, system="Other"), headers=other).status == 200


def test_a_budget_wants_the_thinking_of_a_tool_loop_back(server: AnthropicServer) -> None:
    """With thinking enabled, the turn that called the tools must begin with its thinking."""
    call = {"type": "tool_use", "id": "toolu_a", "name": "look", "input": {}}
    answered = user({"type": "tool_result", "tool_use_id": "toolu_a", "content": "fine"})
    body = request(model=OLD_MODEL, max_tokens=2000, thinking=BUDGET, tools=[TOOL])
    received = send(server, body | {"messages": [user("Go"), assistant(call), answered]})
    assert "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`" in received.message

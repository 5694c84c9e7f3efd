"""A scripted answer as the vendor sends it: one message, or server-sent events with cumulative usage."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from tests.anthropic_prompt import CALL_TOKENS
from tests.anthropic_thinking import Seal, digest_of, shows_thinking, thinking_type
from tests.measure import Budget, compact, tokens_of
from tests.sending import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anthropic_cache import Lookup
    from tests.anthropic_models import Model
    from tests.anthropic_prompt import Prompt
    from tests.anthropic_script import Answer
    from tests.anthropic_shapes import CreateMessage


@dataclass(frozen=True)
class Part:
    """One content block of an answer."""

    kind: str
    text: str
    tokens: int
    id: str = ""
    name: str = ""
    signature: str = ""

    def block(self) -> dict[str, Any]:
        """Return the block as a message carries it."""
        if self.kind == "text":
            return {"type": "text", "text": self.text, "citations": None}
        if self.kind == "thinking":
            return {"type": "thinking", "thinking": self.text, "signature": self.signature}
        return self._call(_parsed(self.text))

    def opening(self) -> dict[str, Any]:
        """Return the empty block with which the stream of its deltas begins."""
        if self.kind == "text":
            return {"type": "text", "text": ""}
        if self.kind == "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        return self._call({})

    def _call(self, arguments: object) -> dict[str, Any]:
        return {
            "type": "tool_use",
            "id": self.id,
            "name": self.name,
            "input": arguments,
            "caller": {"type": "direct"},
        }


@dataclass
class Reply:
    """A whole answer with what the vendor says about it."""

    model: str
    lookup: Lookup
    stop_reason: str
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None
    id: str = field(default_factory=lambda: f"msg_{token_hex(12)}")
    parts: list[Part] = field(default_factory=list)

    @property
    def output_tokens(self) -> int:
        """What the answer costs; only a refusal can cost nothing."""
        cost = sum(part.tokens for part in self.parts)
        return cost if cost or self.stop_reason == "refusal" else 1

    def usage(self, output_tokens: int) -> dict[str, Any]:
        """Return the usage after so many output tokens."""
        thought = sum(part.tokens for part in self.parts if part.kind == "thinking")
        return {
            **self.lookup.usage(),
            "output_tokens": output_tokens,
            "output_tokens_details": {"thinking_tokens": min(thought, output_tokens)},
            "service_tier": "standard",
            "inference_geo": "not_available",
        }

    def message(self) -> dict[str, Any]:
        """Return the message that answers a request without streaming."""
        return {
            **self._envelope(),
            "content": [part.block() for part in self.parts],
            **self._ending(),
            "usage": self.usage(self.output_tokens),
        }

    def events(self, chunk: int) -> Iterator[Event]:
        """Yield the events of a stream, the deltas of at most so many characters or whole ones for 0."""
        done = min(1, self.output_tokens)
        ending = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
        message = {**self._envelope(), "content": [], **ending, "usage": self.usage(done)}
        yield _event("message_start", {"message": message}, done)
        yield _event("ping", {}, done)
        before = 0
        for index, part in enumerate(self.parts):
            yield _event("content_block_start", {"index": index, "content_block": part.opening()}, max(done, before))
            for delta, sent in _deltas(part, chunk):
                done = max(done, before + min(part.tokens, sent))
                yield _event("content_block_delta", {"index": index, "delta": delta}, done, is_delta=True)
            before += part.tokens
            done = max(done, before)
            yield _event("content_block_stop", {"index": index}, done)
        usage = self.usage(self.output_tokens)
        yield _event("message_delta", {"delta": self._ending(), "usage": usage}, self.output_tokens)
        yield _event("message_stop", {}, self.output_tokens)

    def _envelope(self) -> dict[str, Any]:
        return {"id": self.id, "type": "message", "role": "assistant", "model": self.model}

    def _ending(self) -> dict[str, Any]:
        return {
            "stop_reason": self.stop_reason,
            "stop_sequence": self.stop_sequence,
            "stop_details": self.stop_details,
        }


def compose(answer: Answer, request: CreateMessage, model: Model, prompt: Prompt, key: str, lookup: Lookup) -> Reply:
    """Return the answer that the vendor would give to a request, cut where its `max_tokens` end."""
    reply = Reply(model.id, lookup, answer.stop_reason or ("tool_use" if answer.tool_calls else "end_turn"))
    reply.stop_sequence = answer.stop_sequence
    if reply.stop_reason == "refusal":
        reply.stop_details = {"type": "refusal", "category": answer.category, "explanation": None}
    budget = Budget(request.max_tokens)
    if answer.thinking and thinking_type(request, model) != "disabled" and (fitted := budget.fit(answer.thinking)):
        shown = fitted[0] if shows_thinking(request, model) else ""
        seal = Seal(model.id, key, prompt.digest.hex(), digest_of(shown), fitted[1])
        reply.parts.append(Part("thinking", shown, fitted[1], signature=seal.sign()))
    if answer.text and (fitted := budget.fit(answer.text)):
        reply.parts.append(Part("text", *fitted))
    for number, call in enumerate(answer.tool_calls, 1):
        text = call.arguments if isinstance(call.arguments, str) else compact(call.arguments)
        sent = text[: answer.json_cut] if number == len(answer.tool_calls) else text
        if fitted := budget.fit(sent, CALL_TOKENS + tokens_of(call.name)):
            reply.parts.append(Part("tool_use", *fitted, id=f"toolu_{token_hex(12)}", name=call.name))
    if budget.exceeded or (answer.json_cut is not None and answer.stop_reason is None):
        reply.stop_reason = "max_tokens"
    return reply


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {}


def _deltas(part: Part, chunk: int) -> Iterator[tuple[dict[str, str], int]]:
    size = chunk or max(1, len(part.text))
    pieces = [part.text[start : start + size] for start in range(0, len(part.text), size)]
    sent = 0
    if part.kind == "tool_use":
        yield {"type": "input_json_delta", "partial_json": ""}, 1
    for piece in pieces:
        sent += len(piece.encode())
        tokens = -(-sent * 2 // 7)
        match part.kind:
            case "text":
                yield {"type": "text_delta", "text": piece}, tokens
            case "thinking":
                yield {"type": "thinking_delta", "thinking": piece}, tokens
            case _:
                yield {"type": "input_json_delta", "partial_json": piece}, tokens
    if part.kind == "thinking":
        yield {"type": "signature_delta", "signature": part.signature}, part.tokens


def _event(name: str, content: dict[str, Any], output_tokens: int, *, is_delta: bool = False) -> Event:
    return Event(sse(name, {"type": name, **content}), output_tokens, is_delta)


def sse(name: str, content: object) -> bytes:
    """Return a server-sent event."""
    return f"event: {name}\ndata: {compact(content)}\n\n".encode()

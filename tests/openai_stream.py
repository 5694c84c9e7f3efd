"""A scripted answer as a provider of the Chat Completions API sends it: one completion, or chunks."""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_hex
from time import time
from typing import TYPE_CHECKING, Any

from tests.measure import Budget, compact, tokens_of
from tests.sending import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.openai_models import Flavour
    from tests.openai_script import Answer
    from tests.openai_shapes import CreateCompletion

CALL_TOKENS = 4
DONE = b"data: [DONE]\n\n"
PROCESSING = b": OPENROUTER PROCESSING\n\n"


@dataclass(frozen=True)
class Written:
    """One call of an answer."""

    id: str
    name: str
    arguments: str
    tokens: int


@dataclass
class Completion:
    """A whole answer with what the provider says about it."""

    flavour: Flavour
    answer: Answer
    model: str
    prompt_tokens: int
    cached_tokens: int
    tells_usage: bool
    text: str = ""
    refusal: str = ""
    calls: list[Written] = field(default_factory=list)
    finish_reason: str = "stop"
    text_tokens: int = 0
    id: str = field(default_factory=lambda: f"chatcmpl-{token_hex(12)}")

    @property
    def output_tokens(self) -> int:
        """What the answer costs."""
        return max(1, self.answer.reasoning + self.text_tokens + sum(call.tokens for call in self.calls))

    def usage(self, output_tokens: int) -> dict[str, Any]:
        """Return the usage after so many output tokens."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": self.prompt_tokens + output_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": min(self.answer.reasoning, output_tokens)},
        }

    def message(self) -> dict[str, Any]:
        """Return the completion that answers a request without streaming."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None, "refusal": self.refusal or None}
        if self.calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        whole = {**self._envelope("chat.completion"), "choices": [choice]}
        return whole | ({"usage": self.usage(self.output_tokens)} if self.answer.usage else {})

    def events(self, chunk: int) -> Iterator[Event]:
        """Yield the chunks of a stream, the deltas of at most so many characters or whole ones for 0."""
        if self.flavour.name == "openrouter":
            yield Event(PROCESSING, 0)
        done = self.answer.reasoning
        extra: dict[str, Any] = {"x_groq": {"id": self.id}} if self.flavour.name == "groq" else {}
        yield self._chunk({"role": "assistant", "content": ""}, done, **extra)
        for name, text in (("content", self.text), ("refusal", self.refusal)):
            sent = 0
            for piece in pieces(text, chunk):
                sent += len(piece.encode())
                now = done + min(self.text_tokens, -(-sent * 2 // 7))
                yield self._chunk({name: piece}, now, is_delta=True)
        done += self.text_tokens
        for index, call in enumerate(self.calls):
            done += call.tokens
            for delta in self._call(index, call, chunk):
                yield self._chunk(delta, done, is_delta=True)
        if self.flavour.name == "groq" and self.answer.usage:
            extra["x_groq"]["usage"] = self.usage(self.output_tokens)
        yield self._chunk({}, self.output_tokens, finish_reason=self.finish_reason, **extra)
        if self.tells_usage and self.answer.usage:
            last = {**self._envelope("chat.completion.chunk"), "choices": [], "usage": self.usage(self.output_tokens)}
            yield Event(sse(last), self.output_tokens)
        yield Event(DONE, self.output_tokens)

    def failure(self, error: dict[str, Any]) -> bytes:
        """Return the chunk with which a stream fails in the middle."""
        if self.flavour.name != "openrouter":
            return sse(error)
        choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": "error"}
        return sse({**self._envelope("chat.completion.chunk"), "error": error["error"], "choices": [choice]})

    def _envelope(self, kind: str) -> dict[str, Any]:
        envelope = {"id": self.id, "object": kind, "created": int(time()), "model": self.model}
        return envelope | ({"provider": "Somebody"} if self.flavour.name == "openrouter" else {})

    def _chunk(
        self, delta: dict[str, Any], tokens: int, *, finish_reason: str | None = None, is_delta: bool = False, **extra: Any
    ) -> Event:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self.tells_usage else {}
        return Event(sse({**self._envelope("chat.completion.chunk"), "choices": [choice], **usage, **extra}), tokens, is_delta)

    def _call(self, index: int, call: Written, chunk: int) -> Iterator[dict[str, Any]]:
        sloppy = self.answer.sloppy
        if sloppy == "old":
            yield {"function_call": {"name": call.name, "arguments": ""}}
            for piece in pieces(call.arguments, chunk):
                yield {"function_call": {"arguments": piece}}
            return
        where: dict[str, Any] = {} if sloppy == "no index" else {"index": 0 if sloppy == "one index" else index}
        named: dict[str, Any] = {} if sloppy == "no ids" else {"id": call.id}
        first = call.arguments if sloppy == "whole" else ""
        yield {"tool_calls": [{**where, **named, "type": "function", "function": {"name": call.name, "arguments": first}}]}
        for piece in pieces(call.arguments[len(first) :], chunk):
            yield {"tool_calls": [{**where, "function": {"arguments": piece}}]}


def compose(answer: Answer, request: CreateCompletion, flavour: Flavour, prompt_tokens: int, cached_tokens: int) -> Completion:
    """Return the answer that the provider would give to a request, cut where its most tokens end."""
    tells = request.stream_options is not None and request.stream_options.include_usage
    reply = Completion(flavour, answer, request.model, prompt_tokens, cached_tokens, tells)
    budget = Budget((request.most or 4096) - answer.reasoning)
    for name, text in (("text", answer.text), ("refusal", answer.refusal)):
        if text and (fitted := budget.fit(text)):
            setattr(reply, name, fitted[0])
            reply.text_tokens += fitted[1]
    one_id = f"call_{token_hex(12)}"
    for number, call in enumerate(answer.tool_calls, 1):
        text = call.arguments if isinstance(call.arguments, str) else compact(call.arguments)
        sent = text[: answer.json_cut] if number == len(answer.tool_calls) else text
        if fitted := budget.fit(sent, CALL_TOKENS + tokens_of(call.name)):
            call_id = one_id if answer.sloppy == "same ids" else f"call_{token_hex(12)}"
            reply.calls.append(Written(call_id, call.name, *fitted))
    named = {"stops": "stop", "old": "function_call"}.get(answer.sloppy, "tool_calls")
    reply.finish_reason = answer.finish_reason or (named if answer.tool_calls else "stop")
    if budget.exceeded or (answer.json_cut is not None and answer.finish_reason is None):
        reply.finish_reason = "length"
    return reply


def pieces(text: str, chunk: int) -> list[str]:
    """Cut a text into pieces of so many characters."""
    size = chunk or max(1, len(text))
    return [text[start : start + size] for start in range(0, len(text), size)]


def sse(content: object) -> bytes:
    """Return a server-sent event."""
    return f"data: {compact(content)}\n\n".encode()

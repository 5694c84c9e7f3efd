"""A prompt of the house in the words of the Chat Completions API, and in what its providers differ."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.ports import Block, Call, Image, Prompt, Result, Route, Text

Json = dict[str, Any]


@dataclass(frozen=True)
class Traits:
    """In what a provider differs from the others."""

    longest: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # how it is told how long an answer may be
    key_check: str = "/models"  # what only a good key may look at


TRAITS = {
    "openai": Traits(longest="max_completion_tokens"),
    "openrouter": Traits(key_check="/key"),  # everybody may look at its list of models
}
PLAIN = Traits()  # Groq, Nvidia, Sokosumi, and every server that somebody runs


def request(prompt: Prompt, route: Route, traits: Traits) -> Json:
    """Return the arguments of the SDK's method for a prompt."""
    wanted: Json = {
        "model": route.model,
        "messages": list(_messages(prompt)),
        "stream_options": {"include_usage": True},
        traits.longest: prompt.max_output,
    }
    if prompt.tools:
        wanted["tools"] = [
            {
                "type": "function",
                "function": {"name": form.name, "description": form.description, "parameters": form.arguments},
            }
            for form in prompt.tools
        ]
    if route.effort:
        wanted["reasoning_effort"] = route.effort
    return wanted


def _messages(prompt: Prompt) -> Iterator[Json]:
    if prompt.system:
        yield {"role": "system", "content": prompt.system}
    for role, blocks in _merged(prompt):
        if role == "butler":
            yield _said(blocks)
            continue
        for block in blocks:  # all of them before any word of the person: nothing may come between calls and results
            if isinstance(block, Result):
                yield {"role": "tool", "tool_call_id": block.call_id, "content": block.text}
        if any(isinstance(block, Text | Image) for block in blocks):
            yield {"role": "user", "content": _shown(blocks)}


def _merged(prompt: Prompt) -> Iterator[tuple[str, Sequence[Block]]]:
    """Give the blocks of neighbours with the same role together, without thoughts, which are other models'."""
    role, blocks = "", list[Block]()
    for message in prompt.messages:
        content = [block for block in message.content if block.type != "thought"]
        if content and message.role != role:
            if blocks:
                yield role, blocks
            role, blocks = message.role, []
        blocks += content
    if blocks:
        yield role, blocks


def _said(blocks: Sequence[Block]) -> Json:
    message: Json = {"role": "assistant"}
    texts = [block.text for block in blocks if isinstance(block, Text)]
    if texts:
        message["content"] = "\n\n".join(texts)
    calls = [
        {"id": block.id, "type": "function", "function": {"name": block.name, "arguments": json.dumps(block.arguments)}}
        for block in blocks
        if isinstance(block, Call)
    ]
    if calls:
        message["tool_calls"] = calls
    return message


def _shown(blocks: Sequence[Block]) -> str | list[Json]:
    """Return a person's words as one string, which every server takes, or as parts where there is a picture among them."""
    if not any(isinstance(block, Image) for block in blocks):
        return "\n\n".join(block.text for block in blocks if isinstance(block, Text))
    parts: list[Json] = []
    for block in blocks:
        if isinstance(block, Text):
            parts.append({"type": "text", "text": block.text})
        elif isinstance(block, Image):
            parts.append({"type": "image_url", "image_url": {"url": f"data:{block.media_type};base64,{block.data}"}})
    return parts

"""A prompt of the house in the words of the Chat Completions API, and in what its providers differ."""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.ports import NO_LONGER_KEPT, Block, Call, Document, Image, Load, Prompt, Result, Route, Text, nothing_kept

Json = dict[str, Any]


@dataclass(frozen=True)
class Traits:
    """In what a provider differs from the others."""

    longest: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # how it is told how long an answer may be
    key_check: str = "/models"  # what only a good key may look at
    reads_pdf: bool = False  # else it is given the words of one


TRAITS = {
    "openai": Traits(longest="max_completion_tokens", reads_pdf=True),
    "openrouter": Traits(key_check="/key", reads_pdf=True),  # everybody may look at its list of models
}
PLAIN = Traits()  # Groq, Nvidia, Sokosumi, and every server that somebody runs


def request(prompt: Prompt, route: Route, traits: Traits, load: Load = nothing_kept) -> Json:
    """Return the arguments of the SDK's method for a prompt."""
    wanted: Json = {
        "model": route.model,
        "messages": list(_messages(prompt, traits, load)),
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


def _messages(prompt: Prompt, traits: Traits, load: Load) -> Iterator[Json]:
    if prompt.system:
        yield {"role": "system", "content": prompt.system}
    for role, blocks in _merged(prompt):
        if role == "butler":
            yield _said(blocks)
            continue
        for block in blocks:  # all of them before any word of the person: nothing may come between calls and results
            if isinstance(block, Result):
                yield {"role": "tool", "tool_call_id": block.call_id, "content": block.text}
        if any(isinstance(block, Text | Image | Document) for block in blocks):
            yield {"role": "user", "content": _shown(blocks, traits, load)}


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


def _shown(blocks: Sequence[Block], traits: Traits, load: Load) -> str | list[Json]:
    """Return a person's words as one string, which every server takes, or as parts where something is shown among them."""
    parts = [part for block in blocks if (part := _part(block, traits, load)) is not None]
    if all(part["type"] == "text" for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return parts


def _part(block: Block, traits: Traits, load: Load) -> Json | None:
    match block:
        case Text():
            return _words(block.text)
        case Image():
            found = load(block.sha256)
            return _words(NO_LONGER_KEPT) if found is None else _picture(block, found)
        case Document() if traits.reads_pdf:
            found = load(block.sha256)
            return _words(NO_LONGER_KEPT) if found is None else _file(block, found)
        case Document():
            found = load(block.text)
            return _words(NO_LONGER_KEPT if found is None else f"<file>\n{found.decode()}\n</file>")
        case _:
            return None


def _words(text: str) -> Json:
    return {"type": "text", "text": text}


def _picture(block: Image, content: bytes) -> Json:
    return {"type": "image_url", "image_url": {"url": f"data:{block.media_type};base64,{b64encode(content).decode()}"}}


def _file(block: Document, content: bytes) -> Json:
    sent = f"data:application/pdf;base64,{b64encode(content).decode()}"
    return {"type": "file", "file": {"filename": block.name, "file_data": sent}}

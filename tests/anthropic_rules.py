"""The vendor's rules of conversations: roles, texts, tool results and cache breakpoints."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from tests.anthropic_blocks import Document, Image, Message, Text, Thinking, ToolResult, ToolUse
from tests.anthropic_models import VERSION, Model, invalid
from tests.anthropic_pictures import check_shown
from tests.anthropic_shapes import CreateMessage, OldCreateMessage
from tests.anthropic_thinking import check_thinking
from tests.anthropic_tools import check_tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.anthropic_prompt import Prompt
    from tests.anthropic_shapes import CountTokens

_MOST_BREAKPOINTS = 4
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PREFILL = "This model does not support assistant message prefill. The conversation must end with a user message."


def check_request(request: CountTokens, model: Model, version: str) -> None:
    """Refuse a request of the right shape that breaks one of the vendor's rules."""
    check_tools(request)
    _check_roles(request.messages)
    _check_system(request)
    for number, message in enumerate(request.messages):
        _check_message(message, number, version)
    _check_calls(request)
    check_shown(request.messages)
    check_thinking(request, model)
    if isinstance(request, CreateMessage):
        _check_output(request, model)


def _check_roles(messages: Sequence[Message]) -> None:
    if not messages:
        raise invalid("messages: at least one message is required")
    for number, message in enumerate(messages):
        if not message.content:
            raise invalid(
                f"messages.{number}: all messages must have non-empty content except for the optional final assistant message"
            )
    if messages[0].role != "user":
        raise invalid('messages: first message must use the "user" role')
    if messages[-1].role == "assistant":
        raise invalid(_PREFILL)


def _check_system(request: CountTokens) -> None:
    for number, block in enumerate(request.system):
        _check_text(block.text, "system", f"system.{number}", cached=block.cache_control is not None)


def _check_text(text: str, what: str, path: str, *, cached: bool = False) -> None:
    if not text and cached:
        raise invalid(f"{path}.text: cache_control cannot be set for empty text blocks")
    if not text:
        raise invalid(f"{what}: text content blocks must be non-empty")
    if not text.strip():
        raise invalid(f"{what}: text content blocks must contain non-whitespace text")


def _check_message(message: Message, number: int, version: str) -> None:
    for position, block in enumerate(message.content):
        path = f"messages.{number}.content.{position}"
        if isinstance(block, ToolUse | Thinking) and message.role == "user":
            raise invalid(f"{path}: `{block.type}` blocks can only be in `assistant` messages")
        if isinstance(block, ToolResult | Image) and message.role == "assistant":
            raise invalid(f"{path}: `{block.type}` blocks can only be in `user` messages")
        if isinstance(block, Document) and message.role == "assistant" and version == VERSION:
            raise invalid(f"{path}: `document` blocks can only be in `user` messages")
        if isinstance(block, Text):
            _check_text(block.text, "messages", path, cached=block.cache_control is not None)
            if block.citations and message.role == "user" and version == VERSION:
                raise invalid(f"{path}.text.citations: citations are not permitted in `user` messages")
        if isinstance(block, ToolResult):
            _check_result(block, path)


def _check_result(block: ToolResult, path: str) -> None:
    if block.is_error and not block.content:
        raise invalid(f"{path}.tool_result: content cannot be empty if `is_error` is true")
    for inner in block.content:
        if inner.type == "text":
            _check_text(inner.text, "messages", path)


@dataclass
class _Turn:
    """Messages of one role that follow each other, which the vendor reads as one."""

    role: str
    blocks: list[tuple[int, int, object]] = field(default_factory=list)


def _turns(messages: Sequence[Message]) -> Iterator[_Turn]:
    turn = _Turn("user")
    for number, message in enumerate(messages):
        if message.role != turn.role:
            yield turn
            turn = _Turn(message.role)
        turn.blocks += [(number, position, block) for position, block in enumerate(message.content)]
    yield turn


def _check_calls(request: CountTokens) -> None:
    seen: set[str] = set()
    calls: dict[str, int] = {}
    for turn in _turns(request.messages):
        if turn.role == "user":
            _check_answers(turn, calls)
            continue
        calls = {}
        for number, position, block in turn.blocks:
            if not isinstance(block, ToolUse):
                continue
            if block.id in seen:
                raise invalid(f"messages.{number}.content.{position}: `tool_use` ids must be unique")
            seen.add(block.id)
            calls[block.id] = number
    if seen and not request.tools:
        raise invalid("Requests which include `tool_use` or `tool_result` blocks must define tools.")


def _check_answers(turn: _Turn, calls: dict[str, int]) -> None:
    # The results come first in the turn; one that stands after a text counts as missing.
    first = takewhile(lambda entry: isinstance(entry[2], ToolResult), turn.blocks)
    answered = {block.tool_use_id for _, _, block in first if isinstance(block, ToolResult)}
    if missing := [name for name in calls if name not in answered]:
        raise invalid(
            f"messages.{calls[missing[0]]}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message."
        )
    times: Counter[str] = Counter()
    for number, position, block in turn.blocks:
        if not isinstance(block, ToolResult):
            continue
        path, name = f"messages.{number}.content.{position}", block.tool_use_id
        if name not in calls:
            raise invalid(
                f"{path}: unexpected `tool_use_id` found in `tool_result` blocks: {name}. Each `tool_result` block "
                "must have a corresponding `tool_use` block in the previous message."
            )
        times[name] += 1
        if times[name] > 1:
            raise invalid(
                f"{path}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {name}"
            )


def _check_output(request: CreateMessage, model: Model) -> None:
    if request.max_tokens > model.max_output:
        raise invalid(
            f"max_tokens: {request.max_tokens} > {model.max_output}, which is the maximum allowed number of output "
            f"tokens for {request.model}"
        )
    if any(not sequence.strip() for sequence in request.stop_sequences):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")
    user = request.metadata.user_id if request.metadata else None
    if user and _EMAIL.search(user):
        raise invalid("metadata.user_id: user_id appears to contain an email address")
    if isinstance(request, OldCreateMessage) and model.default_effort is not None:
        for name, default in (("temperature", 1.0), ("top_p", None), ("top_k", None)):
            if getattr(request, name) != default:
                raise invalid(f"{name}: non-default sampling parameters are not supported for this model")


def breakpoints(prompt: Prompt, automatic: str | None) -> dict[int, str]:
    """Return the pieces that end a cacheable prefix, each with its entry's life, or refuse them."""
    marked = {number: piece.ttl for number, piece in enumerate(prompt.pieces) if piece.ttl is not None}
    if automatic is not None:
        last = len(prompt.pieces) - 1
        while last >= 0 and prompt.pieces[last].kind == "thinking":
            last -= 1
        if marked.setdefault(last, automatic) != automatic:
            raise invalid("cache_control: the last block has a breakpoint with another ttl than the top-level one")
    if len(marked) > _MOST_BREAKPOINTS:
        raise invalid(f"A maximum of {_MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {len(marked)}.")
    short = False
    for number, ttl in sorted(marked.items()):
        if short and ttl == "1h":
            raise invalid(
                f"{prompt.pieces[number].path}.cache_control.ttl: a ttl='1h' cache_control block must not come after "
                "a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, "
                "`system`, `messages`."
            )
        short = short or ttl == "5m"
    return marked

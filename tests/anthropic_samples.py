"""Requests to the double of the Messages API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests import raw
from tests.anthropic_models import VERSION
from tests.anthropic_server import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.loopback import Loopback
    from tests.raw import Received

MODEL = "claude-sonnet-5-5"
OLD_MODEL = "claude-haiku-4-5"
HEADERS = {"authorization": f"Bearer {KEY}", "anthropic-version": VERSION, "content-type": "application/json"}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}
CACHED = {"cache_control": {"type": "ephemeral"}}
CACHED_1H = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def user(*content: object) -> dict[str, Any]:
    """Return a user's message of blocks, or of a string."""
    return {"role": "user", "content": content[0] if content and isinstance(content[0], str) else list(content)}


def assistant(*content: object) -> dict[str, Any]:
    """Return a model's message of blocks, or of a string."""
    return user(*content) | {"role": "assistant"}


def text(content: str, **more: object) -> dict[str, Any]:
    """Return a text block."""
    return {"type": "text", "text": content, **more}


def call(name: str = "toolu_a", **more: object) -> dict[str, Any]:
    """Return a tool call of the model, by its id."""
    return {"type": "tool_use", "id": name, "name": "look", "input": {}, **more}


def result(name: str = "toolu_a", **more: object) -> dict[str, Any]:
    """Return a tool's result for a call, by the call's id."""
    return {"type": "tool_result", "tool_use_id": name, "content": "fine", **more}


def request(**changes: object) -> dict[str, Any]:
    """Return a request that keeps all rules, but for the changes."""
    return {"model": MODEL, "max_tokens": 1000, "messages": [user("Good evening")], **changes}


def send(
    server: Loopback,
    body: object,
    path: str = "/v1/messages",
    *,
    method: str = "POST",
    headers: Mapping[str, str] = HEADERS,
) -> Received:
    """Send a body as it is, or as JSON if it is no bytes, and return what comes back."""
    return raw.send(server, body, path, method=method, headers=headers)

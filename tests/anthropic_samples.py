"""Requests to the double of the Messages API, and the means to send them without the vendor's client."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.anthropic_models import VERSION
from tests.anthropic_server import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.loopback import Loopback

MODEL = "claude-sonnet-5-5"
OLD_MODEL = "claude-haiku-4-5"
HEADERS = {"authorization": f"Bearer {KEY}", "anthropic-version": VERSION, "content-type": "application/json"}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}
CACHED = {"cache_control": {"type": "ephemeral"}}
CACHED_1H = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


@dataclass(frozen=True)
class Received:
    """What came back for a raw request."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def message(self) -> str:
        """The message of an error."""
        return str(self.body["error"]["message"])


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
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, raw, dict(headers))
        response = connection.getresponse()
        content = response.read()
        shown = json.loads(content) if response.headers.get_content_type() == "application/json" else content.decode()
        return Received(response.status, dict(response.headers), shown)
    finally:
        connection.close()

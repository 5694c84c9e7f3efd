"""The means to send requests to a double without the vendor's client."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.loopback import Loopback


@dataclass(frozen=True)
class Received:
    """What came back for a raw request."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def message(self) -> str:
        """The message of an error."""
        body = self.body.get("error", self.body)
        return str(body.get("message") or body.get("detail"))


def send(
    server: Loopback,
    body: object,
    path: str,
    *,
    method: str = "POST",
    headers: Mapping[str, str],
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

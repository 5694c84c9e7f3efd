"""Kills a process at a chosen boundary: before or after a commit, or before or after a request.

Loaded into every process of a house by a sitecustomize.py on its path. A file counts the boundaries that were passed since
it was made, a byte each; the process that passes the chosen one ends itself with SIGKILL.
"""

import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import httpx
import httpx2
from sqlalchemy.engine.default import DefaultDialect

ARMED = "BOUNDARIES_FILE"
SITECUSTOMIZE = "import tests.boundaries\n\ntests.boundaries.install()\n"


def pass_one() -> None:
    """Count a boundary, and die at the chosen one."""
    path = Path(os.environ[ARMED])
    chosen = path.with_suffix(".chosen")
    if not chosen.exists():
        return
    with path.open("ab", buffering=0) as file:
        file.write(b"x")
        count = file.tell()
    if count == int(chosen.read_text()):
        chosen.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def install() -> None:
    """Put a boundary on each side of every commit and every request of this process."""
    if ARMED not in os.environ:
        return
    DefaultDialect.do_commit = _between(DefaultDialect.do_commit)  # type: ignore[method-assign]
    httpx2.Client.send = _between(httpx2.Client.send)  # type: ignore[method-assign]
    send = httpx.AsyncClient.send

    @wraps(send)
    async def between(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        if "getUpdates" in str(request.url):
            return await send(self, request, **options)
        pass_one()
        response = await send(self, request, **options)
        pass_one()
        return response

    httpx.AsyncClient.send = between  # type: ignore[method-assign]


def _between(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def between(*values: Any, **options: Any) -> Any:
        pass_one()
        result = call(*values, **options)
        pass_one()
        return result

    return between

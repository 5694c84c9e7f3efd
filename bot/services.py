"""Running services side by side in one event loop."""

import asyncio
from collections.abc import Coroutine
from typing import Any

CANCEL_AGAIN_AFTER = 0.1  # seconds


async def together(*services: Coroutine[Any, Any, object]) -> None:
    """Run services until the first of them ends or this is cancelled; then all are over. Raises what that one raised.

    A task is cancelled until it is over: redis-py swallows the first time while it connects (seen with 8.1), after which a
    TaskGroup would wait for ever.
    """
    tasks = [asyncio.ensure_future(service) for service in services]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        while any(not task.done() for task in tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_AGAIN_AFTER)

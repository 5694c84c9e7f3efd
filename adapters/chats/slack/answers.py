"""What Slack answers: what it must tell, and what it may still do for who is owed something."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from adapters.chats.slack.web import Refused
from bot.errors import DeliveryError, Doubtful, RetryLater

T = TypeVar("T")
SCOPE_AGAIN_AFTER = 60.0  # seconds


async def owed(request: Coroutine[Any, Any, T]) -> T:
    """Make a request that carries what somebody is owed: it waits for a scope that the app may be given yet."""
    try:
        return await request
    except Refused as error:
        if error.code == "missing_scope":
            raise RetryLater(error.reason, SCOPE_AGAIN_AFTER) from error
        raise


def told(answer: Any, name: str, lack: type[DeliveryError] = Doubtful) -> str:  # noqa: ANN401 - any JSON
    """Return what an answer must tell. Raises a DeliveryError when it does not."""
    value = answer.get(name) if isinstance(answer, dict) else None
    if not value:
        raise lack(f"Slack's answer has no {name}")
    return str(value)

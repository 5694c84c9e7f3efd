"""What can go wrong between the bot and the vendor's server, switched on by the tests."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from tests.faulty import ANY, Faulty
from tests.telegram_params import ApiError, Params, bad_request

if TYPE_CHECKING:
    pass

TOO_MANY = "Too Many Requests: retry after {}"


@dataclass(slots=True)
class _Failure:
    times: int
    description: str
    status: int
    retry_after: int | None


@dataclass(slots=True)
class _Flood:
    until: float
    is_known: bool = False  # whether the bot has been told of it


class FaultyServer(Faulty):
    """A server whose answers can fail, come late or get lost; each switch takes effect at once."""

    def __init__(self) -> None:
        super().__init__()
        self.unavailable = False
        self.early_calls = 0
        self._failures: dict[str, deque[_Failure]] = {}
        self._entity_refusals = 0
        self._floods: dict[str, _Flood] = {}

    @staticmethod
    def key(method: str) -> str:
        """Return a method's name as the Bot API compares it."""
        return method.lower()

    def fail(
        self,
        method: str,
        times: int = 1,
        status: int = 500,
        description: str = "Internal Server Error",
        retry_after: int | None = None,
    ) -> None:
        """Refuse the next calls of a method ("*": of any) without carrying them out."""
        if retry_after is not None and status == 500:
            status, description = 429, TOO_MANY.format(retry_after)
        failure = _Failure(times, description, status, retry_after)
        self.call(lambda: self._failures.setdefault(method.lower(), deque()).append(failure))

    def refuse_entities(self, times: int) -> None:
        """Refuse the next texts that carry entities."""
        self.call(setattr, self, "_entity_refusals", times)

    def flood(self, chat_id: int, seconds: float) -> None:
        """Refuse every call for a chat until the time is over."""
        self.call(self._floods.__setitem__, str(chat_id), _Flood(monotonic() + seconds))

    async def meet_faults(self, method: str, params: Params) -> None:
        """Do to a call what the tests have switched on."""
        method = method.lower()
        if self.unavailable:
            self.faults["unavailable"] += 1
            raise ApiError("Bad Gateway", 502)
        await self.linger(method)
        if self._failures:
            self._maybe_fail(method)
        if self._floods:
            self._maybe_flood(params.text("chat_id"))
        if self._entity_refusals > 0 and (params.text("entities") or params.text("parse_mode")):
            self._entity_refusals -= 1
            self.faults["refuse_entities"] += 1
            raise bad_request("can't parse entities")

    def _maybe_fail(self, method: str) -> None:
        for name in (method, ANY):
            planned = self._failures.get(name)
            if planned:
                failure = planned[0]
                failure.times -= 1
                if failure.times <= 0:
                    planned.popleft()
                self.faults["fail"] += 1
                raise ApiError(failure.description, failure.status, failure.retry_after)

    def _maybe_flood(self, chat_id: str) -> None:
        flood = self._floods.get(chat_id)
        if flood is None:
            return
        left = flood.until - monotonic()
        if left <= 0:
            del self._floods[chat_id]
            return
        self.early_calls += flood.is_known
        flood.is_known = True
        self.faults["flood"] += 1
        seconds = math.ceil(left)
        raise ApiError(TOO_MANY.format(seconds), 429, seconds)

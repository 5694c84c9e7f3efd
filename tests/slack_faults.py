"""What can go wrong between the bot and Slack, switched on by the tests."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from tests.faulty import ANY, Faulty
from tests.slack_blocks import has_markdown
from tests.slack_limits import Limits
from tests.slack_params import Params, SlackError, wrong_argument
from tests.slack_sockets import Sockets

if TYPE_CHECKING:
    from tests.slack_sockets import SlackEnvelope

CHAT = "chat."
UNAVAILABLE = "service_unavailable"


@dataclass(slots=True)
class _Failure:
    times: int
    error: str
    status: int
    retry_after: int | None
    fields: dict[str, Any]


class FaultySlack(Faulty):
    """A Slack whose answers can fail, come late or get lost; each switch takes effect at once."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets = Sockets(self.changed)
        self.unavailable = False  # whether every request is answered with the status 503
        self.refuse_sockets = False
        self.refuse_markdown = False
        self.refuse_streams: bool | str = False  # a text is the error to refuse them with
        self.limits = False
        self.early_calls = 0
        self._is_revoked = False
        self._limits = Limits()
        self._failures: dict[str, deque[_Failure]] = {}
        self._floods: dict[str, float] = {}
        self._told: dict[tuple[str, str], float] = {}  # until when the bot knows that it must wait

    # The Web API.

    def fail(
        self,
        method: str,
        times: int = 1,
        error: str = "internal_error",
        status: int = 200,
        retry_after: int | None = None,
        channel: str = "",
        **fields: Any,
    ) -> None:
        """Refuse the next calls of a method ("*": of any) without carrying them out, or those for one channel only."""
        if retry_after is not None and status == 200:
            error, status = "ratelimited", 429
        failure = _Failure(times, error, status, retry_after, fields)
        name = f"{method} {channel}".strip()
        self.call(lambda: self._failures.setdefault(name, deque()).append(failure))

    def recover(self) -> None:
        """End all that `fail` has begun."""
        self.call(self._failures.clear)

    def flood(self, channel: str, seconds: float) -> None:
        """Refuse every call of chat.* for a channel until the time is over."""
        self.call(self._floods.__setitem__, channel, monotonic() + seconds)

    def revoke_token(self) -> None:
        """Take the tokens away: every call is refused, and the sockets are closed."""
        self._is_revoked = True
        self.call(self.sockets.close, "link_disabled", 0.0)

    def restore_token(self) -> None:
        """Give the tokens back."""
        self._is_revoked = False

    # The sockets.

    def drop_sockets(self) -> None:
        """Cut every socket's connection without a word."""
        self.faults["drop_sockets"] += 1
        self.call(self.sockets.drop)

    def close_sockets(self, reason: str = "refresh_requested", after: float = 0.0) -> None:
        """Ask the app to reconnect ("warning" or "refresh_requested"), and close its sockets."""
        self.faults["close_sockets"] += 1
        self.call(self.sockets.close, reason, after)

    def freeze_sockets(self) -> None:
        """Leave the sockets half open: nothing is sent or answered on them; new ones work."""
        self.faults["freeze_sockets"] += 1
        self.call(self.sockets.freeze)

    def redeliver(self, count: int) -> list[SlackEnvelope]:
        """Send the last events once more, with the same event ids in new envelopes."""
        return self.call(self._redeliver, count)

    def _redeliver(self, count: int) -> list[SlackEnvelope]:
        events = [envelope for envelope in self.sockets.envelopes if envelope.type == "events_api"]
        return [self.sockets.send(envelope.type, envelope.payload) for envelope in events[-count:]]

    # What the server asks.

    async def meet_faults(self, method: str, params: Params) -> None:
        """Do to a call what the tests have switched on."""
        channel = str(params.values.get("channel", ""))
        keys = {(method, channel), (method, ANY), (CHAT if method.startswith(CHAT) else method, channel)}
        self.early_calls += any(self._told.get(key, 0.0) > monotonic() for key in keys)
        if self.unavailable:
            raise self._refused("unavailable", SlackError(UNAVAILABLE, status=503))
        await self.linger(method)
        self._maybe_fail(method, channel)
        self._maybe_flood(method, channel)
        if self._is_revoked:
            raise self._refused("revoke_token", SlackError("token_revoked"))
        if self.limits and self._limits.is_too_much(method, channel):
            raise self._slowed("limits", (method, channel if method == "chat.postMessage" else ANY), 1)
        self._maybe_refuse(method, params)

    def _refused(self, fault: str, error: SlackError) -> SlackError:
        self.faults[fault] += 1
        return error

    def _slowed(self, fault: str, key: tuple[str, str], seconds: int) -> SlackError:
        self._told[key] = monotonic() + seconds
        return self._refused(fault, SlackError("ratelimited", status=429, retry_after=seconds))

    def _maybe_refuse(self, method: str, params: Params) -> None:
        if self.refuse_sockets and method == "apps.connections.open":
            raise self._refused("refuse_sockets", SlackError("internal_error"))
        if self.refuse_streams and method == "chat.startStream":
            error = self.refuse_streams if isinstance(self.refuse_streams, str) else "unknown_method"
            raise self._refused("refuse_streams", SlackError(error))
        if self.refuse_markdown and method.startswith(CHAT):
            blocks = params.array("blocks", "invalid_blocks_format") or []
            if params.has("markdown_text") or has_markdown(blocks):
                raise self._refused("refuse_markdown", wrong_argument("markdown_text is not supported"))

    def _maybe_fail(self, method: str, channel: str) -> None:
        for name in (f"{method} {channel}", method, ANY):
            planned = self._failures.get(name)
            if not planned:
                continue
            failure = planned[0]
            failure.times -= 1
            if failure.times <= 0:
                planned.popleft()
            if failure.retry_after is not None:
                self._told[method, ANY] = monotonic() + failure.retry_after
            refusal = SlackError(failure.error, status=failure.status, retry_after=failure.retry_after, **failure.fields)
            raise self._refused("fail", refusal)

    def _maybe_flood(self, method: str, channel: str) -> None:
        if not method.startswith(CHAT) or channel not in self._floods:
            return
        left = self._floods[channel] - monotonic()
        if left <= 0:
            del self._floods[channel]
            return
        raise self._slowed("flood", (CHAT, channel), math.ceil(left))

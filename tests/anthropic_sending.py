"""How an answer of the Messages API's double goes out: whole or streamed, at its pace, and with the fault ordered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from aiohttp import web

from tests.anthropic_models import ApiError
from tests.anthropic_prompt import compact
from tests.anthropic_stream import sse, writes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.anthropic_script import Answer, Fault, Record
    from tests.anthropic_stream import Event, Reply

_LIMITS = {"requests": 4_000, "tokens": 4_800_000, "input-tokens": 4_000_000, "output-tokens": 800_000}


class EventStream(web.StreamResponse):
    """A stream whose headers leave together with the first events, in one packet."""

    _send_headers_immediately = False


def headers_of(record: Record) -> dict[str, str]:
    """Return the headers with which the vendor answers."""
    reset = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = {"request-id": record.request_id, "anthropic-organization-id": f"org-{record.key}"}
    for name, limit in _LIMITS.items():
        headers[f"anthropic-ratelimit-{name}-limit"] = str(limit)
        headers[f"anthropic-ratelimit-{name}-remaining"] = str(limit - 1)
        headers[f"anthropic-ratelimit-{name}-reset"] = reset
    return headers


def hang_up(request: web.Request, record: Record, outcome: str) -> web.StreamResponse:
    """Close the connection after what has been written to it."""
    record.outcome = outcome
    if request.transport is not None:
        request.transport.close()
    return web.Response()


@dataclass
class Sending:
    """One answer on its way."""

    request: web.Request
    record: Record
    reply: Reply
    answer: Answer
    fault: Fault | None
    begin: Callable[[], None]
    finish: Callable[[], None]

    async def whole(self) -> web.StreamResponse:
        """Send the answer as one message; a fault of the stream then leaves nothing of it."""
        match self.fault.kind if self.fault else None:
            case "cut":
                return hang_up(self.request, self.record, "cut")
            case "hang mid-stream":
                await asyncio.Event().wait()
            case "error event" if self.fault:
                raise ApiError(self.fault.type, self.fault.message)
        self._begin()
        self.record.usage = self.reply.usage(self.reply.output_tokens)
        return web.json_response(self.reply.message(), headers=headers_of(self.record), dumps=compact)

    async def stream(self) -> web.StreamResponse:
        """Send the answer as server-sent events."""
        events = list(self.reply.events(self.answer.chunk))
        if self.fault is not None:
            events = events[: self.fault.after_events]
        response = EventStream(headers=headers_of(self.record) | {"cache-control": "no-cache"})
        response.content_type = "text/event-stream"
        response.charset = "utf-8"
        await response.prepare(self.request)
        await self._write(response, events)
        if self.fault is None:
            return response
        match self.fault.kind:
            case "cut":
                return hang_up(self.request, self.record, "cut")
            case "error event":
                self._end("error event")
                error = ApiError(self.fault.type, self.fault.message)
                await response.write(sse("error", error.body(self.record.request_id)))
            case _:
                await asyncio.Event().wait()
        return response

    async def _write(self, response: EventStream, events: list[Event]) -> None:
        for number, group in enumerate(writes(events, paced=self.answer.pause > 0)):
            if not group:
                continue
            if number:
                await asyncio.sleep(self.answer.pause)
            else:
                self._begin()
            wire = b"".join(event.wire for event in group)
            self.record.usage = self.reply.usage(group[-1].output_tokens)
            if group[-1] is events[-1] and self.fault is None:
                self._end("answered")
                await response.write_eof(wire)
            else:
                await response.write(wire)

    def _end(self, outcome: str) -> None:
        # Before the last write: a test that has read all of the answer finds all of it recorded.
        if self.request.transport is None or self.request.transport.is_closing():
            raise ConnectionResetError("The client is gone")
        self.record.outcome = outcome
        self.finish()

    def _begin(self) -> None:
        self.record.status = 200
        self.record.answered = monotonic()
        self.begin()

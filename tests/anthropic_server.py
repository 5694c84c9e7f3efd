"""A strict double of Anthropic's Messages API on the loopback interface, with scripted answers and ordered faults."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import sys
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aiohttp import web

from tests import anthropic_models as models
from tests.anthropic_models import ApiError, Model, invalid
from tests.anthropic_prompt import Prompt, compact
from tests.anthropic_rules import breakpoints, check_request
from tests.anthropic_script import Answer, Record, Scripted
from tests.anthropic_sending import Sending, hang_up, headers_of
from tests.anthropic_shapes import CountTokens, CreateMessage, parse_binding, parse_count, parse_create
from tests.anthropic_stream import compose
from tests.anthropic_thinking import check_blocks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from tests.anthropic_cache import Lookup

KEY = "sk-ant-test-key"

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_HIDDEN = frozenset({"authorization", "x-api-key"})

Request = TypeVar("Request", bound=CountTokens)


@dataclass
class Accepted(Generic[Request]):
    """A request that kept all rules."""

    body: dict[str, Any]
    request: Request
    model: Model
    prompt: Prompt
    marked: dict[int, str]


class AnthropicServer(Scripted):
    """The Messages API for the keys given to it, with a context window as small as a test needs."""

    def __init__(self, keys: Iterable[str] = (KEY,), *, context: int = 1_000_000, port: int = 0) -> None:
        super().__init__()
        self._port = port
        self._context = context
        self._halting = False
        self.keeps_bodies = True
        self.keys = {key: f"key-{number}" for number, key in enumerate(keys, 1)}

    def routes(self) -> list[web.RouteDef]:
        """Return the vendor's routes and, for everything else, the vendor's 404."""
        return [
            web.post("/v1/messages", partial(self._observe, self._create)),
            web.post("/v1/messages/count_tokens", partial(self._observe, self._count)),
            web.get("/v1/models", partial(self._observe, self._list)),
            web.route("*", "/{rest:.*}", partial(self._observe, self._unknown)),
        ]

    def stop(self) -> None:
        """End the server, and record the requests under way as stopped by it."""
        self._halting = True
        super().stop()
        self._halting = False

    async def _observe(
        self, work: Callable[[web.Request, Record], Awaitable[web.StreamResponse]], request: web.Request
    ) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower() not in _HIDDEN}
        record = Record(len(self.requests), request.method, request.path, headers, f"req_{token_hex(12)}")
        record.peer = request.transport.get_extra_info("peername") if request.transport else None
        self.requests.append(record)
        self.changed()
        try:
            response = await work(request, record)
        except ApiError as error:
            record.outcome, record.message, record.status = error.kind, error.message, error.status
            body = error.body(record.request_id)
            return web.json_response(body, status=error.status, headers=headers_of(record) | error.headers)
        except asyncio.CancelledError:
            record.outcome = record.outcome or ("server stopped" if self._halting else "client gone")
            raise
        except ConnectionError:
            record.outcome = record.outcome or "client gone"
            return web.Response()
        else:
            record.outcome = record.outcome or "answered"
            return response
        finally:
            self._finish(record)

    def _finish(self, record: Record) -> None:
        if record.ended is not None:
            return
        record.ended = monotonic()
        if not self.keeps_bodies:
            record.body = None
        record.outcome = record.outcome or "script failed"  # nothing else raises what the double does not expect
        self.under_way.discard(record.number)
        self.key_counts[record.key].update(("requests", record.outcome))
        usage = record.usage
        if usage and record.billed:
            written = usage["cache_creation"]
            self.billed_tokens[record.key].update(
                input_tokens=usage["input_tokens"],
                cache_creation_5m_tokens=written["ephemeral_5m_input_tokens"],
                cache_creation_1h_tokens=written["ephemeral_1h_input_tokens"],
                cache_read_tokens=usage["cache_read_input_tokens"],
                output_tokens=usage["output_tokens"],
            )
        self.changed()

    async def _unknown(self, request: web.Request, record: Record) -> web.StreamResponse:
        self._note(await request.read(), record)
        raise ApiError("not_found_error", f"Not Found: {request.method} {request.path}")

    async def _list(self, request: web.Request, record: Record) -> web.StreamResponse:
        self._authenticate(request, record)
        record.status = 200
        return web.json_response(models.list_models(request.query), headers=headers_of(record))

    async def _count(self, request: web.Request, record: Record) -> web.StreamResponse:
        accepted = self._accept(request, record, await self._read(request, record), parse_count)
        record.status = 200
        return web.json_response({"input_tokens": accepted.prompt.tokens}, headers=headers_of(record))

    async def _create(self, request: web.Request, record: Record) -> web.StreamResponse:
        self.under_way.add(record.number)
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        body = await self._read(request, record)
        parse = partial(parse_create, version=request.headers["anthropic-version"])
        accepted = self._accept(request, record, body, parse)
        most = min(self._context, accepted.model.context)
        if accepted.prompt.tokens > most:
            raise invalid(f"prompt is too long: {accepted.prompt.tokens} tokens > {most} maximum")
        return await self._answer(request, record, accepted)

    def _authenticate(self, request: web.Request, record: Record) -> None:
        key = request.headers.get("x-api-key")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if key is None and scheme.lower() != "bearer":
            raise ApiError("authentication_error", "x-api-key header is required")
        known = self.keys.get(token if key is None else key)
        if known is None:
            raise ApiError("authentication_error", "Invalid bearer token" if key is None else "invalid x-api-key")
        record.key = known
        version = request.headers.get("anthropic-version")
        if version is None:
            raise invalid("anthropic-version: header is required")
        if version not in models.VERSIONS:
            raise invalid(f'anthropic-version: "{version}" is not a valid version')
        for beta in filter(None, request.headers.get("anthropic-beta", "").split(",")):
            if beta.strip() != models.BINDING_BETA:
                raise invalid(f"Unexpected value(s) `{beta.strip()}` for the `anthropic-beta` header.")

    async def _read(self, request: web.Request, record: Record) -> dict[str, Any]:
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise ApiError("request_too_large", "Request exceeds the maximum size") from None
        fault = self._note(raw, record)
        self._authenticate(request, record)
        if len(raw) > models.LONGEST_REQUEST:
            raise ApiError("request_too_large", "Request exceeds the maximum size")
        if fault:
            raise invalid(f"The request body is not valid JSON: {fault}")
        if not isinstance(record.body, dict):
            raise invalid("Input should be an object")
        return record.body

    def _note(self, raw: bytes, record: Record) -> str:
        fault, text = "", raw.decode(errors="replace")
        try:
            record.body = json.loads(raw, parse_constant=_no_number) if raw else None
            if _SURROGATE.search(raw):
                compact(record.body).encode()
        except UnicodeEncodeError:
            fault = "no low surrogate in string"
        except ValueError as error:
            fault, record.body = str(error), text
        if self.secrets:
            # JSON can spell a secret with escapes, so it is sought in the plain spelling too.
            text += compact(record.body)
            record.leaked = tuple(s for s in sorted(self.secrets) if s in text or compact(s)[1:-1] in text)
            if record.leaked:
                self.leaks.append(record)
        return fault

    def _accept(
        self, request: web.Request, record: Record, body: dict[str, Any], parse: Callable[[dict[str, Any]], Request]
    ) -> Accepted[Request]:
        thinking, drop, shape = body.get("thinking"), False, body
        if isinstance(thinking, dict) and "block_binding" in thinking and "anthropic-beta" in request.headers:
            drop = parse_binding(thinking["block_binding"]).prefix_mismatch_behavior == "drop_block"
            shape = body | {"thinking": {name: thinking[name] for name in thinking if name != "block_binding"}}
        parsed = parse(shape)
        model = models.find_model(parsed.model)
        check_request(parsed, model, request.headers["anthropic-version"])
        prompt = Prompt(shape, model)
        check_blocks(prompt, model, record.key, drop=drop)
        marked = breakpoints(prompt, parsed.cache_control.ttl if parsed.cache_control else None)
        return Accepted(body, parsed, model, prompt, marked)

    async def _answer(self, request: web.Request, record: Record, accepted: Accepted[CreateMessage]) -> web.StreamResponse:
        if self.losing(record.number):
            return hang_up(request, record, "lost")
        fault = self._next_fault()
        if fault is not None and fault.kind == "fail":
            raise ApiError(fault.type, fault.message, status=fault.status, headers=fault.headers)
        if fault is not None and fault.kind == "hang":
            await asyncio.Event().wait()
        answer = self._next_answer(accepted.body, keep=fault is not None)
        lookup = self.cache.look_up(record.key, accepted.model, accepted.prompt, accepted.marked)
        reply = compose(answer, accepted.request, accepted.model, accepted.prompt, record.key, lookup)
        record.usage = reply.usage(0)
        record.billed = reply.output_tokens > 0  # a refusal before any output is free
        if self.gate is not None:
            await self.gate.wait()
        if answer.delay:
            await asyncio.sleep(answer.delay)
        finish = partial(self._finish, record)
        sending = Sending(request, record, reply, answer, fault, partial(self._begin, lookup), finish)
        return await (sending.stream() if accepted.request.stream else sending.whole())

    def _begin(self, lookup: Lookup) -> None:
        self.cache.write(lookup)
        self.changed()


def _no_number(name: str) -> float:
    raise ValueError(f"unexpected {name}")


def _serve(arguments: argparse.Namespace) -> None:
    with AnthropicServer(arguments.key or [KEY], port=arguments.port) as server:
        answer = Answer(text=arguments.text, delay=arguments.delay, chunk=arguments.chunk, pause=arguments.pause)
        server.script = lambda _: answer
        server.keeps_bodies = False
        gc.disable()  # a pause here would look like one of the house
        _say(server.url)
        for line in sys.stdin:
            if line.strip() == "stats":
                asked = server.message_requests
                _say(
                    json.dumps(
                        {
                            "requests": len(asked),
                            "in_flight": server.in_flight,
                            "max_in_flight": server.max_in_flight,
                            "started": [record.started for record in asked],
                            "ended": [record.ended for record in asked],
                            "outcomes": [record.outcome for record in asked],
                        }
                    )
                )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the double of the Messages API as a process of its own.")
    parser.add_argument("--key", action="append", help="a key that it accepts; may be given more than once")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before the first byte of an answer")
    parser.add_argument("--text", default="Certainly.", help="what it answers")
    parser.add_argument("--chunk", type=int, default=20, help="characters of one delta; 0 for all")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between deltas")
    return parser.parse_args()


if __name__ == "__main__":
    _serve(_arguments())

"""A strict double of Anthropic's Messages API on the loopback interface, with scripted answers and ordered faults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aiohttp import web

from tests import anthropic_models as models
from tests.anthropic_models import ApiError, Model, invalid
from tests.anthropic_prompt import Prompt
from tests.anthropic_rules import breakpoints, check_request
from tests.anthropic_script import Answer, ClaudeScript, Fault, Record
from tests.anthropic_shapes import CountTokens, CreateMessage, parse_binding, parse_count, parse_create
from tests.anthropic_stream import compose, sse
from tests.anthropic_thinking import check_blocks
from tests.sending import Sending, hang_up
from tests.serving import arguments_of, paced, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.anthropic_cache import Lookup

KEY = "sk-ant-test-key"


Request = TypeVar("Request", bound=CountTokens)


@dataclass
class Accepted(Generic[Request]):
    """A request that kept all rules."""

    body: dict[str, Any]
    request: Request
    model: Model
    prompt: Prompt
    marked: dict[int, str]


class AnthropicServer(ClaudeScript):
    """The Messages API for the keys given to it, with a context window as small as a test needs."""

    def __init__(self, keys: Iterable[str] = (KEY,), *, context: int = 1_000_000, port: int = 0) -> None:
        super().__init__()
        self._port = port
        self._context = context
        self.keys = {key: f"key-{number}" for number, key in enumerate(keys, 1)}

    def routes(self) -> list[web.RouteDef]:
        """Return the vendor's routes and, for everything else, the vendor's 404."""
        return [
            web.post("/v1/messages", partial(self.observe, self._create)),
            web.post("/v1/messages/count_tokens", partial(self.observe, self._count)),
            web.get("/v1/models", partial(self.observe, self._list)),
            web.route("*", "/{rest:.*}", partial(self.observe, self._unknown)),
        ]

    async def _unknown(self, request: web.Request, record: Record) -> web.StreamResponse:
        self.note(await request.read(), record)
        raise ApiError("not_found_error", f"Not Found: {request.method} {request.path}")

    async def _list(self, request: web.Request, record: Record) -> web.StreamResponse:
        self._authenticate(request, record)
        record.status = 200
        return web.json_response(models.list_models(request.query), headers=self.headers_of(record))

    async def _count(self, request: web.Request, record: Record) -> web.StreamResponse:
        accepted = self._accept(request, record, await self._read(request, record), parse_count)
        record.status = 200
        return web.json_response({"input_tokens": accepted.prompt.tokens}, headers=self.headers_of(record))

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
        fault = self.note(raw, record)
        self._authenticate(request, record)
        if len(raw) > models.LONGEST_REQUEST:
            raise ApiError("request_too_large", "Request exceeds the maximum size")
        if fault:
            raise invalid(f"The request body is not valid JSON: {fault}")
        if not isinstance(record.body, dict):
            raise invalid("Input should be an object")
        return record.body

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
        fault = self.next_fault()
        if fault is not None and fault.kind == "fail":
            raise _complaint(fault)
        if fault is not None and fault.kind == "hang":
            await asyncio.Event().wait()
        answer = self.next_answer(accepted.body, keep=fault is not None)
        lookup = self.cache.look_up(record.key, accepted.model, accepted.prompt, accepted.marked)
        reply = compose(answer, accepted.request, accepted.model, accepted.prompt, record.key, lookup)
        record.usage = reply.usage(0)
        record.billed = reply.output_tokens > 0  # a refusal before any output is free
        if self.gate is not None:
            await self.gate.wait()
        if answer.delay:
            await asyncio.sleep(answer.delay)
        finish = partial(self.finish, record)
        begin = partial(self._begin, lookup)
        headers = self.headers_of(record)
        wire = partial(_wire, record)
        sending = Sending(request, record, reply, answer, fault, begin, finish, headers, _complaint, wire)
        return await (sending.stream() if accepted.request.stream else sending.whole())

    def _begin(self, lookup: Lookup) -> None:
        self.cache.write(lookup)
        self.changed()


def _complaint(fault: Fault) -> ApiError:
    error = ApiError(fault.type, fault.message, status=fault.status, headers=fault.headers)
    error.replaced = fault.body
    return error


def _wire(record: Record, fault: Fault) -> bytes:
    return sse("error", _complaint(fault).body(record.request_id))


if __name__ == "__main__":
    arguments = arguments_of("Run the double of the Messages API as a process of its own.")
    running = AnthropicServer(arguments.key or [KEY], port=arguments.port)
    serve(running, Answer(**paced(arguments)), lambda: running.url)

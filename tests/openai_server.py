"""A strict double of the Chat Completions API on the loopback interface, in the flavours of its providers."""

from __future__ import annotations

import asyncio
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.measure import compact, tokens_of
from tests.openai_models import FLAVOURS, ApiError, Model
from tests.openai_rules import check_request
from tests.openai_script import Answer, CompletionScript, complaint
from tests.openai_shapes import CreateCompletion, parse
from tests.openai_speech import Speech, read_form
from tests.openai_stream import Completion, compose
from tests.sending import Sending, hang_up
from tests.serving import arguments_of, paced, serve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.scripted import Fault, Record

KEY = "sk-test-key-of-a-provider"
MESSAGE_TOKENS = 4
IMAGE_TOKENS = 765
# A shorter prefix is not cached, and a longer one in steps.
CACHE_MINIMUM, CACHE_STEP = 1024, 128
LONGEST_REQUEST = 20 * 2**20


class OpenAIServer(CompletionScript):
    """The Chat Completions API for the keys given to it, with a context as small as a test needs."""

    def __init__(
        self, keys: Iterable[str] = (KEY,), *, flavour: str = "openai", context: int = 1_000_000, port: int = 0
    ) -> None:
        super().__init__(FLAVOURS[flavour])
        self._port = port
        self._context = context
        self._cached: set[tuple[str, str, bytes]] = set()
        self.keys = {key: f"key-{number}" for number, key in enumerate(keys, 1)}

    def routes(self) -> list[web.RouteDef]:
        """Return the provider's routes and, for everything else, its 404."""
        prefix = self.flavour.prefix
        return [
            web.post(f"{prefix}/chat/completions", partial(self.observe, self._create)),
            web.post(f"{prefix}/audio/transcriptions", partial(self.observe, self._transcribe)),
            web.get(f"{prefix}/models", partial(self.observe, self._list)),
            web.get(f"{prefix}/key", partial(self.observe, self._describe_key)),
            web.route("*", "/{rest:.*}", partial(self.observe, self._unknown)),
        ]

    async def _unknown(self, request: web.Request, record: Record) -> web.StreamResponse:
        self.note(await request.read(), record)
        raise ApiError(self.flavour, f"Invalid URL ({request.method} {request.path})", status=404)

    async def _list(self, request: web.Request, record: Record) -> web.StreamResponse:
        if not self.flavour.lists_for_all:
            self._authenticate(request, record)
        self._stumble()
        listed = [{"id": model.id, "object": "model", "created": 1, "owned_by": "x"} for model in self.flavour.models]
        record.status = 200
        return web.json_response({"object": "list", "data": listed}, headers=self.headers_of(record))

    async def _describe_key(self, request: web.Request, record: Record) -> web.StreamResponse:
        if self.flavour.name != "openrouter":
            return await self._unknown(request, record)
        self._authenticate(request, record)
        self._stumble()
        record.status = 200
        return web.json_response({"data": {"label": "sk-or-…", "limit_remaining": None, "is_free_tier": False}})

    async def _transcribe(self, request: web.Request, record: Record) -> web.StreamResponse:
        raw = await request.read()
        self._authenticate(request, record)
        recording = read_form(self.flavour, request.headers.get("content-type", ""), raw)
        if self.losing(record.number):
            return hang_up(request, record, "lost")
        self._stumble()
        self.recordings.append(recording)
        if self.gate is not None:
            await self.gate.wait()
        speech = self.speeches.popleft() if self.speeches else Speech("Hello from the voice note.")
        record.status = 200
        return web.json_response(speech.body(recording.fields.get("response_format", "json")), headers=self.headers_of(record))

    def _authenticate(self, request: web.Request, record: Record) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        known = self.keys.get(token) if scheme == "Bearer" else None
        if known is None:
            raise self.flavour.unauthorized(token)
        record.key = known

    def _stumble(self) -> Fault | None:
        """Fail if that was ordered, or return another fault."""
        fault = self.next_fault()
        if fault is not None and fault.kind == "fail":
            raise complaint(self.flavour, fault)
        return fault

    async def _create(self, request: web.Request, record: Record) -> web.StreamResponse:
        self.under_way.add(record.number)
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        body = await self._read(request, record)
        parsed = parse(body, self.flavour)
        model = self.flavour.model(parsed.model)
        check_request(parsed, model, self.flavour)
        pieces = list(_pieces(body))
        total, most = sum(tokens for _, tokens in pieces), min(self._context, model.context)
        if total > most:
            raise ApiError(
                self.flavour,
                f"This model's maximum context length is {most} tokens. However, your messages resulted in {total} tokens. "
                "Please reduce the length of the messages.",
                code="context_length_exceeded",
            )
        if self.losing(record.number):
            return hang_up(request, record, "lost")
        return await self._answer(request, record, parsed, self._look_up(record.key, model, pieces))

    async def _read(self, request: web.Request, record: Record) -> dict[str, Any]:
        raw = await request.read()
        fault = self.note(raw, record)
        self._authenticate(request, record)
        if len(raw) > LONGEST_REQUEST:
            raise ApiError(self.flavour, "Request entity too large", status=413)
        if fault or not isinstance(record.body, dict):
            raise ApiError(self.flavour, "We could not parse the JSON body of your request.")
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise ApiError(self.flavour, "Unsupported content type", status=415)
        return record.body

    def _look_up(self, key: str, model: Model, pieces: list[tuple[str, int]]) -> tuple[int, int]:
        """Return what a prompt costs and how much of it was cached, and cache it."""
        digest, total, cached = b"", 0, 0
        for text, tokens in pieces:
            digest = blake2b(digest + text.encode(), digest_size=16).digest()
            total += tokens
            entry = (key, model.id, digest)
            if entry in self._cached:
                cached = total
            self._cached.add(entry)
        cached -= cached % CACHE_STEP
        return total, cached if self.flavour.caches and cached >= CACHE_MINIMUM else 0

    async def _answer(
        self, request: web.Request, record: Record, parsed: CreateCompletion, cost: tuple[int, int]
    ) -> web.StreamResponse:
        fault = self._stumble()
        if fault is not None and fault.kind == "hang":
            await asyncio.Event().wait()
        answer = self.next_answer(record.body, keep=fault is not None)
        reply = compose(answer, parsed, self.flavour, *cost)
        record.usage = reply.usage(0)
        if self.gate is not None:
            await self.gate.wait()
        if answer.delay:
            await asyncio.sleep(answer.delay)
        sending = Sending(
            request,
            record,
            reply,
            answer,
            fault,
            begin=self.changed,
            finish=partial(self.finish, record),
            headers=self.headers_of(record),
            complain=partial(complaint, self.flavour),
            wire=partial(self._wire, record, reply),
        )
        return await (sending.stream() if parsed.stream else sending.whole())

    def _wire(self, record: Record, reply: Completion, fault: Fault) -> bytes:
        error = complaint(self.flavour, fault)
        body = error.body(record.request_id) if fault.body is None else fault.body
        return reply.failure(body if isinstance(body, dict) and "error" in body else {"error": body})


def _pieces(body: dict[str, Any]) -> Iterable[tuple[str, int]]:
    """Give every tool and message with what it costs."""
    for tool in body.get("tools", []):
        text = compact(tool)
        yield text, tokens_of(text)
    for message in body["messages"]:
        content = message.get("content")
        images = [part for part in content if part["type"] != "text"] if isinstance(content, list) else []
        shown = message if not images else {**message, "content": [part for part in content if part["type"] == "text"]}
        yield compact(message), MESSAGE_TOKENS + tokens_of(compact(shown)) + IMAGE_TOKENS * len(images)


if __name__ == "__main__":
    arguments = arguments_of("Run the double of the Chat Completions API as a process of its own.", flavours=sorted(FLAVOURS))
    running = OpenAIServer(arguments.key or [KEY], flavour=arguments.flavour, port=arguments.port)
    serve(running, Answer(**paced(arguments)), lambda: running.base_url)

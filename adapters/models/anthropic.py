"""Claude, through Anthropic's official SDK."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from json import JSONDecodeError
from typing import Any

import httpx2
from anthropic import Anthropic, APIConnectionError, APIStatusError, DefaultHttpxClient
from anthropic.types import Message, MessageParam, ToolParam

from adapters.models.complaints import model_error, organisation_of, read_complaint, readable, unreachable
from adapters.models.wire import LIMITS, SOON, Wire, timeout
from bot.errors import Unavailable
from bot.ports import (
    NO_LONGER_KEPT,
    Answer,
    Call,
    Content,
    Document,
    Ending,
    Image,
    Interrupt,
    Load,
    Prompt,
    Result,
    Route,
    Text,
    Thought,
    Usage,
    nothing_kept,
)
from bot.redaction import Redactor

Json = dict[str, Any]
CACHED: Json = {"type": "ephemeral"}
LONGEST_TITLE = 200  # characters
# A stream sends a ping every few seconds, so that a silence this long is a connection whose other end is gone.
TIMEOUT = timeout(read=90)
_ENDINGS = {
    "end_turn": Ending.DONE,
    "stop_sequence": Ending.DONE,
    "tool_use": Ending.CALLS,
    "max_tokens": Ending.LENGTH,
    "refusal": Ending.REFUSAL,
    "pause_turn": Ending.PAUSE,
    "model_context_window_exceeded": Ending.CONTEXT,
}


class AnthropicModel:
    """Anthropic's models; `keys` are the API keys by their ids, `load` gives the bytes of what is shown."""

    def __init__(self, keys: Mapping[str, str], base_url: str, load: Load = nothing_kept) -> None:
        self.load = load
        self._clean = Redactor(keys.values()).clean
        self._wire = Wire()
        self._http = DefaultHttpxClient(limits=LIMITS, timeout=TIMEOUT)
        self._wire.carry(self._http)
        self._clients = {
            key_id: Anthropic(
                api_key=key,
                base_url=base_url,
                max_retries=0,  # a wait belongs into the database, where a crash does not forget it
                timeout=TIMEOUT,
                http_client=self._http,
                open_telemetry=False,
            )
            for key_id, key in keys.items()
        }

    def answer(self, prompt: Prompt, route: Route, on_text: Callable[[str], None], interrupt: Interrupt) -> Answer:
        """Ask for the next message, telling `on_text` the text so far. Raises ModelError."""
        with self._understood(prompt.max_output), self._wire.cuttable(interrupt):
            return self._stream(prompt, route, on_text)

    def count(self, prompt: Prompt, route: Route) -> int | None:
        """Return how many tokens Anthropic counts in a prompt, which costs nothing. Raises ModelError."""
        request = _request(prompt, route, self.load)
        with self._understood(prompt.max_output):
            return self._clients[route.key_id].messages.count_tokens(**request, timeout=SOON).input_tokens

    def check(self, route: Route) -> None:
        """Make sure that the key is accepted, without spending anything. Raises ModelError."""
        with self._understood():
            self._clients[route.key_id].models.list(limit=1, timeout=SOON)

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    @contextmanager
    def _understood(self, max_output: int = 0) -> Iterator[None]:
        try:
            yield
        except JSONDecodeError as error:  # a page of a proxy that calls itself JSON
            raise Unavailable(self._clean(f"an answer of Anthropic cannot be read: {error}"), charged=True) from error
        except APIStatusError as error:
            raise model_error(read_complaint(error.response, error.body, max_output, self._clean)) from error
        except (APIConnectionError, httpx2.HTTPError) as error:
            raise unreachable("Anthropic", error, self._clean) from error

    def _stream(self, prompt: Prompt, route: Route, on_text: Callable[[str], None]) -> Answer:
        text = ""
        answer: Answer | None = None
        with self._clients[route.key_id].messages.stream(
            **_request(prompt, route, self.load), max_tokens=prompt.max_output
        ) as stream:
            for event in readable(stream, "Anthropic", self._clean):
                if event.type == "text":
                    text += event.text
                    on_text(text)
                elif event.type == "message_stop":
                    answer = _to_answer(event.message, route.model, organisation_of(stream.response))
                    # Read to its end, the connection serves the next request; but the answer no longer hangs on that.
                    with suppress(httpx2.HTTPError):
                        for _ in stream:
                            pass
            whose = organisation_of(stream.response)
        if answer is None:
            raise Unavailable("Anthropic's answer broke off in the middle", charged=True, organisation=whose)
        return answer


def _request(prompt: Prompt, route: Route, load: Load = nothing_kept) -> Any:  # noqa: ANN401 - keyword arguments of the SDK's methods
    request: Json = {
        "model": route.model,
        "system": [{"type": "text", "text": prompt.system, "cache_control": CACHED}],
        "messages": _messages(prompt, route.model, load),
    }
    if prompt.tools:
        request["tools"] = [
            ToolParam(name=form.name, description=form.description, input_schema=form.arguments) for form in prompt.tools
        ]
    if route.effort and route.effort != "none":
        request["output_config"] = {"effort": route.effort}
    return request


def _messages(prompt: Prompt, model: str, load: Load) -> list[MessageParam]:
    messages: list[Json] = []
    for message in prompt.messages:
        role, content = "assistant" if message.role == "butler" else "user", list(_blocks(message.content, model, load))
        if messages and (messages[-1]["role"] == role or not content):
            messages[-1]["content"] += content  # what stood between was the thought of another model
        else:
            messages.append({"role": role, "content": content})
    # What was marked last time is marked again: from the new end, the vendor looks only a few blocks back for it.
    for marked in [one for one in messages if one["role"] == "user"][-2:]:
        marked["content"][-1]["cache_control"] = CACHED
    return messages  # type: ignore[return-value]


def _blocks(content: Content, model: str, load: Load) -> Iterable[Json]:
    for block in content:
        match block:
            case Text():
                yield {"type": "text", "text": block.text}
            case Call():
                yield {"type": "tool_use", "id": block.id, "name": block.name, "input": block.arguments}
            case Result():
                yield {
                    "type": "tool_result",
                    "tool_use_id": block.call_id,
                    "content": block.text,
                    "is_error": block.is_error,
                }
            case Image() | Document():
                yield _shown(block, load)
            case Thought() if block.model == model:
                yield dict(block.block)


def _shown(block: Image | Document, load: Load) -> Json:
    """Return a picture or a PDF with its bytes, which are read only now."""
    found = load(block.sha256)
    if found is None:
        return {"type": "text", "text": NO_LONGER_KEPT}
    source = {"type": "base64", "data": b64encode(found).decode()}
    if isinstance(block, Image):
        return {"type": "image", "source": {**source, "media_type": block.media_type}}
    return {"type": "document", "source": {**source, "media_type": "application/pdf"}, "title": block.name[:LONGEST_TITLE]}


def _to_answer(message: Message, model: str, organisation: str | None) -> Answer:
    content: list[Text | Call | Thought] = []
    for block in message.content:
        if block.type == "text":
            content.append(Text(text=block.text))
        elif block.type == "tool_use":
            content.append(Call(id=block.id, name=block.name, arguments=dict(block.input)))
        else:
            content.append(Thought(model=model, block=block.model_dump(mode="json", exclude_unset=True)))
    ending = _ENDINGS.get(message.stop_reason or "", Ending.DONE)
    if ending is Ending.CALLS and not any(isinstance(block, Call) for block in content):
        ending = Ending.DONE
    usage = Usage(
        input=message.usage.input_tokens,
        output=message.usage.output_tokens,
        cache_read=message.usage.cache_read_input_tokens or 0,
        cache_write=message.usage.cache_creation_input_tokens or 0,
    )
    return Answer(content=tuple(content), usage=usage, ending=ending, organisation=organisation)

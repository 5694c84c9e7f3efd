"""Claude, through Anthropic's official SDK."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import httpx2
from anthropic import Anthropic, APIConnectionError, APIStatusError, DefaultHttpxClient
from anthropic.types import Message, MessageParam, ToolParam
from anthropic.types.message_create_params import MessageCreateParamsBase

from adapters.models.wire import Wire
from bot.errors import ContextFull, KeyRefused, ModelError, Refused, ThinkingRejected, Unavailable
from bot.ports import Answer, Call, Content, Ending, Interrupt, Prompt, Result, Text, Thought, Usage

Json = dict[str, Any]
CACHED: Json = {"type": "ephemeral"}
# A stream sends a ping every few seconds, so that a silence this long is a connection whose other end is gone.
TIMEOUT = httpx2.Timeout(connect=10, read=90, write=30, pool=30)
LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=300)
_TOO_LONG = re.compile(r"prompt is too long|context (?:window|length)|exceeds? the (?:maximum|model)", re.IGNORECASE)
_SPENT = re.compile(r"regain access on|spend(?:ing)? limit|credit balance", re.IGNORECASE)
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
    """A Claude model; `keys` are the API keys by their ids, `effort` is for models that take it."""

    def __init__(self, name: str, keys: Mapping[str, str], base_url: str, effort: str | None = None) -> None:
        self.name = name
        self._effort = effort
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

    def answer(self, prompt: Prompt, key_id: str, on_text: Callable[[str], None], interrupt: Interrupt) -> Answer:
        """Ask for the next message, telling `on_text` the text so far. Raises ModelError."""
        try:
            with self._wire.cuttable(interrupt):
                return self._stream(prompt, key_id, on_text)
        except APIStatusError as error:
            raise _model_error(error) from error
        except APIConnectionError as error:
            sent = not isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
            raise Unavailable(f"the connection to Anthropic failed: {error.__cause__ or error}", charged=sent) from error
        except httpx2.HTTPError as error:
            raise Unavailable(f"the connection to Anthropic broke: {error}", charged=True) from error

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _stream(self, prompt: Prompt, key_id: str, on_text: Callable[[str], None]) -> Answer:
        text = ""
        answer: Answer | None = None
        with self._clients[key_id].messages.stream(**self._request(prompt)) as stream:
            for event in stream:
                if event.type == "text":
                    text += event.text
                    on_text(text)
                elif event.type == "message_stop":
                    answer = self._to_answer(event.message)
                    # Read to its end, the connection serves the next request; but the answer no longer hangs on that.
                    with suppress(httpx2.HTTPError):
                        for _ in stream:
                            pass
        if answer is None:
            raise Unavailable("Anthropic's answer broke off in the middle", charged=True)
        return answer

    def _request(self, prompt: Prompt) -> Any:  # noqa: ANN401 - keyword arguments of the SDK's method
        request: MessageCreateParamsBase = {
            "model": self.name,
            "max_tokens": prompt.max_output,
            "system": [{"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}],
            "messages": self._messages(prompt),
        }
        if prompt.tools:
            request["tools"] = [
                ToolParam(name=form.name, description=form.description, input_schema=form.arguments) for form in prompt.tools
            ]
        if self._effort in ("low", "medium", "high"):
            request["output_config"] = {"effort": self._effort}  # type: ignore[typeddict-item]
        return request

    def _messages(self, prompt: Prompt) -> list[MessageParam]:
        messages: list[Json] = []
        for message in prompt.messages:
            role, content = "assistant" if message.role == "butler" else "user", list(self._blocks(message.content))
            if messages and (messages[-1]["role"] == role or not content):
                messages[-1]["content"] += content  # what stood between was the thought of another model
            else:
                messages.append({"role": role, "content": content})
        messages[-1]["content"][-1]["cache_control"] = CACHED
        return messages  # type: ignore[return-value]

    def _blocks(self, content: Content) -> Iterable[Json]:
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
                case Thought() if block.model == self.name:
                    yield dict(block.block)

    def _to_answer(self, message: Message) -> Answer:
        content: list[Text | Call | Thought] = []
        for block in message.content:
            if block.type == "text":
                content.append(Text(text=block.text))
            elif block.type == "tool_use":
                content.append(Call(id=block.id, name=block.name, arguments=dict(block.input)))
            else:
                content.append(Thought(model=self.name, block=block.model_dump(mode="json", exclude_unset=True)))
        ending = _ENDINGS.get(message.stop_reason or "", Ending.DONE)
        if ending is Ending.CALLS and not any(isinstance(block, Call) for block in content):
            ending = Ending.DONE
        usage = Usage(
            input=message.usage.input_tokens,
            output=message.usage.output_tokens,
            cache_read=message.usage.cache_read_input_tokens or 0,
            cache_write=message.usage.cache_creation_input_tokens or 0,
        )
        return Answer(content=tuple(content), usage=usage, ending=ending)


def check_key(key: str, base_url: str) -> None:
    """Make sure that a key is accepted, without spending anything. Raises ModelError."""
    try:
        with Anthropic(api_key=key, base_url=base_url, max_retries=0, timeout=10, open_telemetry=False) as client:
            client.models.list(limit=1)
    except APIStatusError as error:
        raise _model_error(error) from error
    except APIConnectionError as error:
        raise Unavailable(f"no connection: {error.__cause__ or error}") from error


def _model_error(error: APIStatusError) -> ModelError:
    reason = error.api_message or error.message
    # An error in the middle of a stream comes with status 200, after the provider began to bill.
    charged = error.status_code < httpx2.codes.BAD_REQUEST
    if error.status_code in (401, 402, 403) or _SPENT.search(f"{error.error_code} {reason}"):
        return KeyRefused(reason)
    if error.type in ("rate_limit_error", "overloaded_error", "api_error", "timeout_error") or (
        error.status_code in (408, 409, 429) or error.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR
    ):
        return Unavailable(reason, charged=charged, wait=_wait(error.response.headers.get("retry-after")))
    if error.status_code == httpx2.codes.CONTENT_TOO_LARGE or _TOO_LONG.search(reason):
        return ContextFull(reason)
    if "thinking" in reason and ("signature" in reason or "cannot be modified" in reason):
        return ThinkingRejected(reason)
    return Refused(reason, charged=charged)


def _wait(header: str | None) -> float | None:
    """Read a Retry-After header, in seconds."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None

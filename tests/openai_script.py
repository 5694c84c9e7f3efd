"""What a test tells the double of the Chat Completions API to answer, and which faults it orders."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tests.openai_models import ApiError, Flavour
from tests.openai_speech import Recording, Speech
from tests.scripted import Fault, Paced, Scripted, ToolCall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.scripted import Record

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call", "error"]
Sloppy = Literal["", "no ids", "same ids", "one index", "no index", "whole", "stops", "old"]


@dataclass(frozen=True, kw_only=True)
class Answer(Paced):
    """An answer of a model and the pace at which it comes."""

    refusal: str = ""
    finish_reason: FinishReason | None = None
    reasoning: int = 0  # tokens of thinking that are billed and never shown
    usage: bool = True  # whether what it cost is told
    # How it tells its calls: without ids, all with one id, all with one index, without indexes, each whole in one chunk,
    # with “stop” as the reason to finish, or in the form before there were tools.
    sloppy: Sloppy = ""


def echo(request: dict[str, Any]) -> Answer:
    """Answer with what the user said last, the script of a double that was told nothing."""
    content = next((message["content"] for message in reversed(request["messages"]) if message["role"] == "user"), "")
    texts = [content] if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"]
    return Answer(text=f"You said: {' '.join(texts)}".strip())


class CompletionScript(Scripted[Answer]):
    """The side of the double that tests speak to."""

    def __init__(self, flavour: Flavour) -> None:
        super().__init__(echo)
        self.flavour = flavour
        self.speeches: deque[Speech] = deque()
        self.recordings: list[Recording] = []  # that were brought and listened to
        self.asked_at = f"{flavour.prefix}/chat/completions"

    @property
    def base_url(self) -> str:
        """The address that a client is given."""
        return f"{self.url}{self.flavour.prefix}"

    def says(self, text: str, *, finish_reason: FinishReason | None = None) -> None:
        """Queue an answer of text."""
        self.answers(Answer(text=text, finish_reason=finish_reason))

    def calls_tool(self, name: str, arguments: Mapping[str, Any] | str = "{}", text: str = "") -> None:
        """Queue an answer that calls one tool, after a text if one is given."""
        self.calls_tools(ToolCall(name, arguments), text=text)

    def calls_tools(self, *calls: ToolCall, text: str = "", sloppy: Sloppy = "") -> None:
        """Queue an answer that calls several tools at once."""
        self.answers(Answer(text=text, tool_calls=calls, sloppy=sloppy))

    def hears(self, text: str, seconds: float = 3.0, *, tells_length: bool = True) -> None:
        """Queue what is heard in a recording, and how long it was."""
        self.speeches.append(Speech(text, seconds, tells_length))

    def refuses(self, refusal: str = "I'm sorry, I can't help with that.") -> None:
        """Queue a refusal."""
        self.answers(Answer(refusal=refusal))

    def fail(
        self,
        times: float = 1,
        status: int = 503,
        message: str = "The engine is currently overloaded, please try again later",
        type: str = "server_error",  # noqa: A002  # the vendor's word
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> None:
        """Refuse the next valid requests with an error; a body replaces the flavour's own."""
        self.faults.append(Fault("fail", times, 0, type, message, status, dict(headers or {}), body))

    def error_event(
        self,
        after_events: int,
        times: float = 1,
        status: int = 502,
        message: str = "Provider returned error",
        body: object = None,
    ) -> None:
        """End the next answers with an error after so many events; the answer itself stays queued."""
        self.faults.append(Fault("error event", times, after_events, "server_error", message, status, body=body))

    def headers_of(self, record: Record) -> dict[str, str]:
        """Return the headers with which the provider answers."""
        headers = {"x-request-id": record.request_id}
        if self.flavour.name == "openai":
            headers |= {"openai-organization": f"org-{record.key}", "openai-version": "2020-10-01"}
        if self.flavour.name in ("openai", "groq"):
            for name, limit in (("requests", 5000), ("tokens", 800_000)):
                headers[f"x-ratelimit-limit-{name}"] = str(limit)
                headers[f"x-ratelimit-remaining-{name}"] = str(limit - 1)
                headers[f"x-ratelimit-reset-{name}"] = "12ms"
        return headers

    def bill(self, record: Record) -> None:
        """Note what a request cost its key."""
        usage = record.usage
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        self.billed_tokens[record.key].update(
            input_tokens=usage["prompt_tokens"] - cached,
            cache_read_tokens=cached,
            output_tokens=usage["completion_tokens"],
        )


def complaint(flavour: Flavour, fault: Fault) -> ApiError:
    """Return the error that a fault orders."""
    error = ApiError(flavour, fault.message, status=fault.status, kind=fault.type, headers=fault.headers)
    error.replaced = fault.body
    return error

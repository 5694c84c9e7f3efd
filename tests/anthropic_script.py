"""What a test tells the double of the Messages API to answer, and which faults it orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from tests.anthropic_cache import PromptCache
from tests.anthropic_models import STATUS
from tests.scripted import ALWAYS, Fault, Hold, Paced, Record, Scripted, ToolCall

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ALWAYS", "Answer", "ClaudeScript", "Fault", "Hold", "Record", "StopReason", "ToolCall", "echo"]

StopReason = Literal[
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"
]
_LIMITS = {"requests": 4_000, "tokens": 4_800_000, "input-tokens": 4_000_000, "output-tokens": 800_000}


@dataclass(frozen=True, kw_only=True)
class Answer(Paced):
    """An answer of Claude and the pace at which it comes."""

    thinking: str = ""
    stop_reason: StopReason | None = None
    stop_sequence: str | None = None
    # Why the model refused.
    category: str | None = None


def echo(request: dict[str, Any]) -> Answer:
    """Answer with what the user said last, the script of a double that was told nothing."""
    content = request["messages"][-1]["content"]
    texts = [content] if isinstance(content, str) else [block["text"] for block in content if block["type"] == "text"]
    return Answer(text=f"You said: {' '.join(texts)}".strip())


class ClaudeScript(Scripted[Answer]):
    """The side of the double that tests speak to."""

    asked_at = "/v1/messages"

    def __init__(self) -> None:
        super().__init__(echo)
        self.cache = PromptCache()

    def says(self, text: str, *, stop_reason: StopReason | None = None) -> None:
        """Queue an answer of text."""
        self.answers(Answer(text=text, stop_reason=stop_reason))

    def calls_tool(self, name: str, arguments: Mapping[str, Any] | str = "{}", text: str = "") -> None:
        """Queue an answer that calls one tool, after a text if one is given."""
        self.calls_tools(ToolCall(name, arguments), text=text)

    def calls_tools(self, *calls: ToolCall, text: str = "") -> None:
        """Queue an answer that calls several tools at once."""
        self.answers(Answer(text=text, tool_calls=calls))

    def thinks(self, thinking: str, text: str = "", *calls: ToolCall) -> None:
        """Queue an answer that begins with thinking."""
        self.answers(Answer(thinking=thinking, text=text, tool_calls=calls))

    def refuses(self, category: str | None = None) -> None:
        """Queue a refusal without content."""
        self.answers(Answer(stop_reason="refusal", category=category))

    def fail(
        self,
        times: float = 1,
        status: int | None = None,
        type: str = "overloaded_error",  # noqa: A002  # the vendor's word
        message: str = "Overloaded",
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> None:
        """Refuse the next valid requests with an error."""
        known = STATUS[type] if status is None else status
        self.faults.append(Fault("fail", times, 0, type, message, known, dict(headers or {}), body))

    def error_event(
        self,
        after_events: int,
        times: float = 1,
        type: str = "overloaded_error",  # noqa: A002  # the vendor's word
        message: str = "Overloaded",
    ) -> None:
        """End the next answers with an error after so many events; the answer itself stays queued."""
        self.faults.append(Fault("error event", times, after_events, type, message, STATUS[type]))

    def advance(self, seconds: float) -> None:
        """Move the clock of the prompt cache forward."""
        self.call(self.cache.advance, seconds)

    def headers_of(self, record: Record) -> dict[str, str]:
        """Return the headers with which the vendor answers."""
        reset = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {"request-id": record.request_id, "anthropic-organization-id": f"org-{record.key}"}
        for name, limit in _LIMITS.items():
            headers[f"anthropic-ratelimit-{name}-limit"] = str(limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(limit - 1)
            headers[f"anthropic-ratelimit-{name}-reset"] = reset
        return headers

    def bill(self, record: Record) -> None:
        """Note what a request cost its key."""
        written = record.usage["cache_creation"]
        self.billed_tokens[record.key].update(
            input_tokens=record.usage["input_tokens"],
            cache_creation_5m_tokens=written["ephemeral_5m_input_tokens"],
            cache_creation_1h_tokens=written["ephemeral_1h_input_tokens"],
            cache_read_tokens=record.usage["cache_read_input_tokens"],
            output_tokens=record.usage["output_tokens"],
        )

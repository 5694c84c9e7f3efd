"""What a test tells the double of the Messages API to answer, which faults it orders, and what the double records."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Self

from tests.anthropic_cache import PromptCache
from tests.anthropic_models import STATUS
from tests.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# As the number of times, for a fault that stays.
ALWAYS = math.inf

StopReason = Literal[
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"
]


@dataclass(frozen=True)
class ToolCall:
    """A tool call of the model; arguments given as a string are sent as they are, even when they are no JSON."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of the model and the pace at which it comes."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    thinking: str = ""
    stop_reason: StopReason | None = None
    stop_sequence: str | None = None
    # Why the model refused.
    category: str | None = None
    # At most so many characters of the last tool call's JSON are sent, as when the tokens run out in it.
    json_cut: int | None = None
    delay: float = 0.0
    chunk: int = 20
    pause: float = 0.0


@dataclass
class Fault:
    """What goes wrong with some of the requests to come."""

    kind: Literal["fail", "cut", "error event", "hang", "hang mid-stream"]
    times: float
    after_events: int = 0
    type: str = ""
    message: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Record:
    """One request as the double saw it and what became of it; times are those of `time.monotonic`."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    request_id: str
    key: str = "unknown"
    body: Any = None
    started: float = field(default_factory=monotonic)
    answered: float | None = None
    ended: float | None = None
    status: int = 0
    # "answered", an error's type, "cut", "error event", "lost", "client gone", "server stopped" or "script failed".
    outcome: str = ""
    message: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    billed: bool = True
    leaked: tuple[str, ...] = ()
    peer: tuple[str, int] | None = None  # the other end of its connection


class Hold:
    """The time during which answers wait; leaving it as a context releases them."""

    def __init__(self, release: Callable[[], None]) -> None:
        self.release = release

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def echo(request: dict[str, Any]) -> Answer:
    """Answer with what the user said last, the script of a double that was told nothing."""
    content = request["messages"][-1]["content"]
    texts = [content] if isinstance(content, str) else [block["text"] for block in content if block["type"] == "text"]
    return Answer(text=f"You said: {' '.join(texts)}".strip())


class Scripted(Loopback):
    """The side of the double that tests speak to."""

    def __init__(self) -> None:
        super().__init__()
        self.script: Callable[[dict[str, Any]], Answer] = echo
        self.requests: list[Record] = []
        self.secrets: set[str] = set()
        self.leaks: list[Record] = []
        self.under_way: set[int] = set()
        self.max_in_flight = 0
        self.key_counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.billed_tokens: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.cache = PromptCache()
        self.queue: deque[Answer] = deque()
        self.faults: deque[Fault] = deque()
        self.gate: asyncio.Event | None = None
        self.losing: Callable[[int], bool] = lambda _: False

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

    def answers(self, *answers: Answer) -> None:
        """Queue answers, which come before those of the script."""
        self.queue.extend(answers)

    def fail(
        self,
        times: float = 1,
        status: int | None = None,
        type: str = "overloaded_error",  # noqa: A002  # the vendor's word
        message: str = "Overloaded",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse the next valid requests with an error."""
        known = STATUS[type] if status is None else status
        self.faults.append(Fault("fail", times, 0, type, message, known, dict(headers or {})))

    def cut(self, after_events: int, times: float = 1) -> None:
        """Close the connection of the next answers after so many events; the answer itself stays queued."""
        self.faults.append(Fault("cut", times, after_events))

    def error_event(
        self,
        after_events: int,
        times: float = 1,
        type: str = "overloaded_error",  # noqa: A002  # the vendor's word
        message: str = "Overloaded",
    ) -> None:
        """End the next answers with an error after so many events; the answer itself stays queued."""
        self.faults.append(Fault("error event", times, after_events, type, message, STATUS[type]))

    def hang(self, times: float = 1) -> None:
        """Accept the next requests and never answer them."""
        self.faults.append(Fault("hang", times))

    def hang_mid_stream(self, after_events: int, times: float = 1) -> None:
        """Fall silent in the next answers after so many events; the answer itself stays queued."""
        self.faults.append(Fault("hang mid-stream", times, after_events))

    def lose(self, share: float, seed: int) -> None:
        """Close the connection of a share of all requests from now on without an answer, the same ones for a seed."""

        def lost(number: int) -> bool:
            drawn = int.from_bytes(sha256(f"{seed}:{number}".encode()).digest()[:8], "big")
            return drawn < share * 2**64

        self.losing = lost

    def hold(self) -> Hold:
        """Let answers wait from now on until they are released."""
        self.call(self._close_gate)
        return Hold(self.release)

    def release(self) -> None:
        """Let the waiting answers and those to come go."""
        self.call(self._open_gate)

    def advance(self, seconds: float) -> None:
        """Move the clock of the prompt cache forward."""
        self.call(self.cache.advance, seconds)

    @property
    def in_flight(self) -> int:
        """How many requests for answers are under way."""
        return len(self.under_way)

    @property
    def message_requests(self) -> list[Record]:
        """The records of the requests for answers."""
        return [record for record in self.requests if record.path == "/v1/messages"]

    def _close_gate(self) -> None:
        self.gate = self.gate or asyncio.Event()

    def _open_gate(self) -> None:
        if self.gate is not None:
            self.gate.set()
        self.gate = None

    def _next_fault(self) -> Fault | None:
        if not self.faults:
            return None
        fault = self.faults[0]
        fault.times -= 1
        if fault.times <= 0:
            self.faults.popleft()
        return fault

    def _next_answer(self, body: dict[str, Any], *, keep: bool) -> Answer:
        if not self.queue:
            return self.script(body)
        return self.queue[0] if keep else self.queue.popleft()

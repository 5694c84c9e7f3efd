"""What the doubles of the models' providers share: scripted answers, ordered faults, and records of what they were asked."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from aiohttp import web

from tests.loopback import Loopback
from tests.measure import compact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

# As the number of times, for a fault that stays.
ALWAYS = math.inf

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_HIDDEN = frozenset({"authorization", "x-api-key"})

Said = TypeVar("Said", bound="Paced")


@dataclass(frozen=True)
class ToolCall:
    """A tool call of the model; arguments given as a string are sent as they are, even when they are no JSON."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Paced:
    """An answer of the model and the pace at which it comes."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    # At most so many characters of the last tool call's JSON are sent, as when the tokens run out in it.
    json_cut: int | None = None
    delay: float = 0.0
    chunk: int = 20
    pause: float = 0.0


@dataclass
class Fault:
    """What goes wrong with some of the requests to come; a body replaces the one made from type and message."""

    kind: Literal["fail", "cut", "error event", "hang", "hang mid-stream"]
    times: float
    after_events: int = 0
    type: str = ""
    message: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None


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


class Complaint(Exception):
    """An answer in a vendor's shape of errors."""

    def __init__(self, kind: str, message: str, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
        self.replaced: object = None  # a body that is sent instead of the vendor's

    def body(self, request_id: str) -> dict[str, object]:
        """Return the JSON object that the vendor sends for it."""
        raise NotImplementedError

    def response(self, request_id: str, headers: Mapping[str, str]) -> web.Response:
        """Return the whole answer; a body that is a text is a proxy's page."""
        if isinstance(self.replaced, str):
            return web.Response(
                text=self.replaced, status=self.status, content_type="text/html", headers={**headers, **self.headers}
            )
        body = self.body(request_id) if self.replaced is None else self.replaced
        return web.json_response(body, status=self.status, headers={**headers, **self.headers})


def _no_number(name: str) -> float:
    raise ValueError(f"unexpected {name}")


class Scripted(Loopback, Generic[Said]):
    """The side of a double that tests speak to, and the book that it keeps."""

    asked_at = ""  # the path of requests for answers

    def __init__(self, script: Callable[[dict[str, Any]], Said]) -> None:
        super().__init__()
        self.script = script
        self.keeps_bodies = True
        self.requests: list[Record] = []
        self.secrets: set[str] = set()
        self.leaks: list[Record] = []
        self.under_way: set[int] = set()
        self.max_in_flight = 0
        self.key_counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.billed_tokens: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.queue: deque[Said] = deque()
        self.faults: deque[Fault] = deque()
        self.gate: asyncio.Event | None = None
        self.losing: Callable[[int], bool] = lambda _: False
        self._halting = False

    def answers(self, *answers: Said) -> None:
        """Queue answers, which come before those of the script."""
        self.queue.extend(answers)

    def cut(self, after_events: int, times: float = 1) -> None:
        """Close the connection of the next answers after so many events; the answer itself stays queued."""
        self.faults.append(Fault("cut", times, after_events))

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

    @property
    def in_flight(self) -> int:
        """How many requests for answers are under way."""
        return len(self.under_way)

    @property
    def message_requests(self) -> list[Record]:
        """The records of the requests for answers."""
        return [record for record in self.requests if record.path == self.asked_at]

    def stop(self) -> None:
        """End the server, and record the requests under way as stopped by it."""
        self._halting = True
        super().stop()
        self._halting = False

    def headers_of(self, record: Record) -> dict[str, str]:
        """Return the headers with which the vendor answers."""
        raise NotImplementedError

    def bill(self, record: Record) -> None:
        """Note what a request cost its key."""
        raise NotImplementedError

    async def observe(
        self, work: Callable[[web.Request, Record], Awaitable[web.StreamResponse]], request: web.Request
    ) -> web.StreamResponse:
        """Answer a request, and keep a record of it without its key."""
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower() not in _HIDDEN}
        record = Record(len(self.requests), request.method, request.path, headers, f"req_{token_hex(12)}")
        record.peer = request.transport.get_extra_info("peername") if request.transport else None
        self.requests.append(record)
        self.changed()
        try:
            response = await work(request, record)
        except Complaint as error:
            record.outcome, record.message, record.status = error.kind, error.message, error.status
            return error.response(record.request_id, self.headers_of(record))
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
            self.finish(record)

    def finish(self, record: Record) -> None:
        """Close the record of a request."""
        if record.ended is not None:
            return
        record.ended = monotonic()
        if not self.keeps_bodies:
            record.body = None
        record.outcome = record.outcome or "script failed"  # nothing else raises what the double does not expect
        self.under_way.discard(record.number)
        self.key_counts[record.key].update(("requests", record.outcome))
        if record.usage and record.billed:
            self.bill(record)
        self.changed()

    def note(self, raw: bytes, record: Record) -> str:
        """Keep the body of a request and look for secrets in it; return what is wrong with its JSON."""
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

    def next_fault(self) -> Fault | None:
        """Return what goes wrong with this request."""
        if not self.faults:
            return None
        fault = self.faults[0]
        fault.times -= 1
        if fault.times <= 0:
            self.faults.popleft()
        return fault

    def next_answer(self, body: dict[str, Any], *, keep: bool) -> Said:
        """Return the answer to this request, which a fault leaves queued."""
        if not self.queue:
            return self.script(body)
        return self.queue[0] if keep else self.queue.popleft()

    def _close_gate(self) -> None:
        self.gate = self.gate or asyncio.Event()

    def _open_gate(self) -> None:
        if self.gate is not None:
            self.gate.set()
        self.gate = None

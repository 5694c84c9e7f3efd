"""However a stream is cut into deltas, chunks and packets, the house reads the same answer."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.models.openai_compatible import OpenAICompatibleModel
from bot.errors import Unavailable
from bot.ports import Answer, Call, Ending, Route, Text, Usage
from tests.asking import Stop, ask
from tests.loopback import Loopback
from tests.openai_models import FLAVOURS
from tests.openai_script import Answer as Scripted
from tests.openai_shapes import CreateCompletion
from tests.openai_stream import compose, sse
from tests.scripted import ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Both = tuple["Pieces", OpenAICompatibleModel]
ROUTE = Route(provider="groq", key_id="k", model="llama-3.3-70b-versatile")
SAID = Scripted(text="Zwölf 🎩 „Gäste“\n\n", tool_calls=(ToolCall("look", {"at": "Tür 🚪"}), ToolCall("look", {"at": ""})))


class Pieces(Loopback):
    """A server that sends what it is told, in the pieces in which it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: Sequence[bytes] = ()
        self.content_type = "text/event-stream"

    def routes(self) -> list[web.RouteDef]:
        """Return the one route."""
        return [web.post("/chat/completions", self._send)]

    async def _send(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"content-type": self.content_type})
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        return response


@pytest.fixture(scope="module")
def pieces() -> Iterator[tuple[Pieces, OpenAICompatibleModel]]:
    """Run such a server, with the house's adapter for it."""
    with Pieces() as server:
        model = OpenAICompatibleModel("groq", {"k": "key-of-groq"}, server.url)
        yield server, model
        model.close()


def wire(chunk: int) -> bytes:
    """Return the whole stream of an answer whose deltas have so many characters."""
    request = CreateCompletion.model_validate(
        {"model": ROUTE.model, "messages": [{"role": "user", "content": "x"}], "stream_options": {"include_usage": True}}
    )
    reply = compose(SAID, request, FLAVOURS["groq"], 20, 5)
    return b"".join(event.wire for event in reply.events(chunk))


def read(pieces: Both, *told: bytes) -> tuple[Answer, list[str]]:
    """Return what the house makes of a stream that comes in such pieces."""
    server, model = pieces
    server.pieces = [piece for piece in told if piece]
    shown: list[str] = []
    return model.answer(ask(), ROUTE, shown.append, Stop()), shown


def meaning(given: Answer) -> tuple[list[object], Usage, Ending, bool]:
    """Return what an answer says, without the ids, which are drawn anew each time."""
    content: list[object] = [(block.name, block.arguments) if isinstance(block, Call) else block for block in given.content]
    return content, given.usage, given.ending, given.usage_reported


@settings(deadline=None, max_examples=60)
@given(chunk=st.integers(0, 40), cuts=st.lists(st.integers(0, 6000), max_size=30))
def test_every_cutting_is_the_same_answer(pieces: Both, chunk: int, cuts: list[int]) -> None:
    """Deltas of any length, packets cut at any byte, in a character too: always the same words, calls and cost."""
    whole = wire(chunk)
    bounds = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    given_answer, shown = read(pieces, *(whole[start:end] for start, end in pairwise(bounds)))
    content, usage, ending, reported = meaning(given_answer)
    assert content == [Text(text=SAID.text), ("look", {"at": "Tür 🚪"}), ("look", {"at": ""})]
    assert (usage.input, usage.cache_read, ending, reported) == (15, 5, Ending.CALLS, True)
    assert usage.output > 0
    assert shown[-1] == SAID.text


def finished(**more: object) -> dict[str, Any]:
    """Return the chunk that ends an answer."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **more}


def test_a_character_in_two_chunks(pieces: Both) -> None:
    """The halves of a character that a server escapes in two chunks become one; half a one alone is replaced."""
    first, second = (b'data: {"choices":[{"index":0,"delta":{"content":"\\u%s"}}]}\n\n' % half for half in (b"d83c", b"dfa9"))
    assert read(pieces, first, second, sse(finished()))[1][-1] == "🎩"
    assert read(pieces, first, sse(finished()))[1][-1] == "\ufffd"


def test_calls_without_number_and_id(pieces: Both) -> None:
    """Where nothing else says so, a name says where the next call begins."""
    named = [{"choices": [{"delta": {"tool_calls": [{"function": {"name": "look"}}]}}]}]
    rest = [{"choices": [{"delta": {"tool_calls": [{"function": {"arguments": text}}]}}]} for text in ('{"at"', ":1}")]
    given_answer, _ = read(pieces, *map(sse, [*named, *rest, *named, *rest, finished()]))
    assert meaning(given_answer)[0] == [("look", {"at": 1})] * 2


def test_a_reason_of_its_own(pieces: Both) -> None:
    """A server with a word of its own for the end of an answer has come to it all the same."""
    ended = {"choices": [{"delta": {"content": "Yes"}, "finish_reason": "eos_token"}]}
    given_answer, _ = read(pieces, sse(ended))
    assert meaning(given_answer) == ([Text(text="Yes")], Usage(), Ending.DONE, False)


def test_what_is_counted_on_the_way(pieces: Both) -> None:
    """Only what is reported with the end, or after it, is what an answer costs."""
    on_the_way = {"choices": [{"delta": {"content": "Yes"}}], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}
    assert not read(pieces, sse(on_the_way), sse(finished()))[0].usage_reported
    last = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}
    assert read(pieces, sse(on_the_way), sse(finished()), sse(last))[0].usage == Usage(input=9, output=5)


def test_arguments_as_an_object(pieces: Both) -> None:
    """A server that writes a call's arguments as an object instead of a text is understood."""
    call = {"index": 0, "id": "functions.look:0", "function": {"name": "look", "arguments": {"at": "é"}}}
    given_answer, _ = read(pieces, sse({"choices": [{"delta": {"tool_calls": [call]}}]}), sse(finished()))
    assert meaning(given_answer)[0] == [("look", {"at": "é"})]


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"x_groq": {"usage": {"prompt_tokens": 9, "completion_tokens": 2}}}, Usage(input=9, output=2)),
        (
            {"usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}},
            Usage(input=5, output=2, cache_read=4),
        ),
        ({"usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": None}}, Usage(input=9, output=2)),
        (
            {"usage": {"prompt_tokens": 9, "completion_tokens": -2, "prompt_tokens_details": {"cached_tokens": 99}}},
            Usage(cache_read=9),
        ),
        ({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}, None),
        ({"usage": {"prompt_tokens": "many"}}, None),
        ({"usage": None}, None),
        ({"usage": []}, None),
    ],
)
def test_usage_in_all_its_forms(pieces: Both, told: dict[str, Any], usage: Usage | None) -> None:
    """Groq's and DeepSeek's fields are read; what is nonsense is not reported."""
    given_answer, _ = read(pieces, sse(finished(**told)))
    assert (given_answer.usage, given_answer.usage_reported) == (usage or Usage(), usage is not None)


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"data: [DONE]\n\n",
        b"data: {\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"data: []\n\n",
        b"data: null\n\n",
        b"<html>Welcome to the hotel's network</html>",
        b'data: {"choices":null,"error_type":"BadRequestError","error_message":"it went wrong","code":null}\n\n',
        b'data: {"choices":[{"index":0,"error":{"code":502,"message":"it went wrong"},"finish_reason":"error"}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":null,"finish_reason":"error"}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{"content":["x"]}}]}\n\n',
        b'data: {"choices":"many","usage":{"prompt_tokens":[]}}\n\n',
    ],
)
def test_what_is_no_stream(pieces: Both, told: bytes) -> None:
    """Anything else that comes with a status of 200 is an answer that broke off, and may have been billed."""
    with pytest.raises(Unavailable) as caught:
        read(pieces, told)
    assert caught.value.charged
    assert b"it went wrong" not in told or "it went wrong" in caught.value.reason


def test_an_error_with_a_status_of_200(pieces: Both) -> None:
    """A router that says 200 and then sends one JSON object with an error is understood."""
    server, _ = pieces
    server.content_type = "application/json"
    with pytest.raises(Unavailable, match="upstream is down"):
        read(pieces, b'{"error":{"code":502,"message":"upstream is down"}}')
    server.content_type = "text/event-stream"

"""Tests of what the double of the Messages API does over time: waiting, falling silent, losing and noticing."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from tests.anthropic_samples import HEADERS, request, send, user
from tests.anthropic_script import ALWAYS, Answer
from tests.anthropic_server import KEY, AnthropicServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED: Any = request()


@pytest.fixture
def server() -> Iterator[AnthropicServer]:
    """Run a double."""
    with AnthropicServer() as running:
        yield running


def connect(server: AnthropicServer, timeout: float = 10) -> anthropic.Anthropic:
    """Connect the vendor's client to the double."""
    return anthropic.Anthropic(base_url=server.url, api_key=KEY, max_retries=0, timeout=timeout)


def test_waits_before_and_between(server: AnthropicServer) -> None:
    """The delay before the first byte and the pauses between chunks are kept."""
    server.answers(Answer(text="x" * 40, delay=0.1, chunk=10, pause=0.02))
    assert send(server, request(stream=True)).status == 200
    record = server.requests[0]
    assert record.answered is not None
    assert record.ended is not None
    assert record.answered - record.started >= 0.1
    assert record.ended - record.answered >= 0.06


def test_never_answers(server: AnthropicServer) -> None:
    """A hanging request stays unanswered until the client gives up, which the double notices."""
    server.hang()
    with connect(server, timeout=0.1) as client, pytest.raises(anthropic.APITimeoutError):
        client.messages.create(**ASKED)
    server.wait_until(lambda: server.requests[0].outcome == "client gone", 1, "the client to be gone")
    assert not server.billed_tokens


@pytest.mark.parametrize("doing", ["speaking", "silent"])
def test_notices_that_the_client_goes(server: AnthropicServer, doing: str) -> None:
    """A client that closes its stream is noticed within a second, while the double speaks or is silent."""
    server.script = lambda _: Answer(text="x" * 4000, chunk=4, pause=0.01)
    if doing == "silent":
        server.hang_mid_stream(after_events=6)
    with connect(server) as client, client.messages.stream(**ASKED) as events:
        assert next(iter(events.text_stream)) == "xxxx"
        assert server.in_flight == 1
    closed = monotonic()
    server.wait_until(lambda: server.in_flight == 0, 1, "the client to be gone")
    record = server.requests[0]
    assert (record.outcome, 0 < record.usage["output_tokens"] < 100) == ("client gone", True)
    assert record.ended is not None
    assert record.ended - closed < 1


def test_holds_answers_until_released(server: AnthropicServer) -> None:
    """Held answers wait, all at once, and come when they are released."""
    with ThreadPoolExecutor(3) as pool:
        with server.hold():
            waiting = [pool.submit(send, server, request()) for _ in range(3)]
            server.wait_until(lambda: server.in_flight == 3, 5, "three requests under way")
            assert not any(future.done() for future in waiting)
        assert [future.result().status for future in waiting] == [200] * 3
    assert (server.in_flight, server.max_in_flight) == (0, 3)
    server.hold()
    server.release()
    assert send(server, request()).status == 200


def test_loses_a_share(server: AnthropicServer) -> None:
    """A share of all requests is lost, the same ones for the same seed."""

    def lost() -> list[bool]:
        server.requests.clear()
        for _ in range(30):
            try:
                send(server, request())
            except ConnectionError:
                continue
        return [record.outcome == "lost" for record in server.requests]

    server.lose(0.3, seed=7)
    first = lost()
    assert (first, 3 < sum(first) < 16) == (lost(), True)


def test_tells_when_its_script_fails(server: AnthropicServer) -> None:
    """A script that raises is a 500 for the client and named as the cause in the record."""

    def script(body: dict[str, Any]) -> Answer:
        raise LookupError(body["model"])

    server.script = script
    assert send(server, request()).status == 500
    assert server.requests[0].outcome == "script failed"


def test_a_fault_can_stay(server: AnthropicServer) -> None:
    """A fault ordered for ever holds until the orders are cleared."""
    server.fail(times=ALWAYS)
    assert [send(server, request()).status for _ in range(3)] == [529] * 3
    server.faults.clear()
    assert send(server, request()).status == 200


def test_records_requests_without_their_key(server: AnthropicServer) -> None:
    """A record has the body, the headers without the key, the times, the usage and the outcome."""
    send(server, request())
    send(server, b"no JSON")
    record = server.message_requests[0]
    assert record.body == request()
    assert (record.key, record.outcome, record.status) == ("key-1", "answered", 200)
    assert record.headers["anthropic-version"] == HEADERS["anthropic-version"]
    assert KEY not in repr(server.requests)
    assert record.ended is not None
    assert record.started <= record.ended <= monotonic()
    assert server.requests[1].outcome == "invalid_request_error"
    assert server.key_counts["key-1"] == {"requests": 2, "answered": 1, "invalid_request_error": 1}


def test_notices_leaked_secrets(server: AnthropicServer) -> None:
    """A body that carries a known secret is recorded as a leak, however JSON spells it."""
    server.secrets = {"hunter2", 'p"ä\n'}
    send(server, request())
    assert not server.leaks
    send(server, request(messages=[user("The password is hunter2.")]))
    send(server, request(system='Say p"ä\n'))
    send(server, b"hunter2", "/elsewhere")
    assert [record.leaked for record in server.leaks] == [("hunter2",), ('p"ä\n',), ("hunter2",)]


def test_records_what_its_stop_interrupts(server: AnthropicServer) -> None:
    """A request that was under way when the double stopped is recorded as such, and the double starts again."""
    server.hang()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, server, request())
        server.wait_until(lambda: server.in_flight == 1, 5, "the request under way")
        server.stop()
        assert isinstance(waiting.exception(), ConnectionError)
    assert server.requests[0].outcome == "server stopped"
    server.start()
    assert send(server, request()).status == 200


def test_runs_as_a_process_of_its_own() -> None:
    """As a process it prints its address, answers as its arguments say, and tells its figures on demand."""
    command = [sys.executable, "-m", "tests.anthropic_server", "--key", KEY, "--delay", "0.01", "--text", "Sir?"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with anthropic.Anthropic(base_url=process.stdout.readline().strip(), api_key=KEY, max_retries=0) as client:
            assert client.messages.create(**ASKED).content[0].to_dict()["text"] == "Sir?"
        process.stdin.write("stats\n")
        process.stdin.flush()
        figures = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(30) == 0
    assert (figures["requests"], figures["max_in_flight"], figures["outcomes"]) == (1, 1, ["answered"])
    assert figures["started"][0] < monotonic()

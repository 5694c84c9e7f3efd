"""Tests that the double of the Messages API counts, caches and bills tokens as the vendor does."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import pytest

from tests.anthropic_samples import (
    CACHED,
    CACHED_1H,
    HEADERS,
    OLD_MODEL,
    TOOL,
    assistant,
    call,
    request,
    result,
    send,
    text,
    user,
)
from tests.anthropic_script import Answer
from tests.anthropic_server import KEY, AnthropicServer

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER_KEY = "sk-ant-other-key"
# 2,000 tokens, above the least that the newer models cache and below the least of the older one.
LONG = "x" * 7000


@pytest.fixture
def server() -> Iterator[AnthropicServer]:
    """Run a double that two accounts may use."""
    with AnthropicServer([KEY, OTHER_KEY]) as running:
        yield running


def ask(server: AnthropicServer, *content: object, key: str = KEY, **changes: object) -> tuple[int, int, int]:
    """Send a prompt and return what was read from the cache, written to it, and neither."""
    body = request(messages=[user(*(content or ("Hi",)))], **changes)
    received = send(server, body, headers=HEADERS | {"authorization": f"Bearer {key}"})
    assert received.status == 200, received.body
    usage = received.body["usage"]
    return usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"], usage["input_tokens"]


SYSTEM = [text(LONG, **CACHED)]


def test_writes_then_reads(server: AnthropicServer) -> None:
    """The first request writes the prefix up to the breakpoint, the next one reads it; the rest is fresh."""
    assert ask(server, "Hi", system=SYSTEM) == (0, 2000, 5)
    assert ask(server, "How are you?", system=SYSTEM) == (2000, 0, 8)


def test_without_a_breakpoint_nothing_is_cached(server: AnthropicServer) -> None:
    """A prompt without breakpoints is fresh each time."""
    assert [ask(server, system=LONG), ask(server, system=LONG)] == [(0, 0, 2005)] * 2


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-opus-5-5", 512),
        ("claude-sonnet-5-5", 512),
        ("claude-haiku-5-5", 512),
        ("claude-sonnet-5", 1024),
        (OLD_MODEL, 4096),
    ],
)
def test_caches_only_prefixes_that_are_long_enough(server: AnthropicServer, model: str, least: int) -> None:
    """A prefix shorter than the model's least is silently not cached."""
    enough, short = "x" * (least * 7 // 2), "x" * (least * 7 // 2 - 4)
    assert ask(server, system=[text(short, **CACHED)], model=model)[:2] == (0, 0)
    assert ask(server, system=[text(enough, **CACHED)], model=model)[:2] == (0, least)


def test_keeps_entries_five_minutes_after_their_last_use(server: AnthropicServer) -> None:
    """A read refreshes an entry; five minutes without one end it."""
    ask(server, system=SYSTEM)
    for _ in range(3):
        server.advance(290)
        assert ask(server, system=SYSTEM)[0] == 2000
    server.advance(301)
    assert ask(server, system=SYSTEM)[:2] == (0, 2000)


def test_keeps_entries_of_an_hour_for_an_hour(server: AnthropicServer) -> None:
    """An entry with a ttl of an hour outlives five minutes and is reported as such."""
    body = request(system=[text(LONG, **CACHED_1H)])
    written = send(server, body).body["usage"]["cache_creation"]
    assert written == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 2000}
    server.advance(3500)
    assert send(server, body).body["usage"]["cache_read_input_tokens"] == 2000
    server.advance(3601)
    assert send(server, body).body["usage"]["cache_read_input_tokens"] == 0


def test_entries_belong_to_a_key_and_a_model(server: AnthropicServer) -> None:
    """Neither another account nor another model reads what is cached."""
    ask(server, system=SYSTEM)
    assert ask(server, system=SYSTEM, key=OTHER_KEY)[0] == 0
    assert ask(server, system=SYSTEM, model="claude-opus-5-5")[0] == 0


def test_a_change_before_the_breakpoint_misses(server: AnthropicServer) -> None:
    """The order is tools, system, messages: a change in one loses what is cached of it and after it."""
    tools = [TOOL | {"description": LONG, **CACHED}]
    first = ask(server, text("Hi", **CACHED), tools=tools, system=SYSTEM)
    assert first[0] == 0
    read, written, _ = ask(server, text("Hi", **CACHED), tools=tools, system=[text("y" + LONG, **CACHED)])
    assert 2000 < read < written + read
    assert ask(server, text("Hi", **CACHED), tools=[TOOL | {"description": "y", **CACHED}], system=SYSTEM)[0] == 0


def test_a_change_of_effort_loses_only_the_messages(server: AnthropicServer) -> None:
    """What is cached of tools and system stays readable when thinking, effort or the choice of tools changes."""
    prompt = text(LONG, **CACHED)
    assert ask(server, prompt, system=SYSTEM) == (0, 4004, 0)
    assert ask(server, prompt, system=SYSTEM, output_config={"effort": "high"}) == (4004, 0, 0)  # the default
    assert ask(server, prompt, system=SYSTEM, output_config={"effort": "low"}) == (2000, 2004, 0)


def test_a_growing_conversation_reads_all_that_was_before(server: AnthropicServer) -> None:
    """With the automatic breakpoint each turn reads the one before and writes what it added."""
    messages = [user(LONG)]
    for turn in range(3):
        usage = send(server, request(messages=messages, **CACHED)).body["usage"]
        assert (usage["cache_read_input_tokens"] > 0, usage["input_tokens"]) == (turn > 0, 0)
        assert usage["cache_creation_input_tokens"] == (2004 if turn == 0 else 11)
        messages += [assistant("Yes"), user("More")]


@pytest.mark.parametrize(("added", "read"), [(19, 2004), (20, 0)])
def test_looks_back_over_twenty_blocks(server: AnthropicServer, added: int, read: int) -> None:
    """An entry is found up to twenty positions back, the breakpoint's own counted as the first."""
    ask(server, text(LONG, **CACHED))
    later = [text("x")] * (added - 1)
    assert ask(server, text(LONG), *later, text("x", **CACHED))[0] == read


def test_a_run_of_tool_calls_is_one_position(server: AnthropicServer) -> None:
    """Thirty calls at once and their thirty results do not hide the entry before them."""
    ids = [f"toolu_{number}" for number in range(30)]
    ask(server, text(LONG, **CACHED), tools=[TOOL])
    messages = [user(LONG), assistant(*map(call, ids)), user(*map(result, ids))]
    usage = send(server, request(messages=messages, tools=[TOOL], **CACHED)).body["usage"]
    assert usage["cache_read_input_tokens"] > 2000


def test_an_entry_is_readable_once_its_answer_begins(server: AnthropicServer) -> None:
    """A request that fails writes nothing to the cache."""
    server.cut(after_events=0)
    with pytest.raises(ConnectionError):
        send(server, request(system=SYSTEM))
    assert ask(server, system=SYSTEM)[:2] == (0, 2000)


def test_counts_the_same_in_every_place(server: AnthropicServer) -> None:
    """The count of a prompt is what its usage sums up to, read from the cache or not."""
    body = request(messages=[user(text("Hi"), text("there"))], tools=[TOOL], system=SYSTEM)
    counted = {name: body[name] for name in ("model", "messages", "tools", "system")}
    expected = send(server, counted, "/v1/messages/count_tokens").body["input_tokens"]
    for _ in range(2):
        assert sum(ask(server, text("Hi"), text("there"), tools=[TOOL], system=SYSTEM)) == expected


def test_bills_what_the_vendor_would_bill(server: AnthropicServer) -> None:
    """Each key's bill has its prompts by kind and its output; errors and refusals without output are free."""
    server.says("x" * 35)
    ask(server, system=SYSTEM)
    server.says("x" * 35)
    ask(server, system=[text(LONG, **CACHED_1H)], key=OTHER_KEY)
    server.fail()
    send(server, request(system=SYSTEM))
    server.refuses("cyber")
    ask(server, system=SYSTEM)
    server.says("x" * 35)
    ask(server, system=SYSTEM)
    assert server.billed_tokens["key-1"] == {
        "input_tokens": 10,
        "cache_creation_5m_tokens": 2000,
        "cache_creation_1h_tokens": 0,
        "cache_read_tokens": 2000,
        "output_tokens": 20,
    }
    assert server.billed_tokens["key-2"]["cache_creation_1h_tokens"] == 2000


def test_bills_a_cut_stream_up_to_the_cut(server: AnthropicServer) -> None:
    """A stream that breaks off costs its prompt and what was generated by then."""
    server.answers(Answer(text="x" * 700, chunk=70))
    server.cut(after_events=6)  # message_start, ping, content_block_start and three deltas
    with pytest.raises(http.client.IncompleteRead):
        send(server, request(stream=True))
    server.wait_until(lambda: bool(server.billed_tokens), 5, "the bill of the cut stream")
    assert server.billed_tokens["key-1"]["output_tokens"] == 60
    assert server.requests[0].usage["output_tokens"] == 60

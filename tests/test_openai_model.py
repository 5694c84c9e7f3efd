"""The adapter for OpenAI's protocol: what it sends, what it makes of what comes, and how it is stopped."""

from __future__ import annotations

from base64 import b64encode
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from adapters.models.openai_compatible import OpenAICompatibleModel
from adapters.models.openai_stream import UNREADABLE
from bot.ports import Answer, Call, Ending, Prompt, PromptMessage, Result, Route, Text, Thought, Usage
from tests.asking import LOOK, Stop, answer, ask, connect
from tests.openai_script import Answer as Scripted
from tests.openai_script import Sloppy
from tests.openai_server import OpenAIServer
from tests.sample_files import PICTURE, PNG
from tests.scripted import ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = (ToolCall("look", {"at": "the door"}), ToolCall("look", {"at": "é\n"}))
Connected = tuple[OpenAIServer, OpenAICompatibleModel, Route]


@pytest.fixture
def connected() -> Iterator[Connected]:
    """Run OpenAI's double, with the house's adapter for it."""
    with OpenAIServer() as server:
        model, route = connect(server)
        assert isinstance(model, OpenAICompatibleModel)
        yield server, model, route
        model.close()


def talk(*messages: tuple[str, tuple[Any, ...]]) -> Prompt:
    """Return a prompt of several messages."""
    told = tuple(PromptMessage.model_validate({"role": role, "content": content}) for role, content in messages)
    return Prompt(system="You are a butler.", tools=(LOOK,), messages=told, max_output=1000)


def calls_of(given: Answer) -> list[tuple[str, object]]:
    """Return what an answer calls."""
    return [(block.name, block.arguments) for block in given.content if isinstance(block, Call)]


def say(connected: Connected, prompt: Prompt | None = None) -> tuple[Answer, list[str]]:
    """Ask and return the answer with what was shown on the way."""
    _, model, route = connected
    return answer(model, route, prompt or ask())


def test_a_whole_conversation_is_translated(connected: Connected) -> None:
    """Results come before words, neighbours are one message, thoughts of others are left out, pictures are parts."""
    call = Call(id="toolu_1", name="look", arguments={"at": "é"})
    prompt = talk(
        ("user", (Text(text="Look"),)),
        ("user", (Text(text="there"), PICTURE)),
        ("butler", (Thought(model="claude-sonnet-5-5", block={"type": "thinking"}),)),
        ("user", (Text(text="Please"),)),
        ("butler", (Thought(model="claude-sonnet-5-5", block={}), Text(text="Yes"), call)),
        ("user", (Text(text="Well?"), Result(call_id="toolu_1", text="nobody", is_error=True))),
        ("butler", (Text(text="Nobody."),)),
        ("user", (Text(text="Thanks"), Text(text="Bye"))),
    )
    say(connected, prompt)
    parts = [
        {"type": "text", "text": "Look"},
        {"type": "text", "text": "there"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64encode(PNG).decode()}"}},
        {"type": "text", "text": "Please"},
    ]
    told = {"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "\\u00e9"}'}}
    assert connected[0].requests[0].body["messages"] == [
        {"role": "system", "content": "You are a butler."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "Yes", "tool_calls": [told]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "nobody"},
        {"role": "user", "content": "Well?"},
        {"role": "assistant", "content": "Nobody."},
        {"role": "user", "content": "Thanks\n\nBye"},
    ]


def test_traits_of_the_providers() -> None:
    """OpenAI takes `max_completion_tokens`, others `max_tokens`; an effort goes where the table names one."""
    expected = {
        "openai": ("max_completion_tokens", "low"),
        "groq": ("max_tokens", "low"),
        "openrouter": ("max_tokens", "low"),
        "nvidia": ("max_tokens", None),
        "sokosumi": ("max_tokens", None),
    }
    for provider, (longest, effort) in expected.items():
        with OpenAIServer(flavour=provider) as server:
            model, route = connect(server)
            model.answer(ask(), route.model_copy(update={"effort": effort}), lambda _: None, Stop())
            body = server.requests[0].body
            assert (body[longest], body.get("reasoning_effort")) == (1000, effort)
            assert body["tools"][0]["function"]["name"] == "look"
            assert model.count(ask(), route) is None
            model.close()


def test_the_text_grows(connected: Connected) -> None:
    """What is shown is the text so far, each time longer, and at last all of it."""
    connected[0].answers(Scripted(text="Good evening, sir. " * 5, chunk=7))
    given, shown = say(connected)
    assert given.content == (Text(text="Good evening, sir. " * 5),)
    assert shown[-1] == "Good evening, sir. " * 5
    assert all(after.startswith(before) and len(after) > len(before) for before, after in pairwise(shown))
    assert (given.ending, given.organisation, given.usage_reported) == (Ending.DONE, "org-key-1", True)


@pytest.mark.parametrize("sloppy", ["", "no ids", "same ids", "one index", "no index", "whole", "stops"])
def test_calls_come_whole(connected: Connected, sloppy: Sloppy) -> None:
    """Two calls are two calls with ids of their own, however sloppily they are told."""
    connected[0].answers(Scripted(tool_calls=CALLS, sloppy=sloppy, chunk=3))
    given, _ = say(connected)
    assert calls_of(given) == [("look", {"at": "the door"}), ("look", {"at": "é\n"})]
    assert given.ending is Ending.CALLS
    ids = [block.id for block in given.content if isinstance(block, Call)]
    assert len(set(ids)) == 2
    assert all(ids)


def test_the_old_form_of_a_call(connected: Connected) -> None:
    """A function call of the form before there were tools is a call."""
    connected[0].answers(Scripted(tool_calls=CALLS[:1], sloppy="old"))
    given, _ = say(connected)
    assert (calls_of(given), given.ending) == ([("look", {"at": "the door"})], Ending.CALLS)


@pytest.mark.parametrize(
    "arguments", ['{"at": ', "at the door", "[1]", "NaN", '{"at": NaN}', '{"at": "\\ud83d"}', "[" * 100_000]
)
def test_arguments_that_are_no_object(connected: Connected, arguments: str) -> None:
    """What cannot be read is kept where the check of arguments tells the model, and can be sent back."""
    server = connected[0]
    server.script = lambda _: Scripted(text="Sorry")
    server.answers(Scripted(tool_calls=(ToolCall("look", arguments),), chunk=0))
    given, _ = say(connected, ask(max_output=100_000))
    assert calls_of(given) == [("look", {UNREADABLE: arguments})]
    (call,) = (block for block in given.content if isinstance(block, Call))
    results = (Result(call_id=call.id, text="wrong", is_error=True),)
    say(connected, talk(("user", (Text(text="x"),)), ("butler", given.content), ("user", results)))
    assert server.requests[-1].outcome == "answered"


def test_a_call_keeps_to_the_rules_of_all(connected: Connected) -> None:
    """A name that no provider takes, and an id that is there already, are mended, so that the next request is not refused."""
    server = connected[0]
    server.calls_tools(ToolCall("find the key!", {}), ToolCall("", ""))
    given, _ = say(connected)
    assert calls_of(given) == [("find_the_key_", {}), ("unnamed", {})]
    server.calls_tools(CALLS[0], sloppy="no ids")
    results = tuple(Result(call_id=block.id, text="no") for block in given.content if isinstance(block, Call))
    say(connected, talk(("user", (Text(text="x"),)), ("butler", given.content), ("user", results)))
    assert server.requests[-1].outcome == "answered"


@pytest.mark.parametrize(
    ("scripted", "ending", "text"),
    [
        (Scripted(text="Yes"), Ending.DONE, "Yes"),
        (Scripted(text="Yes", finish_reason="length"), Ending.LENGTH, "Yes"),
        (Scripted(text="Yes", finish_reason="tool_calls"), Ending.DONE, "Yes"),
        (Scripted(text="", finish_reason="content_filter"), Ending.REFUSAL, ""),
        (Scripted(refusal="I can't."), Ending.REFUSAL, "I can't."),
        (Scripted(tool_calls=CALLS, json_cut=5), Ending.LENGTH, ""),
    ],
)
def test_why_it_stopped(connected: Connected, scripted: Scripted, ending: Ending, text: str) -> None:
    """Every reason to finish is an ending; a refusal is one, and its words are kept."""
    connected[0].answers(scripted)
    given, _ = say(connected)
    assert given.ending is ending
    assert "".join(block.text for block in given.content if isinstance(block, Text)) == text


def test_usage_is_counted_once(connected: Connected) -> None:
    """The house counts what the provider bills: what was cached apart, what was thought with the output."""
    server = connected[0]
    server.script = lambda _: Scripted(text="Yes", reasoning=50)
    prompt = ask(Text(text="x" * 8000))
    usages = [say(connected, prompt)[0].usage for _ in range(2)]
    assert usages[1].cache_read > 1024
    billed = server.billed_tokens["key-1"]
    assert sum(usage.input for usage in usages) == billed["input_tokens"]
    assert sum(usage.cache_read for usage in usages) == billed["cache_read_tokens"]
    assert sum(usage.output for usage in usages) == billed["output_tokens"] > 100


def test_unknown_usage_is_no_zero(connected: Connected) -> None:
    """An answer whose cost nobody told says so."""
    connected[0].answers(Scripted(text="Yes", usage=False))
    given, _ = say(connected)
    assert (given.usage, given.usage_reported) == (Usage(), False)


def test_cut_after_the_end(connected: Connected) -> None:
    """An answer whose connection breaks after it was complete is an answer; only its cost is unknown."""
    connected[0].says("Whole.")
    connected[0].cut(3)
    given, _ = say(connected)
    assert (given.content, given.usage_reported) == ((Text(text="Whole."),), False)

"""The same conversation with tools through all six providers: whoever thinks, the butler does and says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.ports import NO_LONGER_KEPT, Call, Ending, PromptMessage, Result, Text
from tests.asking import Stop, ask, connect, side
from tests.sample_files import PAPER, PICTURE
from tests.scripted import ToolCall

if TYPE_CHECKING:
    from bot.ports import Answer, Model, Prompt, Route

PROVIDERS = ("anthropic", "openai", "groq", "nvidia", "openrouter", "sokosumi")
THINGS = {"the door": "closed", "the window": "open"}
STEPS = 5


def converse(model: Model, route: Route, prompt: Prompt) -> tuple[list[Answer], Prompt]:
    """Ask until there is no call any more, answering each call as a house does."""
    answers: list[Answer] = []
    for _ in range(STEPS):
        given = model.answer(prompt, route, lambda _: None, Stop())
        answers.append(given)
        messages = [*prompt.messages, PromptMessage(role="butler", content=given.content)]
        calls = [block for block in given.content if isinstance(block, Call)]
        if given.ending is Ending.CALLS:
            results = tuple(Result(call_id=call.id, text=THINGS[call.arguments["at"]]) for call in calls)
            messages.append(PromptMessage(role="user", content=results))
        prompt = prompt.model_copy(update={"messages": tuple(messages)})
        if given.ending is not Ending.CALLS:
            break
    return answers, prompt


def told(given: Answer) -> object:
    """Return what an answer says and does, without ids and costs."""
    content = [(block.name, block.arguments) if isinstance(block, Call) else block for block in given.content]
    return content, given.ending, given.usage_reported


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_same_conversation_everywhere(provider: str) -> None:
    """Two calls at once, another after them, then words: the same calls and the same answer at each provider."""
    with side(provider) as server:
        model, route = connect(server)
        server.calls_tools(ToolCall("look", {"at": "the door"}), ToolCall("look", {"at": "the window"}), text="Let me look.")
        server.calls_tool("look", {"at": "the door"})
        server.says("The door is closed, the window is open.")
        model.check(route)
        answers, _ = converse(model, route, ask())
        assert [told(given) for given in answers] == [
            (
                [Text(text="Let me look."), ("look", {"at": "the door"}), ("look", {"at": "the window"})],
                Ending.CALLS,
                True,
            ),
            ([("look", {"at": "the door"})], Ending.CALLS, True),
            ([Text(text="The door is closed, the window is open.")], Ending.DONE, True),
        ]
        assert {record.outcome for record in server.requests} == {"answered"}
        assert len({record.peer for record in server.requests}) == 1  # one connection serves all of them
        billed = server.billed_tokens["key-1"]
        spent = [given.usage for given in answers]
        read = sum(count for name, count in billed.items() if name != "output_tokens")
        assert sum(usage.input + usage.cache_read + usage.cache_write for usage in spent) == read > 0
        assert sum(usage.output for usage in spent) == billed["output_tokens"] > 0
        model.close()


@pytest.mark.parametrize("second", PROVIDERS)
@pytest.mark.parametrize("first", ["anthropic", "openai"])
def test_another_provider_goes_on(first: str, second: str) -> None:
    """A conversation that one provider began, with thoughts, calls and results, is taken by any other one."""
    with side(first) as before, side(second) as after:
        one, there = connect(before)
        if first == "anthropic":
            before.thinks("Hm.", "", ToolCall("look", {"at": "the door"}))  # type: ignore[union-attr]
        else:
            before.calls_tool("look", {"at": "the door"})
        before.says("Closed.")
        _, prompt = converse(one, there, ask())
        more = PromptMessage(role="user", content=(Text(text="And the window?"),))
        prompt = prompt.model_copy(update={"messages": (*prompt.messages, more)})
        other, elsewhere = connect(after)
        after.calls_tool("look", {"at": "the window"})
        after.says("Open.")
        answers, _ = converse(other, elsewhere, prompt)
        assert answers[-1].content == (Text(text="Open."),)
        assert {record.outcome for record in after.requests} == {"answered"}
        one.close()
        other.close()


@pytest.mark.parametrize("provider", ["anthropic", "openai", "openrouter", "sokosumi", "groq", "nvidia"])
def test_all_read_a_pdf(provider: str) -> None:
    """A PDF goes as it is to who takes one, and its words to everybody else."""
    with side(provider) as server:
        model, route = connect(server)
        model.answer(ask(PAPER, Text(text="What is this?")), route, lambda _: None, Stop())
        sent = server.message_requests[-1].body["messages"][-1]["content"]
        if provider in ("anthropic", "openai", "openrouter"):
            assert [part["type"] for part in sent] == ["document" if provider == "anthropic" else "file", "text"]
        else:
            assert sent == "<file>\nInvoice 4711\n</file>\n\nWhat is this?"
        model.close()


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_what_is_no_longer_kept_is_said(provider: str) -> None:
    """Where the bytes are gone, a word stands in their place."""
    with side(provider) as server:
        model, route = connect(server)
        gone = PICTURE.model_copy(update={"sha256": "0" * 64})
        model.answer(ask(gone, Text(text="What is this?")), route, lambda _: None, Stop())
        assert NO_LONGER_KEPT in str(server.message_requests[-1].body["messages"][-1]["content"])
        model.close()


@pytest.mark.parametrize("provider", ["anthropic", "openai", "openrouter", "sokosumi"])
def test_all_that_see_are_shown_a_picture(provider: str) -> None:
    """A picture with words beside it keeps the rules of every provider whose model sees."""
    with side(provider) as server:
        model, route = connect(server)
        given = model.answer(ask(PICTURE, Text(text="What is this?")), route, lambda _: None, Stop())
        assert given.content == (Text(text="You said: What is this?"),)
        model.close()

"""The rehearsal model: a small script that uses real tools, so that the house can be tried without an account."""

import re
from collections.abc import Callable
from time import sleep
from typing import ClassVar
from uuid import uuid4

from bot.ports import Answer, Call, Ending, Interrupt, Prompt, PromptMessage, Result, Route, Text, Usage

LABEL = "_(rehearsal model: a script, not an intelligence)_"
HINT = (
    "There is no model key yet, so a small script answers. It can do a little with the house's real tools: "
    "try “remember that my locker code is 4711”, “what is my locker code?”, “what do you know about …” or "
    "“what time is it in Tokyo?”. Commands need no model: try `/remind in 1 minute stretch`, or /help. Set ANTHROPIC_API_KEY "
    "to have Claude answer."
)
PAUSE = 0.01  # seconds between two words, so that streaming is seen to work


class Rehearsal:
    """A model that knows four sentences and says that it is no more than that."""

    name = "rehearsal"
    _phrases: ClassVar[tuple[tuple[re.Pattern[str], str, str], ...]] = tuple(
        (re.compile(pattern, re.IGNORECASE | re.DOTALL), tool, argument)
        for pattern, tool, argument in (
            (r"remember(?: that)?[: ]+(.+)", "remember", "fact"),
            (r"what time is it(?: now)?(?: in (.+?))?[?.! ]*$", "current_time", "place"),
            (r"what do you know about (.+?)[?.! ]*$", "recall", "words"),
            (r"what(?:'s|’s| is| are| was) my (.+?)[?.! ]*$", "recall", "words"),
            (r"forget (?:fact )?(\d+)", "forget", "fact"),
        )
    )

    def answer(self, prompt: Prompt, route: Route, on_text: Callable[[str], None], interrupt: Interrupt) -> Answer:
        """Answer the last message: a call for a phrase that it knows, the result of one, or a hint."""
        del route
        last = prompt.messages[-1]
        results = [block for block in last.content if isinstance(block, Result)]
        if not results:
            call = self._call(_words(last), {form.name for form in prompt.tools})
            if call is not None:
                return Answer(content=(call,), usage=Usage(), ending=Ending.CALLS)
        said = "\n".join(_report(prompt, result) for result in results) or HINT
        text = f"{said}\n\n{LABEL}"
        _stream(text, on_text, interrupt)
        return Answer(content=(Text(text=text),), usage=Usage(), ending=Ending.DONE)

    def count(self, prompt: Prompt, route: Route) -> int | None:
        """Count nothing: a script reads no tokens."""
        del prompt, route
        return None

    def check(self, route: Route) -> None:
        """Accept every key: a script needs none."""

    def close(self) -> None:
        """Close nothing."""

    def _call(self, words: str, tools: set[str]) -> Call | None:
        for pattern, tool, argument in self._phrases:
            match = pattern.search(words)
            if match and tool in tools:
                value = (match[1] or "").strip()
                return Call(
                    id=f"call_{uuid4().hex}",
                    name=tool,
                    arguments={argument: int(value) if tool == "forget" else value},
                )
        return None


def _words(message: PromptMessage) -> str:
    """Return the last thing that a person wrote, without the line that says who wrote it and when."""
    texts = [block.text for block in message.content if isinstance(block, Text)]
    return texts[-1].partition("\n")[2] if texts else ""


def _report(prompt: Prompt, result: Result) -> str:
    """Say what a tool gave, in its own words."""
    calls = {block.id: block for message in prompt.messages for block in message.content if isinstance(block, Call)}
    call = calls.get(result.call_id)
    if result.is_error or call is None:
        return f"That did not work: {result.text}"
    if call.name == "remember" and not result.text.startswith("Not kept"):
        return f"I will remember that {call.arguments['fact']}."
    if call.name == "recall" and not result.text.startswith("Nothing"):
        return f"I was told:\n{result.text}"
    return result.text


def _stream(text: str, on_text: Callable[[str], None], interrupt: Interrupt) -> None:
    stopped: list[bool] = []
    with interrupt.guard(lambda: stopped.append(True)):
        for end in re.finditer(r"\S+\s*", text):
            if stopped:
                return
            on_text(text[: end.end()])
            sleep(PAUSE)

"""A long life with a butler: facts among much else, and a scripted model that knows what its request says and no more.

The model answers a question by a sentence of its prompt; where none answers it, it looks into what was said, as a model would,
by the tool; and what it finds nowhere it does not know. As the one that sums up it is the worst there can be: it forgets all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, product
from typing import Any

from bot.compaction.form import INSTRUCTION
from tests.anthropic_script import Answer, ToolCall

Json = dict[str, Any]
COLOURS = ("green", "blue", "old", "narrow", "round", "silver", "wooden")
THINGS = ("cellar", "garage", "cabin", "bicycle", "letterbox", "suitcase", "piano")
RELATIONS = ("sister", "uncle", "dentist", "plumber", "neighbour", "tailor", "accountant", "cousin", "teacher", "landlord")
FIRST = ("Katarina", "Bartolomeo", "Ingrid", "Xavier", "Ludmila", "Oskar", "Philippa", "Tancredi", "Ulrike", "Wendelin")
LAST = ("Brandt", "Okonkwo", "Lindqvist", "Marchetti", "Vasquez")
ERRANDS = (
    "water the orchids",
    "renew the passport",
    "pay the gardener",
    "return the ladder",
    "order firewood",
    "call the school",
)
FILLER = (
    "I had {n} coffees today and walked {m} steps along the river.",
    "The soup was too salty again, and the cat slept on the newspaper all afternoon.",
    "It is {n} degrees outside, and the tram was {n} minutes late.",
    "Nothing much happened; we talked about the sea and about old songs.",
    "The match ended {n} to {k}, and nobody in the house cared.",
    "I read {m} pages of that long novel about the lighthouse keeper.",
    "The neighbours are painting their fence, and the whole street smells of it.",
)
_QUESTION = re.compile(
    r"What is the code of the (?P<thing>.+)\?|What is the name of my (?P<who>.+)\?|When am I to (?P<errand>.+)\?"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+|(?:^|\n)- ")
UNKNOWN = "I do not know."


@dataclass(frozen=True)
class Fact:
    """Something that is told once, and asked for much later."""

    told: str
    question: str
    answer: str
    words: tuple[str, ...]


def facts(number: int) -> list[Fact]:
    """Return so many facts: numbers, names and promises by turns."""
    codes = (
        Fact(
            f"The code of the {colour} {thing} is {4000 + 37 * n}-{chr(65 + n % 26)}.",
            f"What is the code of the {colour} {thing}?",
            f"{4000 + 37 * n}-{chr(65 + n % 26)}",
            ("code", colour, thing),
        )
        for n, (colour, thing) in enumerate(product(COLOURS, THINGS))
    )
    names = (
        Fact(
            f"My {colour} {who} is called {FIRST[n % 10]} {LAST[n // 10 % 5]}.",
            f"What is the name of my {colour} {who}?",
            f"{FIRST[n % 10]} {LAST[n // 10 % 5]}",
            ("called", colour, who),
        )
        for n, (who, colour) in enumerate(product(RELATIONS, ("eldest", "youngest", "former")))
    )
    promises = (
        Fact(
            f"Remind me to {errand} for {who}.",
            f"When am I to {errand} for {who}?",
            f"2027-{n % 12 + 1:02}-{n % 28 + 1:02}",
            ("remind", *errand.split(), who),
        )
        for n, (errand, who) in enumerate(product(ERRANDS, FIRST))
    )
    return [next((codes, names, promises)[n % 3]) for n in range(number)]


def life(messages: int, planted: list[Fact]) -> Iterator[str]:
    """Give the messages of a life: the facts evenly among it."""
    every = messages // len(planted)
    number = count()
    for n in range(messages):
        fact, rest = divmod(n, every)
        if rest == every // 2 and fact < len(planted):
            yield planted[fact].told
        else:
            k = next(number)
            yield FILLER[k % len(FILLER)].format(n=k % 37 + 2, m=1000 + 13 * k, k=k % 5)


def is_summary(request: Json) -> bool:
    """Tell whether the house asks for a summary."""
    return bool(request["system"][0]["text"] == INSTRUCTION)


class Model:
    """The scripted model; it counts how it came to know what it was asked."""

    def __init__(self, planted: list[Fact]) -> None:
        self.promised = {fact.told: fact.answer for fact in planted if fact.told.startswith("Remind")}
        self.by_prompt = self.by_tool = 0
        self.summaries = 0

    def __call__(self, request: Json) -> Answer:
        """Answer a request."""
        if is_summary(request):
            self.summaries += 1
            return Answer(text="Otherwise:\n- They talked about this and that.")
        content = request["messages"][-1]["content"]
        results = [block["content"] for block in content if block["type"] == "tool_result"]
        said = _words(request["messages"][-3]["content"] if results else content)
        match = _QUESTION.search(said)
        if match is None:
            return Answer(text=self._promise(said))
        wanted = match["thing"] or match["who"] or match["errand"]
        if results:
            found = _look("\n".join(results), wanted)
            self.by_tool += found is not None
            return Answer(text=found or UNKNOWN)
        known = "\n".join(_words(message["content"]) for message in request["messages"][:-1])
        found = _look(known, wanted)
        if found is not None:
            self.by_prompt += 1
            return Answer(text=found)
        return Answer(tool_calls=(ToolCall("search_history", {"words": wanted}),))

    def _promise(self, said: str) -> str:
        told = next((told for told in self.promised if told in said), None)
        return "I see." if told is None else f"I will remind you to {told[len('Remind me to ') : -1]} on {self.promised[told]}."


def _words(content: list[Json]) -> str:
    return "\n".join(block["text"] for block in content if block["type"] == "text")


def _look(text: str, wanted: str) -> str | None:
    """Return the newest sentence of a text that answers what is wanted: it has all its words, and a number or a name."""
    words = [word for word in re.findall(r"\w+", wanted.casefold()) if word not in {"the", "for", "my"}]
    for sentence in reversed(_SENTENCE.split(text)):
        plain = sentence.casefold()
        if all(word in plain for word in words) and re.search(r"\d{4}-\w+|is called", sentence) and "?" not in sentence:
            return sentence.strip()
    return None

"""The source of a summary: entries of the log as a model reads them, and as the house itself looks through them."""

import re
from collections.abc import Iterable, Iterator, Sequence

from bot.compaction.essentials import BUTLER, STRANGER, Line, lines
from bot.messages import Origin
from bot.ports import Block, Call, Result, Text, Thought
from bot.transcript import Entry

LONGEST_RESULT = 600  # characters of a tool's result that are summed up; of a turn's words all are
LONGEST_CALL = 300
# The line in brackets with which a person's message begins: who wrote it and when.
_STAMP = re.compile(r"\[(?P<who>[^\]\n,]{1,80}), \w+ (?P<day>\d{4}-\d\d-\d\d) [^\]\n]*\]\s*")
_PERSON = re.compile(r" \(person \d+\)$")
_WHO = {"user": "", "butler": BUTLER}


def written(entries: Iterable[Entry]) -> str:
    """Return entries as a model reads them that sums them up."""
    return "\n\n".join(filter(None, (_entry(entry) for entry in entries)))


def _entry(entry: Entry) -> str:
    words = "\n".join(filter(None, map(_block, entry.content)))
    return f"[butler]\n{words}" if words and entry.role == "butler" else words


def _block(block: Block) -> str:
    match block:
        case Text():
            return block.text.strip()
        case Call():
            arguments = ", ".join(f"{name}: {value}" for name, value in block.arguments.items())
            return f"(calls {block.name}({_short(arguments, LONGEST_CALL)}))"
        case Result():
            return f"({'it failed' if block.is_error else 'result'}: {_short(block.text, LONGEST_RESULT)})"
        case Thought():
            return ""
        case _:
            return f"({block.type})"


def _short(text: str, most: int) -> str:
    """Return the beginning and the end of a text."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]} … {text[-most // 3 :]}"


def essentials(entries: Sequence[Entry], focus: frozenset[str] = frozenset()) -> Iterator[Line]:
    """Give the sentences of people and butlers that weigh something, the older ones first; people's weigh more."""
    day = ""
    for entry in entries:
        for block in entry.content:
            if not isinstance(block, Text):
                continue
            stamp = _STAMP.match(block.text)
            text, who = block.text, _WHO[entry.role]
            if stamp is not None:
                text, day = text[stamp.end() :], stamp["day"]
                who = _PERSON.sub("", stamp["who"])
            if entry.origin is Origin.STRANGER:  # whoever forwarded it did not say it
                who = STRANGER
            yield from lines(text, day, who, focus)

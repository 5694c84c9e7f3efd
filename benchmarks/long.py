"""A conversation of two thousand messages: what it costs from the first compaction on, and what is known at its end."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.bots import house
from benchmarks.table import Figure, at_least, at_most, middle, spread
from tests.anthropic_script import Record
from tests.anthropic_server import KEY, AnthropicServer
from tests.houses import House
from tests.long_life import Fact, Model, facts, is_summary, life

MESSAGES, PLANTED, FROM = 2_000, 50, 10
PATIENCE = 3600.0  # seconds
_TOOK = "SELECT started_at, ended_at FROM turns ORDER BY id"


class Claude(AnthropicServer):
    """Keeps of each request what it took, and not what was said."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.script = model
        self.keeps_bodies = False
        self.turns: list[Tokens] = []
        self.summaries: list[Tokens] = []
        self.first = 0  # how many messages were answered when the first summary was asked for

    def finish(self, record: Record) -> None:
        """Note what a request took."""
        if record.ended is None and record.usage:
            usage = record.usage
            read = usage["cache_read_input_tokens"]
            tokens = Tokens(read + usage["input_tokens"] + usage["cache_creation_input_tokens"], read)
            if is_summary(record.body):
                self.first = self.first or len(self.turns)
            (self.summaries if is_summary(record.body) else self.turns).append(tokens)
        super().finish(record)


class Tokens(NamedTuple):
    """What a prompt held, and how much of it was read from the cache."""

    prompt: int
    read: int


def a_long_life(folder: Path) -> Iterator[Figure]:
    """Measure turn time, prompt size and cache over a long conversation, and ask for every fact that was told in it."""
    planted = facts(PLANTED)
    model = Model(planted)
    with Claude(model) as claude:
        said, seconds = _live(house(folder), claude, planted)
        told = claude.turns[:MESSAGES]
    times, prompts = ([part(claude.first, found) for part in (_early, _late)] for found in (seconds, told))
    name = f"message {FROM:,} to {MESSAGES:,} of one conversation"
    early, late = (1000 * middle(found) for found in times)
    note = f" ({early:.0f} ms in the third after the first compaction, {late:.0f} ms in the last third)"
    yield at_most(f"{name}: turn time, p50, from there on", late / early, 1.2, "×", note)
    longest = [max(one.prompt for one in part) for part in prompts]
    note = f" ({longest[0]:,} tokens, {longest[1]:,};{spread([one.prompt for one in prompts[1]])[1:]}"
    yield at_most(f"{name}: longest prompt, from there on", longest[1] / longest[0], 1.1, "×", note)
    share = 100 * sum(one.read for one in told[FROM:]) / sum(one.prompt for one in told[FROM:])
    yield at_least(f"{name}: share read from the cache", share, 95, "%", f" ({len(claude.summaries)} compactions)")
    summed_up = sum(one.prompt for one in claude.summaries)
    share = 100 * summed_up / (summed_up + sum(one.prompt for one in told))
    yield at_most(f"{name}: of all tokens, those of summaries", share, 10, "%", f" ({summed_up:,})")
    known = sum(fact.answer in answer for fact, answer in zip(planted, said, strict=True))
    note = f" ({model.by_prompt} from the prompt, {model.by_tool} by a search; the scripted summaries forget all)"
    yield at_least(f"of {PLANTED} facts told in it, known at its end", known, PLANTED, "", note)


def _live(running: House, claude: Claude, planted: Sequence[Fact]) -> tuple[Sequence[str], Sequence[float]]:
    """Say everything in a terminal, and ask for every fact; return those answers, and how long each message's turn took."""
    running.env |= {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": claude.url, "BUTLER_DAILY_CAP_USD": "1000000"}
    running.run("up", lines=[*life(MESSAGES, list(planted)), *(fact.question for fact in planted)], seconds=PATIENCE)
    took = [_seconds(str(begun), str(ended)) for begun, ended in running.rows(_TOOK)]
    said = running.rows("SELECT text FROM outbox WHERE kind = 'answer' ORDER BY id")
    return [str(row[0]) for row in said[-len(planted) :]], took[:MESSAGES]


def _seconds(begun: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()


def _early(first: int, found: Sequence[Any]) -> Sequence[Any]:
    """Return what belongs to the third of all messages that follows the first compaction."""
    return found[first : first + (len(found) - first) // 3]


def _late(first: int, found: Sequence[Any]) -> Sequence[Any]:
    """Return what belongs to the last third."""
    return found[-((len(found) - first) // 3) :]

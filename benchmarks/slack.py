"""The same on Slack, and what only Slack asks for: how soon an envelope is acknowledged."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

from benchmarks.bots import floor, house, memory
from benchmarks.size import SETTLED
from benchmarks.speed import CROWD, STARTS, THINKING, at_once, beside_the_floor
from benchmarks.table import Figure, at_most, middle, p99, spread
from benchmarks.vendors import Claude, Slack, Telegram

AGAIN = 3.0  # seconds until the first two hundred are over


def all_of_it(folder: Path) -> Iterator[Figure]:
    """Measure everything about Slack."""
    for measure in (latency, crowd, start, memory_beside_telegram):
        for figure in measure(folder / measure.__name__):
            yield Figure(f"Slack: {figure.name}", figure.measured, figure.asked, figure.holds)


def latency(folder: Path) -> Iterator[Figure]:
    """Measure message in → answer shown, the house and the floor by turns."""
    with (
        Claude() as claude,
        Slack() as theirs,
        Slack() as ours,
        floor(folder / "floor", theirs, claude),
        house(folder / "house", ours, claude),
    ):
        for slack in (theirs, ours):
            slack.wait_for_socket()
        yield from beside_the_floor(theirs, ours)


def crowd(folder: Path) -> Iterator[Figure]:
    """Measure two hundred turns at once, and how soon their envelopes were acknowledged."""
    with Claude(THINKING) as claude, Slack() as slack, house(folder, slack, claude) as running:
        running.wait_until_ready()
        slack.wait_for_socket()
        yield from at_once(slack, claude)
        yield _acknowledged(slack, 2, "who write for the first time")
        sleep(AGAIN)
        before = len(slack.acknowledged())
        for person in range(1, CROWD + 1):
            slack.writes(person, "good morning")
        sleep(THINKING)
        yield _acknowledged(slack, before, "whom the house knows")


def _acknowledged(slack: Slack, start: int, who: str) -> Figure:
    # Slack tells an app of its own words too, so that there are more envelopes than messages of people.
    taken = [seconds * 1000 for seconds in slack.acknowledged()[start : start + CROWD]]
    note = f" (p50 {middle(taken):.0f} ms)"
    return at_most(f"envelopes of {CROWD} people at once {who}: acknowledged within, p99", p99(taken), 250, "ms", note)


def start(folder: Path) -> Iterator[Figure]:
    """Measure start → socket connected."""
    taken = []
    for _ in range(STARTS + 1):
        with Claude() as claude, Slack() as slack:
            begun = monotonic()
            with house(folder, slack, claude):
                taken.append(slack.wait_for_socket() - begun)
    yield Figure("start → socket connected", f"{middle(taken[1:]):.2f} s{spread(taken[1:])}", "none", holds=True)


def memory_beside_telegram(folder: Path) -> Iterator[Figure]:
    """Measure the memory of all processes, idle."""
    with Claude() as claude, Slack() as slack, Telegram() as telegram, house(folder, slack, telegram, claude) as running:
        for chat in (slack, telegram):
            chat.writes(1, "good morning")
            chat.wait_for(lambda call: call.answers)
        sleep(SETTLED)
        sizes = memory(running)
    note = f" ({', '.join(f'{name} {size:.0f}' for name, size in sizes.items())})"
    yield at_most("memory of all processes, idle, with Telegram and Slack (PSS)", sum(sizes.values()), 260, "MB", note)

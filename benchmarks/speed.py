"""From a message to its answer: one at a time, right after the start, and two hundred at once."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

from benchmarks.bots import floor, house
from benchmarks.table import Figure, at_least, at_most, middle, p99, spread
from benchmarks.vendors import Claude, Telegram

MESSAGES = 400
CONVERSATION = 40  # messages until the next /new
DEEP = 250
BREATH = 0.05  # seconds between an answer and the next message
STARTS = 7
CROWD = 200
THINKING = 2.0  # seconds of the model, for the crowd


def latency(folder: Path) -> Iterator[Figure]:
    """Measure message in → answer shown, the house and the floor by turns."""
    with (
        Claude() as claude,
        Telegram() as theirs,
        Telegram() as ours,
        floor(folder / "floor", theirs, claude),
        house(folder / "latency", ours, claude),
    ):
        for telegram in (theirs, ours):
            for number in range(10):
                _ask(telegram, f"warm up {number}")
        base, own = [], []
        for number in range(MESSAGES):
            if number % CONVERSATION == 0:
                _ask(ours, "/new")
            base.append(_ask(theirs, f"message {number}"))
            own.append(_ask(ours, f"message {number}"))
        _ask(ours, "/new")
        deep = [_ask(ours, f"message {number}") for number in range(DEEP)][-50:]
    yield Figure(
        "the floor: message in → answer shown, p50 / p99", f"{middle(base):.1f} / {p99(base):.1f} ms", "none", holds=True
    )
    for name, value, most in (("p50", middle(own), 3), ("p99", p99(own), 9)):
        yield at_most(
            f"message in → answer shown, {name}", value / middle(base), most, "× the floor’s p50", f": {value:.1f} ms"
        )
    told = f"{middle(deep):.1f} ms{spread(deep)}"
    yield Figure(f"the same after {DEEP - 50} messages in one conversation, p50", told, "none", holds=True)


def start(folder: Path) -> Iterator[Figure]:
    """Measure start → first poll, how soon a message that waited is answered, and the first one afterwards."""
    polls, waited, first = [], [], []
    with Claude() as claude, Telegram() as telegram:
        home = house(folder, telegram, claude)
        for _ in range(STARTS + 1):
            telegram.writes(1, "good morning")
            telegram.forget()
            begun = monotonic()
            with home:
                polls.append(telegram.wait_for(lambda call: call.method == "getUpdates").at - begun)
                waited.append(telegram.wait_for(lambda call: call.shows).at - begun)
                telegram.wait_for(lambda call: call.method == "sendMessage")
            with home:
                home.wait_until_ready()
                first.append(_ask(telegram, "good morning") / 1000)
    yield Figure("start in a new home → first poll", f"{polls[0]:.2f} s", "none", holds=True)
    yield at_most("start → first poll", middle(polls[1:]), 1.0, "s", spread(polls[1:]))
    yield at_most("first reply after the start", middle(first), 0.5, "s", spread(first))
    yield Figure(
        "start → answer to a message that waited", f"{middle(waited[1:]):.2f} s{spread(waited[1:])}", "none", holds=True
    )


def crowd(folder: Path) -> Iterator[Figure]:
    """Measure two hundred turns at once."""
    with Claude(THINKING) as claude, Telegram() as telegram, house(folder / "crowd", telegram, claude):
        telegram.writes(1, "warm up")
        telegram.wait_for(lambda call: call.method == "sendMessage")
        begun = monotonic()
        for person in range(1, CROWD + 1):
            telegram.writes(person, "good morning")
        waiting, last = set(range(1, CROWD + 1)), begun
        while waiting:
            answer = telegram.wait_for(lambda call: call.method == "sendMessage")
            waiting.discard(answer.chat or 0)
            last = answer.at
        together = claude.most_at_once()
    yield at_most(f"{CROWD} turns at once, the model taking {THINKING:g} s: all answered within", last - begun, 3.5, "s")
    yield at_least("of these, at the model together", together, 180, "")


def _ask(telegram: Telegram, text: str) -> float:
    """Return the milliseconds until the answer is seen, and come back when it stands there whole."""
    sleep(BREATH)
    begun = monotonic()
    telegram.writes(1, text)
    shown = telegram.wait_for(lambda call: call.shows)
    if shown.method != "sendMessage":
        telegram.wait_for(lambda call: call.method == "sendMessage")
    return (shown.at - begun) * 1000

"""From a message to its answer: one at a time, right after the start, and two hundred at once."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

from benchmarks.bots import floor, house
from benchmarks.table import Figure, at_least, at_most, middle, p99, spread
from benchmarks.vendors import ChatVendor, Claude, Telegram

MESSAGES = 400
PEOPLE = 20  # who write in turn: vendors take a message a second in one chat, and the house keeps to that
A_CHAT_A_SECOND = 1.1
DEEP = 100
BREATH = 0.05  # seconds between an answer and the next message
STARTS = 7
CROWD = 200
THINKING = 2.0  # seconds of the model, for the crowd


def latency(folder: Path) -> Iterator[Figure]:
    """Measure message in → answer shown, the house and the floor by turns, and far on in one conversation."""
    with (
        Claude() as claude,
        Telegram() as theirs,
        Telegram() as ours,
        floor(folder / "floor", theirs, claude),
        house(folder / "latency", ours, claude),
    ):
        yield from beside_the_floor(theirs, ours)
        deep = [ask(ours, f"message {number}", breath=A_CHAT_A_SECOND) for number in range(DEEP)][-50:]
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
                telegram.wait_for(lambda call: call.answers)
            with home:
                home.wait_until_ready()
                first.append(ask(telegram, "good morning") / 1000)
    yield Figure("start in a new home → first poll", f"{polls[0]:.2f} s", "none", holds=True)
    yield at_most("start → first poll", middle(polls[1:]), 1.0, "s", spread(polls[1:]))
    yield at_most("first reply after the start", middle(first), 0.5, "s", spread(first))
    yield Figure(
        "start → answer to a message that waited", f"{middle(waited[1:]):.2f} s{spread(waited[1:])}", "none", holds=True
    )


def crowd(folder: Path) -> Iterator[Figure]:
    """Measure two hundred turns at once."""
    with Claude(THINKING) as claude, Telegram() as telegram, house(folder / "crowd", telegram, claude):
        yield from at_once(telegram, claude)


def beside_the_floor(theirs: ChatVendor, ours: ChatVendor) -> Iterator[Figure]:
    """Ask the floor and the house by turns, and give what the floor takes, and how many times that the house takes."""
    for chat in (theirs, ours):
        for person in range(1, PEOPLE + 1):
            ask(chat, "warm up", person)
    base, own = [], []
    for number in range(MESSAGES):
        base.append(ask(theirs, f"message {number}", number % PEOPLE + 1))
        own.append(ask(ours, f"message {number}", number % PEOPLE + 1))
    yield Figure(
        "the floor: message in → answer shown, p50 / p99", f"{middle(base):.1f} / {p99(base):.1f} ms", "none", holds=True
    )
    for name, value, most in (("p50", middle(own), 3), ("p99", p99(own), 9)):
        yield at_most(
            f"message in → answer shown, {name}", value / middle(base), most, "× the floor’s p50", f": {value:.1f} ms"
        )


def at_once(chat: ChatVendor, claude: Claude) -> Iterator[Figure]:
    """Let two hundred people write at once."""
    chat.writes(1, "warm up")
    chat.wait_for(lambda call: call.answers)
    begun = monotonic()
    for person in range(1, CROWD + 1):
        chat.writes(person, "good morning")
    waiting, last = set(range(1, CROWD + 1)), begun
    while waiting:
        answer = chat.wait_for(lambda call: call.answers)
        waiting.discard(answer.chat)
        last = answer.at
    yield at_most(f"{CROWD} turns at once, the model taking {THINKING:g} s: all answered within", last - begun, 3.5, "s")
    yield at_least("of these, at the model together", claude.most_at_once(), 180, "")


def ask(chat: ChatVendor, text: str, person: int = 1, breath: float = BREATH) -> float:
    """Return the milliseconds until the answer is seen, and come back when it stands there whole."""
    sleep(breath)
    begun = monotonic()
    chat.writes(person, text)
    shown = chat.wait_for(lambda call: call.shows)
    if not shown.answers:
        chat.wait_for(lambda call: call.answers)
    return (shown.at - begun) * 1000

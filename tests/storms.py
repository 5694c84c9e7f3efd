"""Storms: many people write in many chats while processes die, sockets drop and answers are lost."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from operator import itemgetter
from pathlib import Path
from random import Random
from time import monotonic

from tests import counting
from tests.anthropic_script import Answer, ToolCall
from tests.anthropic_server import AnthropicServer
from tests.houses import House, lives, wait_until
from tests.slack_people import SlackChannel, SlackPerson
from tests.slack_server import SlackServer
from tests.telegram_people import Person
from tests.telegram_server import TelegramServer

LONG = os.environ.get("BUTLERS_CHAOS") == "long"
KINDS = ("blind", "look_up", "keyed")
_NUMBERS = count()
IN_THE_SEND_WINDOW = """
    SELECT (SELECT count(*) FROM parts WHERE state = 'sending') + (SELECT count(*) FROM passing WHERE native_id = '') + (
        SELECT count(*) FROM previews JOIN turns ON turns.id = turn_id
        WHERE native_id = '' AND state IN ('running', 'waiting', 'answered')
        AND turn_id NOT IN (SELECT turn_id FROM outbox JOIN parts ON reply_id = outbox.id WHERE turn_id IS NOT NULL)
    )"""


UNLIMITED = "[anthropic]\ntokens_per_day = 1_000_000_000\n"  # a storm is no test of a key's day


@contextmanager
def counting_house(
    folder: Path,
    url: str,
    claude: AnthropicServer,
    telegram: TelegramServer | None = None,
    slack: SlackServer | None = None,
    **env: str,
) -> Iterator[House]:
    """Give a running house whose assistant has the counting tools, and which may spend what it likes."""
    house = House(folder, telegram, claude, slack)
    install_counting(house, folder, url)
    house.env |= env
    claude.script = echo
    with house:
        house.wait_until_ready()
        yield house


def install_counting(house: House, folder: Path, url: str) -> None:
    """Let a house's assistant have the counting tools, and spend what it likes."""
    counting.install(folder / "site")
    counting.write_household(folder / "household", url)
    (folder / "providers.toml").write_text(UNLIMITED)
    house.env["PYTHONPATH"] += f":{folder / 'site'}"
    house.env |= {"BUTLER_HOUSEHOLD": str(folder / "household"), "BUTLER_DAILY_CAP_USD": "1000000"}
    house.env |= {"BUTLER_PROVIDERS_PATH": str(folder / "providers.toml")}


def last_words(request: dict[str, object]) -> list[str]:
    """Return what the person wrote since the last answer, line by line."""
    messages = request["messages"]
    assert isinstance(messages, list)
    content = messages[-1]["content"]
    return [block["text"].partition("\n")[2] for block in content if block["type"] == "text"]


def echo(request: dict[str, object]) -> Answer:
    """Answer with every word of the last message."""
    return Answer(text="Answer to " + " and ".join(last_words(request)))


def do_and_tell(request: dict[str, object], delay: float = 0.3) -> Answer:
    """Do each thing that was asked for with every class of tool, then tell; each reply is another, so that doubles are seen."""
    words = last_words(request)
    if words:
        calls = [ToolCall(kind, {"word": word}) for word in words for kind in KINDS]
        return Answer(tool_calls=tuple(calls), delay=delay)
    return Answer(text=f"Done {next(_NUMBERS)}:", delay=delay)


def do_and_tell_at_length(request: dict[str, object]) -> Answer:
    """Do the same, and tell a part of it so slowly that it is shown while it is written."""
    answer = do_and_tell(request, 0.1)
    if answer.tool_calls or next(_NUMBERS) % 4:
        return answer
    return Answer(text=answer.text + " and so on" * 20, delay=0.1, chunk=20, pause=0.12)


def is_settled(house: House) -> bool:
    """Tell whether every message has its reply and every reply has arrived."""
    return not house.rows("SELECT 1 FROM inbox WHERE state IN ('waiting', 'taken')") and not house.rows(
        "SELECT 1 FROM outbox WHERE state = 'pending'"
    )


@dataclass
class Talk:
    """One conversation: how its person writes, and what stands there of the house."""

    channel: str
    write: Callable[[str], object]
    sees: Callable[[], list[str]]
    written: list[str] = field(default_factory=list)

    def goes_on(self, word: str) -> None:
        """Let the person write a word."""
        self.written.append(word)
        self.write(word)


def telegram_talk(person: Person) -> Talk:
    """Return a private chat."""
    return Talk("telegram", person.writes, person.sees)


def slack_talk(person: SlackPerson) -> Talk:
    """Return direct messages."""
    return Talk("slack", person.writes, person.sees)


def slack_thread(person: SlackPerson, channel: SlackChannel) -> Talk:
    """Return a thread that a person begins with the house's name, and in which it is named now and then."""
    channel.takes_in(person)
    stamps: list[str] = []

    def write(word: str) -> None:
        thread = stamps[0] if stamps else None
        says = person.writes if len(stamps) % 3 else person.mentions
        stamps.append(says(word, channel, thread))

    return Talk("slack", write, lambda: channel.sees(stamps[0]) if stamps else [])


@dataclass
class Storm:
    """What happens to a house, at which second; the same each time."""

    house: House
    telegram: TelegramServer
    slack: SlackServer
    dice: Random
    plan: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0  # pieces, and lines that pass, which were being sent when the process that sent them was killed

    def rain(self, talks: Sequence[Talk], many: int, seconds: float) -> None:
        """Let people write in turn, one of a hundred messages being delivered twice."""
        order = [talk for _ in range(many // len(talks)) for talk in self.dice.sample(talks, len(talks))]
        for number, talk in enumerate(order):
            self.plan.append((seconds * number / many, lambda talk=talk, number=number: talk.goes_on(f"m{number}")))  # type: ignore[misc]
            if number % 100 == 50:
                again = self.telegram.redeliver if talk.channel == "telegram" else self.slack.redeliver
                self.plan.append((seconds * (number + 0.5) / many, lambda again=again: again(1)))  # type: ignore[misc]

    def thunder(self, every: float, seconds: float) -> None:
        """Kill a process every so many seconds."""
        for strike in range(1, int(seconds / every)):
            victim = self.dice.choice(["worker", "bot", "clock", "house"])
            self.plan.append((strike * every, lambda victim=victim: self._kill(victim)))  # type: ignore[misc]

    def spread(self, actions: Sequence[Callable[[], object]], seconds: float) -> None:
        """Let things happen, one after the other, over the time."""
        self.plan += [(seconds * (number + 0.7) / len(actions), action) for number, action in enumerate(actions)]

    def kill_valkey(self) -> None:
        """Kill the queue."""
        self._kill("valkey-server")

    def break_out(self) -> None:
        """Let it all happen."""
        begun, waiting = monotonic(), deque(sorted(self.plan, key=itemgetter(0)))

        def is_over() -> bool:
            while waiting and monotonic() - begun >= waiting[0][0]:
                waiting.popleft()[1]()
            return not waiting

        wait_until(is_over, "the storm ends", 900)

    def _kill(self, victim: str) -> None:
        bot = self.house.process("bot" if victim == "house" else victim)
        with suppress(ProcessLookupError):  # it died of another's death just now
            self.house.kill(victim)
        self.killed[victim] += 1
        if victim == "house":
            self.house.wait()
            wait_until(lambda: not lives(bot), "the bot ends with its house")
        if victim in ("house", "bot"):
            self.in_flight += int(str(self.house.value(IN_THE_SEND_WINDOW)))
        if victim == "house":
            self.house.start()

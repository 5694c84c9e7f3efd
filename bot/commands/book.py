"""The book of commands: their names, and which one a message asks for."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot import outbox
from bot.charts import Chart
from bot.conversations import Conversation
from bot.messages import Sender
from bot.nearest import did_you_mean
from bot.people import Person
from bot.roles import Right, refusal

LONGEST_NUMBER = 18  # digits: a row's id has no more
_COMMAND = re.compile(r"/(\w+)(?:\s+(.*))?$", re.DOTALL)


def is_number(text: str) -> bool:
    """Tell whether a text can be the number of something that is kept."""
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER


@dataclass(frozen=True)
class Asking:
    """A command that somebody gave; `reply_id` is the reply that will carry its answer.

    A command puts into `rung` what further conversations it left something to deliver in.
    """

    tx: Connection
    person: Person
    sender: Sender
    conversation: Conversation
    arguments: str
    reply_id: int
    now: datetime
    zone: ZoneInfo
    rung: list[int] = field(default_factory=list)

    def show(self, chart: Chart) -> None:
        """Show a chart below the answer's words, once that is on disk; an answer has one, and the last counts."""
        outbox.enclose(self.tx, self.reply_id, chart)

    @property
    def subject(self) -> str:
        """Whose memory is meant: the person's in private, the group's in a group."""
        return self.conversation.address.subject(self.person.id)

    @property
    def is_private(self) -> bool:
        """Whether nobody else reads the answer."""
        return self.conversation.address.private


@dataclass(frozen=True)
class Command:
    """A command: `/name usage`, and what it does in a few words; whoever has the right may give it.

    `private`: its answer is for one person only, so that it is not given in a group. `alone`: where a chat knows few commands
    and takes the others as words of one of them, as Slack does, this one is a command of its own.
    """

    name: str
    usage: str
    summary: str
    run: Callable[[Asking], str]
    right: Right = Right.TALK
    private: bool = False
    alone: bool = False


class CommandBook:
    """All commands by name."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands = {command.name: command for command in commands}

    @property
    def summaries(self) -> tuple[tuple[str, str], ...]:
        """Each command's name and summary, as a chat's menu shows them."""
        return tuple((command.name, command.summary) for command in self._commands.values())

    @property
    def alone(self) -> tuple[tuple[str, str, str], ...]:
        """The commands that stand alone everywhere: name, usage and summary."""
        return tuple((command.name, command.usage, command.summary) for command in self._commands.values() if command.alone)

    def is_command(self, text: str) -> bool:
        """Tell whether a message is a command."""
        return _COMMAND.match(text) is not None

    def knows(self, text: str) -> bool:
        """Tell whether a message is a command that there is."""
        match = _COMMAND.match(text)
        return match is not None and match[1].lower() in self._commands

    def answer(self, text: str, asker: Person, asking: Callable[[str], Asking]) -> str:
        """Answer a command; `asking` is given its arguments."""
        match = _COMMAND.match(text)
        name = match[1].lower() if match else ""
        mine = {name: command for name, command in self._commands.items() if asker.may(command.right)}
        if name == "help":
            return _help(mine.values())
        command = self._commands.get(name)
        if command is None:
            return f"There is no `/{name}`.{did_you_mean(name, mine, '`/{}`')} `/help` lists what there is."
        if name not in mine:
            return refusal(command.right)
        asked = asking((match[2] or "").strip() if match else "")
        if command.private and not asked.is_private:
            return f"I answer `/{name}` only in a private chat with me."
        return command.run(asked)


def _help(commands: Iterable[Command]) -> str:
    lines = [f"- `/{' '.join(filter(None, (c.name, c.usage)))}` {c.summary}" for c in commands]
    return "Write to me as you would to a person. These go to the house itself:\n\n" + "\n".join(lines)

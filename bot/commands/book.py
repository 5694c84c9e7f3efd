"""The book of commands: their names, and which one a message asks for."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot.conversations import Conversation
from bot.nearest import did_you_mean
from bot.people import Person

LONGEST_NUMBER = 18  # digits: a row's id has no more
_COMMAND = re.compile(r"/(\w+)(?:\s+(.*))?$", re.DOTALL)


def is_number(text: str) -> bool:
    """Tell whether a text can be the number of something that is kept."""
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER


@dataclass(frozen=True)
class Asking:
    """A command that somebody gave; `reply_id` is the reply that will carry its answer."""

    tx: Connection
    person: Person
    conversation: Conversation
    arguments: str
    reply_id: int
    now: datetime
    zone: ZoneInfo

    @property
    def subject(self) -> str:
        """Whose memory is meant: the person's in private, the group's in a group."""
        return self.conversation.address.subject(self.person.id)


@dataclass(frozen=True)
class Command:
    """A command: `/name usage`, and what it does in a few words."""

    name: str
    usage: str
    summary: str
    run: Callable[[Asking], str]


class CommandBook:
    """All commands by name."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands = {command.name: command for command in commands}

    @property
    def summaries(self) -> tuple[tuple[str, str], ...]:
        """Each command's name and summary, as a chat's menu shows them."""
        return tuple((command.name, command.summary) for command in self._commands.values())

    def is_command(self, text: str) -> bool:
        """Tell whether a message is a command."""
        return _COMMAND.match(text) is not None

    def answer(self, text: str, asking: Callable[[str], Asking]) -> str:
        """Answer a command; `asking` is given its arguments."""
        match = _COMMAND.match(text)
        name = match[1].lower() if match else ""
        if name == "help":
            return self._help()
        command = self._commands.get(name)
        if command is None:
            return f"There is no /{name}.{did_you_mean(name, self._commands, '/')} /help lists what there is."
        return command.run(asking((match[2] or "").strip() if match else ""))

    def _help(self) -> str:
        lines = [f"`/{' '.join(filter(None, (c.name, c.usage)))}` {c.summary}" for c in self._commands.values()]
        return "Write to me as you would to a person. These go to the house itself:\n\n" + "\n".join(
            f"- {line}" for line in lines
        )

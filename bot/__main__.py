"""The `butler` command."""

import argparse
import sys
from collections.abc import Callable

from bot.errors import ConfigurationError
from bot.settings import Settings, load

Action = Callable[[Settings, argparse.Namespace], int]


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    try:
        return int(parsed.action(load(), parsed))
    except ConfigurationError as error:
        from workers.processes import explain  # noqa: PLC0415 - see below

        return explain(error)


# What a command needs is imported when it is given, so that `butler --help` answers at once.


def _up(settings: Settings, parsed: argparse.Namespace) -> int:
    from workers.supervisor import up  # noqa: PLC0415

    return up(settings)


def _process(name: str) -> Action:
    def run(settings: Settings, parsed: argparse.Namespace) -> int:
        del parsed
        from workers import processes  # noqa: PLC0415

        return int(getattr(processes, name)(settings))

    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="butler", description="A household of personal AI assistants.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, summary: str, action: Action) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(action=action)
        return command

    add("up", "run the whole house in this terminal", _up)
    add("chat", "talk in this terminal with a house that runs", _process("terminal"))
    add("bot", "run the process that speaks to chat vendors", _process("bot"))
    add("worker", "run the process in which butlers think and act", _process("worker"))
    add("clock", "run the process that rings when a wait is over", _process("clock"))
    return parser


if __name__ == "__main__":
    sys.exit(main())

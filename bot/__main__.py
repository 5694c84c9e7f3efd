"""The `butler` command."""

import argparse
import gc
import signal
import sys
from collections.abc import Callable

from bot.errors import ConfigurationError
from bot.settings import Settings, load

Action = Callable[[Settings, argparse.Namespace], int]


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    gc.disable()  # until a process is ready: what is imported is no garbage, and the search takes a fifth of the start
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

    return up(settings, [name for name in (parsed.only or "").split(",") if name])


def _process(name: str) -> Action:
    def run(settings: Settings, _: argparse.Namespace) -> int:
        from workers import processes  # noqa: PLC0415

        return int(getattr(processes, name)(settings))

    return run


def _check(settings: Settings, _: argparse.Namespace) -> int:
    from workers.doctor import check  # noqa: PLC0415

    return check(settings)


def _shell(name: str) -> Action:
    def run(settings: Settings, parsed: argparse.Namespace) -> int:
        from workers import shell  # noqa: PLC0415

        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `butler sessions | head` is no error

        names = [parsed.name] if "name" in parsed else []
        return int(getattr(shell, name)(settings, *names))

    return run


def _sessions(settings: Settings, parsed: argparse.Namespace) -> int:
    from workers import session_shell  # noqa: PLC0415

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as above
    return session_shell.sessions(settings, parsed.words, parsed.limit, everything=parsed.all)


def _budget(settings: Settings, parsed: argparse.Namespace) -> int:
    from workers import money  # noqa: PLC0415

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as above
    return money.budget(settings, parsed.words, parsed.chart)


def _keys(settings: Settings, parsed: argparse.Namespace) -> int:
    from workers import money  # noqa: PLC0415

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as above
    return money.keys(settings, parsed.words)


def _allocate(settings: Settings, parsed: argparse.Namespace) -> int:
    from workers import money  # noqa: PLC0415

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as above
    return money.allocate(settings, parsed.file, parsed.provider)


def _backup(settings: Settings, parsed: argparse.Namespace) -> int:
    from workers.backup import backup  # noqa: PLC0415

    return backup(settings, parsed.file)


def _restore(settings: Settings, parsed: argparse.Namespace) -> int:
    from workers.restore import restore  # noqa: PLC0415

    return restore(settings, parsed.file)


def _move_store(settings: Settings, parsed: argparse.Namespace) -> int:
    from workers.move_store import move_store  # noqa: PLC0415

    return move_store(settings, parsed.url)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="butler", description="A household of personal AI assistants.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, summary: str, action: Action) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.set_defaults(action=action)
        return command

    up = add("up", "run the whole house in this terminal", _up)
    up.add_argument("--only", metavar="A,B", help="serve only these butlers")
    add("chat", "talk in this terminal with a house that runs", _process("terminal"))
    add("bot", "run the process that speaks to chat vendors", _process("bot"))
    add("worker", "run the process in which butlers think and act", _process("worker"))
    add("clock", "run the process that does what is due", _process("clock"))
    add("check", "look for everything that is wrong, spending nothing", _check)
    add("list", "list the household", _shell("list_butlers"))
    add("init", "write a new butler's folder", _shell("make_butler")).add_argument("name", metavar="NAME")
    budget = add("budget", "show what is spent, and change the caps", _budget)
    budget.add_argument("words", nargs="*", metavar="set|mode|raise …", help="as /budget takes it in a chat")
    budget.add_argument("--chart", metavar="FILE", help="draw the last 30 days into a PNG file")
    keys = add("keys", "show how the keys fare, and look after them", _keys)
    keys.add_argument("words", nargs="*", metavar="probe|rotate|rest ID", help="as /keys takes it in a chat")
    allocate = add("allocate", "say what a task would take, and with which key", _allocate)
    allocate.add_argument("file", metavar="FILE")
    allocate.add_argument("--provider", metavar="NAME", help="whose keys to prefer")
    add("schedules", "list what is done at times", _shell("list_schedules"))
    sessions = add("sessions", "list what was done, or tell how a session went", _sessions)
    sessions.add_argument("words", nargs="*", metavar="show ID", help="tell step by step how this one went")
    sessions.add_argument("--limit", type=int, metavar="N", help="list so many (20)")
    sessions.add_argument("--all", action="store_true", help="list all there are")
    add("failed", "list what could not be done", _shell("list_failed"))
    keeping = add("backup", "keep the whole house in one file, while it runs", _backup)
    keeping.add_argument("file", nargs="?", metavar="FILE", help="where to; in a folder it is named by its date")
    add("restore", "fill an empty home from a back-up", _restore).add_argument("file", metavar="FILE")
    moving = add("move-store", "move the house from its files to PostgreSQL", _move_store)
    moving.add_argument("url", nargs="?", metavar="URL", help="where to (default: DATABASE_URL)")
    add("slack-manifest", "print the manifest from which a Slack app is made", _shell("print_manifest"))
    return parser


if __name__ == "__main__":
    sys.exit(main())

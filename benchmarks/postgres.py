"""What it costs to keep everything on a PostgreSQL server of the same machine, beside files of SQLite."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.bots import house
from benchmarks.speed import MESSAGES, PEOPLE, THINKING, ask, at_once
from benchmarks.spending import FEW, rounds
from benchmarks.table import Figure, at_most, middle, p99, spread
from benchmarks.vendors import Claude, Telegram
from tests.postgres import PostgresServer
from tests.stores import Server, used

ON = ", on PostgreSQL"


def beside_sqlite(folder: Path) -> Iterator[Figure]:
    """Measure keeping the books, messages by turns with a house on SQLite, and a crowd; the server keeps all on the disk."""
    with PostgresServer(durable=True) as server:
        stores = Server(server)
        with used(stores):
            spent = rounds(folder / "few.db", FEW)
        yield at_most(f"reserve + settle, p50, {FEW} keys{ON}", middle(spent), 5, "ms", spread(spent))
        with Claude() as claude, Telegram() as theirs, Telegram() as ours:
            files, own = house(folder / "files", theirs, claude), house(folder / "server", ours, claude)
            own.env |= stores.environment(folder / "server")
            with files, own:
                yield from _by_turns(theirs, ours)
        with Claude(THINKING) as claude, Telegram() as telegram:
            crowded = house(folder / "crowd", telegram, claude)
            crowded.env |= stores.environment(folder / "crowd")
            with crowded:
                for figure in at_once(telegram, claude):
                    yield Figure(f"{figure.name}{ON}", figure.measured, "none", holds=True)


def _by_turns(files: Telegram, server: Telegram) -> Iterator[Figure]:
    """Ask both houses by turns."""
    for chat in (files, server):
        for person in range(1, PEOPLE + 1):
            ask(chat, "warm up", person)
    taken: dict[str, list[float]] = {"": [], ON: []}
    for number in range(MESSAGES):
        for chat, where in ((files, ""), (server, ON)):
            taken[where].append(ask(chat, f"message {number}", number % PEOPLE + 1))
    for where, times in taken.items():
        yield Figure(
            f"message in → answer shown, p50 / p99{where or ', on SQLite'}",
            f"{middle(times):.1f} / {p99(times):.1f} ms",
            "none",
            holds=True,
        )

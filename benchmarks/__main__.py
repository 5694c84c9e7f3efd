"""Measure all, or what is named, such as `python -m benchmarks latency money`; the names are those below."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import keeping, long, postgres, routing, schedules, search, size, slack, speed, spending
from benchmarks.table import Figure, show
from tests.stores import Files, used

ALL: dict[str, Callable[[Path], Iterator[Figure]]] = {
    "latency": speed.latency,
    "start": speed.start,
    "crowd": speed.crowd,
    "memory": size.memory_of_a_house,
    "prompt": size.prompt,
    "money": spending.reserve_and_settle,
    "postgres": postgres.beside_sqlite,
    "schedules": schedules.due_to_claimed,
    "routing": routing.routing,
    "slack": slack.all_of_it,
    "search": search.a_million,
    "long": long.a_long_life,
    "keeping": keeping.back_and_forth,
}


def main(names: list[str]) -> int:
    """Print the table, and return 1 if a figure misses what is asked."""
    figures: list[Figure] = []
    for name in names or ALL:
        print(f"measuring: {name}", file=sys.stderr)
        with TemporaryDirectory() as folder, used(Files()):  # what is kept for all tests lies in one's own folder
            measured = list(ALL[name](Path(folder)))
        show(measured, print)
        figures += measured
    return int(not all(figure.holds for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

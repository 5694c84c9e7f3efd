"""A model's double as a process of its own, which tells its figures when asked on its standard input."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.scripted import Paced, Scripted

    Said = TypeVar("Said", bound=Paced)


def serve(server: Scripted[Said], answer: Said, address: Callable[[], str]) -> None:
    """Answer every request alike until the standard input ends."""
    with server:
        server.script = lambda _: answer
        server.keeps_bodies = False
        gc.disable()  # a pause here would look like one of the house
        _say(address())
        for line in sys.stdin:
            if line.strip() == "stats":
                _say(json.dumps(_figures(server)))


def arguments_of(description: str, flavours: Sequence[str] = ()) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    if flavours:
        parser.add_argument("--flavour", choices=flavours, default="openai")
    parser.add_argument("--key", action="append", help="a key that it accepts; may be given more than once")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before the first byte of an answer")
    parser.add_argument("--text", default="Certainly.", help="what it answers")
    parser.add_argument("--chunk", type=int, default=20, help="characters of one delta; 0 for all")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between deltas")
    return parser.parse_args()


def paced(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line says of the answer."""
    return {name: getattr(arguments, name) for name in ("text", "delay", "chunk", "pause")}


def _figures(server: Scripted[Said]) -> dict[str, Any]:
    asked = server.message_requests
    return {
        "requests": len(asked),
        "in_flight": server.in_flight,
        "max_in_flight": server.max_in_flight,
        "started": [record.started for record in asked],
        "ended": [record.ended for record in asked],
        "outcomes": [record.outcome for record in asked],
    }


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

"""Verbose answers: a line below one that says which tools were used, how long it took and in how many steps."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from bot.names import one_line
from bot.store.tables import calls, turns

LONGEST_ARGUMENTS = 40  # characters: a telephone's line
MOST = 12  # tools in one line
_STEPS = select(turns.c.steps, turns.c.started_at).where(turns.c.id == bindparam("turn"))
_CALLS = (
    select(calls.c.tool, calls.c.arguments, calls.c.is_error, calls.c.state)
    .where(calls.c.turn_id == bindparam("turn"))
    .order_by(calls.c.begun_at, calls.c.tool)
)
_TICKS = re.compile(r"`+")


def line(tx: Connection, turn_id: int, now: datetime, *, with_arguments: bool) -> str:
    """Return the line, in Markdown; arguments stand in it only where nobody else reads them."""
    row = tx.execute(_STEPS, {"turn": turn_id}).one()
    seconds = (now - row.started_at).total_seconds()
    steps = f"{row.steps} step{'' if row.steps == 1 else 's'}"
    return " · ".join((*tools(tx, turn_id, with_arguments=with_arguments), f"{seconds:.1f} s", steps))


def tools(tx: Connection, turn_id: int, *, with_arguments: bool) -> list[str]:
    """Return the tools that a turn used, in Markdown."""
    used: dict[str, int] = {}
    for call in tx.execute(_CALLS, {"turn": turn_id}):
        words = call.tool + (shortened(call.arguments) if with_arguments else "")
        words += " ✗" if call.is_error or call.state == "unknown" else ""
        used[words] = used.get(words, 0) + 1
    told = [as_code(words) + (f" ×{times}" if times > 1 else "") for words, times in used.items()]
    return told if len(told) <= MOST else [*told[:MOST], f"{len(told) - MOST} more"]


def shortened(arguments: Mapping[str, object]) -> str:
    """Return arguments in brackets, on one line that a telephone shows; secrets were masked when they were written down."""
    told = ", ".join(_told(arguments.items()))
    return f"({one_line(told, LONGEST_ARGUMENTS)}{'…' if len(told) > LONGEST_ARGUMENTS else ''})" if told else ""


def _told(arguments: Iterable[tuple[str, object]]) -> Iterable[str]:
    return (f"{name}: {value}" for name, value in arguments)


def as_code(words: str) -> str:
    """Return words as Markdown that shows their very letters."""
    fence = "`" * (1 + max((len(found) for found in _TICKS.findall(words)), default=0))
    space = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{space}{words}{space}{fence}"

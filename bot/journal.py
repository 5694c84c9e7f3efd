"""The journal of tool calls: what was begun, what it gave, and what nobody knows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import Connection, Text, bindparam, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from bot.ports import Call, Content
from bot.store.tables import calls, turns
from bot.store.treasury_tables import choices
from bot.tools import Effect

_SPACE = UUID("6f1d9a52-3c0e-5d0b-9a3f-6a7c1f2b8e11")
_UNSURE = (
    select(calls.c.tool, calls.c.arguments)
    .where(calls.c.turn_id.in_(bindparam("turns", expanding=True)), calls.c.state == "unknown", calls.c.effect != Effect.READ)
    .order_by(calls.c.begun_at, calls.c.tool)
)
_FOLLOWS = select(turns.c.follows).where(turns.c.id == bindparam("turn"))
ERA = "era"
_GET_ERA = select(choices.c.value).where(choices.c.name == ERA)
UNKNOWN = "It is not known whether this was done: the work was cut off while it ran, and it is not safe to do it twice."


@dataclass(frozen=True)
class Outcome:
    """What a call gave."""

    text: str
    is_error: bool = False
    stranger: bool = False
    unknown: bool = False
    shown: Content = ()  # what a model is shown beside the text


def call_key(turn_id: int, entry_id: int, position: int, era: str | None = None) -> str:
    """Return the key of a call, the same whenever the same step is done again, and no other's in a house that was restored."""
    return str(uuid5(_SPACE, f"{turn_id}/{entry_id}/{position}" + (f"/{era}" if era else "")))


def era(tx: Connection) -> str | None:
    """Return since when the house counts anew; nothing in one that was never restored."""
    return tx.scalar(_GET_ERA)


def era_began(tx: Connection) -> datetime | None:
    """Return when the house was restored last, if it ever was."""
    since = era(tx)
    return None if since is None else datetime.fromisoformat(since)


def begin_era(tx: Connection, now: datetime) -> None:
    """Let the keys of calls differ from all those that were given after the back-up, of which nothing is known here."""
    new = {"value": now.isoformat()}
    row = insert_or_update(choices).values(name=ERA, **new)
    tx.execute(row.on_conflict_do_update(index_elements=[choices.c.name], set_=new))


def begun(tx: Connection, keys: Sequence[str]) -> dict[str, Effect]:
    """Return which of these calls were begun before, and what each may have done."""
    rows = tx.execute(select(calls.c.key, calls.c.effect).where(calls.c.key.in_(keys)))
    return {row.key: Effect(row.effect) for row in rows}


def begin(
    tx: Connection,
    turn_id: int,
    wanted: Mapping[str, tuple[Call, Effect]],
    now: datetime,
    doing: Callable[[str], str | None] = lambda _: None,
) -> None:
    """Note calls before they start; `doing` says in words of people what a tool does."""
    rows = [
        {
            "key": key,
            "turn_id": turn_id,
            "call_id": call.id,
            "tool": call.name,
            "arguments": call.arguments,
            "effect": effect,
            "doing": doing(call.name),
            "state": "begun",
            "is_error": False,
            "stranger": False,
            "begun_at": now,
        }
        for key, (call, effect) in wanted.items()
    ]
    if rows:
        tx.execute(insert(calls), rows)


def end(tx: Connection, key: str, outcome: Outcome, now: datetime) -> None:
    """Note what a call gave."""
    tx.execute(
        update(calls)
        .where(calls.c.key == key)
        .values(
            state="unknown" if outcome.unknown else "done",
            result=outcome.text,
            is_error=outcome.is_error,
            stranger=outcome.stranger,
            ended_at=now,
        )
    )


def give_up(tx: Connection, turn_id: int, now: datetime) -> None:
    """Mark the calls in flight of a turn that ends without them."""
    tx.execute(
        update(calls)
        .where(calls.c.turn_id == turn_id, calls.c.state == "begun")
        .values(state="unknown", result=UNKNOWN, ended_at=now)
    )


def look_no_more(tx: Connection, turn_id: int) -> None:
    """Let no effect of a call in flight be looked for: whoever began it may have it still before them."""
    flying = (calls.c.turn_id == turn_id, calls.c.state == "begun", calls.c.effect == Effect.LOOK_UP)
    tx.execute(update(calls).where(*flying).values(effect=Effect.BLIND))


def warning(tx: Connection, turn_id: int, follows: int | None = None) -> str:
    """Return a sentence about the calls of a turn, and of those interrupted for it, that may have happened, or nothing."""
    mine = [turn_id]
    while follows is not None:
        mine.append(follows)
        follows = tx.scalar(_FOLLOWS, {"turn": follows})
    unsure = "; ".join(in_words(row.tool, row.arguments) for row in tx.execute(_UNSURE, {"turns": mine}))
    return f"\n\n⚠ I cannot tell whether this was done, so please check: {unsure}" if unsure else ""


def most_repeated(tx: Connection, turn_id: int) -> tuple[str, int]:
    """Return the tool that a turn called most often with the same arguments and result, and how often."""
    row = tx.execute(
        select(calls.c.tool, func.count())
        .where(calls.c.turn_id == turn_id, calls.c.state == "done")
        .group_by(calls.c.tool, cast(calls.c.arguments, Text), calls.c.result)
        .order_by(func.count().desc(), calls.c.tool)
        .limit(1)
    ).first()
    return (row[0], row[1]) if row else ("", 0)


def in_words(tool: str, arguments: Mapping[str, object]) -> str:
    """Return a call as a person reads it."""
    return f"{tool}({', '.join(f'{name}: {value}' for name, value in arguments.items())})"

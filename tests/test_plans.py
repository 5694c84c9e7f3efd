"""What is looked at again and again is found by an index, however much a house has behind it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event

from bot import ailments, conversations, outbox, questions, takeover
from bot.compaction import record
from tests.room import Room

GROWING = re.compile(r"SCAN (turns|runs|inbox|outbox|transcript|calls|questions)")  # and nothing about an index behind it
Asked = list[tuple[str, Any]]


@pytest.fixture
def asked(room: Room) -> Iterator[Asked]:
    """What is asked of the room's database from here on."""
    kept: Asked = []

    def keep(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            kept.append((statement, values))

    engine = room.database._engine  # noqa: SLF001 - beneath all that asks
    event.listen(engine, "before_cursor_execute", keep)
    yield kept
    event.remove(engine, "before_cursor_execute", keep)


def test_no_look_reads_all_that_ever_was(room: Room, asked: Asked) -> None:
    """Looks of the clock, of workers and of the bot, and /stop, read no table from end to end that grows with every message."""
    now = datetime.now(UTC)
    here = room.takes_in("/stop")
    with room.database.write() as tx:
        ailments.of_butler(tx, "assistant", "assistant", now)
        ailments.of_house(tx, now)
        questions.expire(tx, now)
        conversations.unheard(tx, now)
        outbox.waiting(tx, ["telegram"], now)
        takeover.take_over(tx, "worker-1", room.treasury, now)
        record.due(tx, now)
    with room.database.read() as tx:
        explaining = tx.connection.cursor()
        plans = {}
        for statement, values in list(asked):
            explaining.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans[statement] = [row[3] for row in explaining.fetchall()]
    assert len(plans) > 10
    assert [(plan, statement) for statement, plan in plans.items() if any(map(GROWING.fullmatch, plan))] == []
    assert room.replies(here) == ["There is nothing to stop."]

"""Compaction at random: whatever was said, called and thought, and wherever it is cut, a provider takes the prompt."""

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, update

from adapters.models.anthropic import _request as request_of
from bot import transcript
from bot.compaction import record, stretch
from bot.messages import Origin
from bot.ports import Block, Call, Prompt, Result, Route, Text, Thought
from bot.store.database import Database
from bot.store.tables import transcript as log_rows
from bot.store.tables import turns
from bot.transcript import Entry
from tests.anthropic_models import VERSION, find_model
from tests.anthropic_rules import check_request
from tests.anthropic_shapes import parse_count
from tests.spenders import NOW, SONNET, books

ROUTE = Route(provider="anthropic", key_id="anthropic-1", model=SONNET)
_CALLED = iter(range(10**9))


def a_call() -> Call:
    """Return a call with an id of its own."""
    return Call(id=f"toolu_{next(_CALLED)}", name="state_get", arguments={"key": "x"})


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, tuple[Block, ...]]]:
    """Draw what one turn leaves in the log, whether it came to its end, was stopped or crashed."""
    made: list[tuple[str, tuple[Block, ...]]] = [("user", (Text(text=draw(st.sampled_from(["hi", "a word " * 40]))),))]
    for _ in range(draw(st.integers(0, 2))):
        calls = tuple(a_call() for _ in range(draw(st.integers(1, 3))))
        thoughts = (Thought(model="other", block={"type": "thinking"}),) * draw(st.integers(0, 1))
        made.append(("butler", (*thoughts, *calls)))
        answered = calls if draw(st.booleans()) else calls[: draw(st.integers(0, len(calls)))]
        if answered:
            made.append(("user", tuple(Result(call_id=call.id, text="done") for call in answered)))
        if draw(st.booleans()):
            made.append(("user", (Text(text="and one more thing"),)))
    if draw(st.booleans()):
        made.append(("butler", (Text(text=draw(st.sampled_from(["Yes.", " ", "Certainly. " * 30]))),)))
    return made


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A house's database with one conversation in it."""
    with closing(books(tmp_path_factory.mktemp("log") / "house.db")) as made:
        yield made


class _Done(Exception):
    """Takes back what an example wrote."""


def write(tx: Connection, found: Sequence[list[tuple[str, tuple[Block, ...]]]], withdrawn: Sequence[int] = ()) -> None:
    """Let the log hold these turns; some are withdrawn, and the last still runs."""
    tx.execute(update(turns).values(state="answered"))
    for number, made in enumerate(found, 2):
        state = "running" if number == len(found) + 1 else "answered"
        values = {"butler": "assistant", "trigger": "message", "model": SONNET, "steps": 0, "attempts": 0}
        tx.execute(insert(turns).values(id=number, conversation_id=1, person_id=1, started_at=NOW, state=state, **values))
        for role, content in made:
            transcript.append(tx, 1, number, role, content, Origin.PERSON, NOW)  # type: ignore[arg-type]
        if number in withdrawn and state == "answered":
            transcript.withdraw(tx, number)


def check(tx: Connection) -> str:
    """Let the double check the prompt by the vendor's rules; return the prompt."""
    last = Entry(10**9, 10**9, "user", (Text(text="now"),), Origin.PERSON)
    messages = transcript.prompt_messages([*transcript.load(tx, 1, "assistant"), last])
    form = {"name": "state_get", "description": "", "input_schema": {"type": "object"}}
    body = request_of(Prompt(system="You are.", tools=(), messages=messages, max_output=100), ROUTE) | {"tools": [form]}
    check_request(parse_count(body), find_model(SONNET), VERSION)
    return str(body["messages"])


@settings(deadline=None)
@given(st.lists(steps(), min_size=2, max_size=8), st.sets(st.integers(2, 9), max_size=2), st.integers(0, 900), st.data())
def test_every_point_of_compaction_gives_a_valid_prompt(
    log: Database, found: list[list[tuple[str, tuple[Block, ...]]]], withdrawn: set[int], kept: int, data: st.DataObject
) -> None:
    """Summed up once, then again, then partly forgotten, then half left out: each time the vendor's rules hold."""
    with suppress(_Done), log.write() as tx:
        write(tx, found, sorted(withdrawn))
        check(tx)
        for room in (kept, kept // 3):
            here = stretch.standing(tx, 1)
            at_once = data.draw(st.integers(100, 2000))
            chosen = stretch.choose(tx, 1, here._replace(prompt_from=here.prompt_from + 1), room, at_once)
            if chosen is None:
                continue
            assert chosen.until < stretch.turns_after(tx, 1, 0)[-1].last  # the turn that runs is never touched
            made = record.keep(tx, 1, here, chosen, "Otherwise:\n- They talked.", Origin.HOUSE, NOW)
            assert record.put_in_place(tx, 1, made)
            assert "They talked." in check(tx)
        ids = list(tx.scalars(select(log_rows.c.id).order_by(log_rows.c.id)))
        record.forget_entries(tx, 1, [ids[data.draw(st.integers(0, 99)) % len(ids)]])
        check(tx)
        transcript.drop_older_half(tx, 1, len(found) + 1, transcript.load(tx, 1, "assistant"))
        check(tx)
        raise _Done


def test_a_stretch_is_whole_turns(log: Database) -> None:
    """A turn is summed up as a whole or not at all, and the newest stays."""
    with suppress(_Done), log.write() as tx:
        write(tx, [[("user", (Text(text="x" * 3000),)), ("butler", (Text(text="yes"),))]] * 4)
        found = stretch.turns_after(tx, 1, 0)
        chosen = stretch.choose(tx, 1, stretch.standing(tx, 1), 3500, stretch.AT_ONCE)
        assert chosen is not None
        assert chosen.until == found[1].last
        raise _Done

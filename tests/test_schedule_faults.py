"""Faults of schedules: what one damaged, lost or badly behaved part may not do to the rest."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from bot.checks import CheckContext, Finding, check
from bot.messages import Address
from bot.schedules import runs
from bot.schedules.book import CatchUp, OffBy, Purpose
from bot.schedules.desk import MOST_TRIGGERS, Wish
from bot.store.schedule_tables import runs as run_rows
from bot.store.schedule_tables import schedules
from bot.store.treasury_tables import caps
from tests.anthropic_server import AnthropicServer
from tests.households import kept, takes_away, writes
from tests.room import ADA, BEN, Room
from tests.stores import count_rows
from tests.test_linking import join
from tests.test_pairing import ZOE_ON_SLACK
from tests.test_tools import CONTEXT
from tests.timing import became, each, keeps, reminds, stands

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GROUP = Address(channel="telegram", chat="-100", private=False)


class Odd:
    """A module whose check returns what no check may."""

    found: Any = None

    @check
    def oddity(self, context: CheckContext, cursor: Any) -> Finding:
        """Return it."""
        del context, cursor
        found: Finding = self.found
        return found


@pytest.fixture
def odd() -> Odd:
    """The module."""
    return Odd()


@pytest.fixture
def room(tmp_path: Path, claude: AnthropicServer, odd: Odd) -> Iterator[Room]:
    """A house in which Ada and Ben have written."""
    with Room(tmp_path, claude, [odd]) as made:
        for sender in (ADA, BEN):
            made.takes_in("/start", sender)
        yield made
    claude.queue.clear()  # what nobody asked for


def damage(room: Room, schedule_id: int) -> None:
    """Let a schedule be in a zone that there is not."""
    with room.database.write() as tx:
        tx.execute(update(schedules).where(schedules.c.id == schedule_id).values(zone="Atlantis/Poseidonis"))


def states(room: Room) -> list[str]:
    """Return how all runs stand."""
    with room.database.read() as tx:
        return [str(one) for one in tx.scalars(select(run_rows.c.state).order_by(run_rows.c.id))]


def test_a_missing_file_is_told_once(room: Room) -> None:
    """A schedule that makes up for all its times and has lost its file says so once, not for each of them."""
    one = each(room, 60, prompt_file="practice/news.md", catch_up=CatchUp.ALL)
    room.now += 5 * HOUR
    room.fires()
    assert len([text for text in room.reads(ADA) if "I have paused" in text]) == 1
    assert stands(room, one).off_by is OffBy.FILE
    assert sum(times for _, times, _ in became(room, one)) == 5


def test_a_damaged_schedule_that_is_tried_again_stops_no_clock(room: Room) -> None:
    """A second try of what cannot be read ends with a word in the log, and the reminder behind it is said."""
    broken = each(room, 60, name="broken")
    with room.database.write() as tx:
        runs.take(tx, broken.id, room.now, "retrying", room.now, retry_at=room.now + MINUTE)
    damage(room, broken.id)
    reminds(room, room.now + 2 * MINUTE, "tea")
    room.waits_until(room.now + 3 * MINUTE)
    assert room.reads(ADA)[-1] == "⏰ tea"
    assert states(room) == ["failed", "done"]


def test_a_damaged_schedule_that_is_looked_at_ends(room: Room) -> None:
    """A run whose schedule cannot be read any more is not looked at each second for ever."""
    broken = each(room, 60, check={"name": "oddity"})
    with room.database.write() as tx:
        runs.take(tx, broken.id, room.now, "checking", room.now)
    damage(room, broken.id)
    room.fires()
    assert states(room) == ["failed"]


@pytest.mark.parametrize("found", [None, Finding(new=True, cursor={1, 2}), Finding(new=True, cursor=1, note=7)])  # type: ignore[arg-type]
def test_a_check_that_finds_nonsense_fails(room: Room, odd: Odd, found: object) -> None:
    """What a module returns that nobody can keep is a failure that is counted, and not looked at each second for ever."""
    odd.found = found
    one = each(room, 60, check={"name": "oddity"})
    room.waits_until(room.now + HOUR + MINUTE)
    assert [state for state, _, _ in became(room, one)] == ["failed"]
    assert stands(room, one).failures == 1


def test_a_long_absence_does_not_fill_the_prompt(room: Room) -> None:
    """Who writes after hundreds of answers that schedules gave pays for the newest of them, and is answered."""
    each(room, 60, purpose=Purpose.REMINDER, prompt="The weather is " + "very " * 200 + "fine.")
    room.waits_until(room.now + 20 * DAY)
    assert len(room.reads(ADA)) > 450
    room.claude.says("Welcome back.")
    assert room.asks("I am back") == "Welcome back."
    assert len(str(room.claude.requests[-1])) < 50_000
    room.claude.says("Nothing.")
    room.asks("what else?")
    assert str(room.claude.requests[-1]).count("this was told here") < 20


def test_a_group_sees_no_private_schedule(room: Room) -> None:
    """A butler that is asked in a group for Ada's schedules finds those that were made there, and changes no other."""
    private = keeps(room, "0 8 * * *", "divorce", prompt="Prepare my divorce.")
    room.claude.calls_tool("schedule_create", {"name": "stand-up", "when": "every day 9:00", "prompt": "Ask for news."})
    room.claude.says("Kept.")
    room.asks("every day at nine ask for news", address=GROUP)
    room.claude.calls_tool("schedule_list", {})
    room.claude.calls_tool("schedule_delete", {"id": private.id})
    room.claude.says("There you are.")
    room.asks("which schedules have I?", address=GROUP)
    assert "stand-up" in str(room.claude.requests[-1])
    assert "divorce" not in str(room.claude.requests[-1])
    assert stands(room, private).is_on


def test_joined_chats_have_one_reverie(room: Room) -> None:
    """Two people who become one do not think twice about the same at twice the cost."""
    writes(room, reverie="Think.")
    room.writes(ZOE_ON_SLACK, "hello")
    room.presses(ADA, "Admit as member")
    for sender in (BEN, ZOE_ON_SLACK):
        room.claude.says("Hello.")
        room.asks("hello", sender)
    room.sync.look()
    assert len(kept(room, name="reverie")) == 2
    join(room, BEN, ZOE_ON_SLACK)
    room.sync.look()
    assert [(one.person_id, one.is_on) for one in kept(room, name="reverie")] == [(2, True), (2, False)]


def test_nothing_is_told_in_the_chat_of_who_is_removed(room: Room) -> None:
    """What a butler's file tells in Ben's chat is told there no more when he is served no longer."""
    writes(room, "[[butler.schedule]]\nname = 'hourly'\nevery = '1h'\nprompt = 'Look.'\nto = 'telegram:8'\n")
    room.claude.says("A first word for Ben.")
    room.waits_until(room.now + HOUR + MINUTE)
    assert room.reads(BEN)[-1] == "A first word for Ben."
    room.takes_in("/people remove 2")
    room.presses(ADA, "Remove, keep what was said")
    said, asked = room.reads(BEN), len(room.claude.message_requests)
    room.waits_until(room.now + 2 * HOUR)
    assert room.reads(BEN) == said
    assert len(room.claude.message_requests) == asked


def test_a_crowd_each_minute_misses_no_minute(room: Room) -> None:
    """Schedules that are due each minute are spread over it and still each of their times comes, though the clock is slow."""
    many = [each(room, 1, name=f"n{number}", purpose=Purpose.REMINDER, prompt="x") for number in range(50)]
    begun = room.now
    room.now += MINUTE + timedelta(seconds=5)
    room.waits_until(begun + 4 * MINUTE + timedelta(seconds=59))
    assert {tuple(state for state, _, _ in became(room, one)) for one in many} == {("done",) * 4}


def test_another_zone_may_leave_a_schedule_no_time(room: Room) -> None:
    """A schedule whose last time is past in the person's new zone is done, and not on for ever without a time."""
    one = keeps(room, "0 20 * * *", until=room.now + 8 * HOUR)
    room.takes_in("/schedule zone Pacific/Honolulu")
    assert (stands(room, one).is_on, stands(room, one).off_by) == (False, OffBy.DONE)


def test_a_stopped_run_leaves_no_cap(room: Room) -> None:
    """The cap of a run goes with it, however it ends."""
    one = each(room, 60, max_cost=10**9)
    room.now += HOUR
    fired = room.firing.fire()
    taken = room.runner("w").turns.take(fired.turns[0], suspects=True)
    assert taken is not None
    room.takes_in(f"/schedule pause {one.id}")
    with room.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(caps)) == 0


def test_triggers_end(room: Room) -> None:
    """A turn that begins another, which begins another, comes to an end."""
    for number in range(MOST_TRIGGERS + 2):
        room.claude.calls_tool("trigger", {"prompt": f"again {number}"})
        room.claude.says(f"Once more {number}.")
    room.asks("begin")
    room.waits_until(room.now + HOUR)
    assert len(kept(room, purpose="trigger")) == MOST_TRIGGERS


def test_a_schedule_of_a_butler_that_is_gone_is_not_run_by_another(room: Room) -> None:
    """Nobody else does by hand what was for a butler that has left."""
    writes(room)
    writes(room, butler="cook")
    one = keeps(room, "0 8 * * *", butler="cook", prompt="Plan my meals.")
    takes_away(room, "cook")
    before = len(room.claude.message_requests)
    room.claude.says("I am not cook.")
    said = room.writes(ADA, f"/schedule run {one.id}")
    assert "cook is not at work here" in said
    assert len(room.claude.message_requests) == before


@pytest.mark.parametrize("gone", [False, True])
def test_a_call_that_a_crash_repeats_makes_nothing_more(room: Room, *, gone: bool) -> None:
    """A call that made a schedule and is made again when its time is past, or it was removed, tells of that one."""
    room.claude.says("Hello.")
    room.asks("hello")
    soon = (room.now + MINUTE).isoformat()
    first = replace(CONTEXT, now=room.now)
    for do in (room.desk.make, partial(room.desk.replace_or_make, key="tea")):
        wish = Wish(purpose=Purpose.NUDGE, prompt="Look.")
        context = replace(first, key=str(do))
        said = do(context, soon, wish=wish)
        number = int(said.split()[1])
        if gone:
            room.desk.remove(context, number)
        assert f"Schedule {number} " in do(replace(context, now=room.now + HOUR), soon, wish=wish)
    assert len(kept(room)) == 2


def test_what_a_run_begins_is_paid_by_its_schedule(room: Room) -> None:
    """A run that lets others do its work leaves neither its own cap nor the month's of its schedule by that."""
    one = each(room, 60, max_cost=10**9, max_cost_month=10**9)
    room.claude.calls_tool("trigger", {"prompt": "Look for more."})
    room.claude.says("Others look.")
    room.now += HOUR
    room.fires()
    room.now += MINUTE
    (conversation_id,) = room.firing.fire().turns
    taken = room.runner("w").turns.take(conversation_id, suspects=True)
    assert taken is not None
    assert {f"root:{taken.root_id}", f"job:{one.id}"} <= set(taken.spender.scopes)
    with room.database.read() as tx:
        assert set(tx.scalars(select(caps.c.scope))) == {f"root:{taken.root_id}", f"job:{one.id}"}


A_YEAR = """
    WITH RECURSIVE minutes(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM minutes WHERE n < 525600),
    times(at) AS (SELECT {at} FROM minutes)
    INSERT INTO runs (schedule_id, due_at, times, state, told, tainted, by_hand, tries, fired_at)
    SELECT :schedule, at, 1, 'done', 'silent', false, false, 1, at FROM times
"""
AGO = {
    "sqlite": "datetime('2026-11-21 12:00:00', -n || ' minutes') || '.000000'",
    "postgresql": "TIMESTAMPTZ '2026-11-21 12:00:00Z' - n * INTERVAL '1 minute'",
}


def test_a_year_of_minutes_slows_no_agenda(room: Room) -> None:
    """With a year of runs of a schedule for every minute, /schedule and /agenda answer within 100 ms."""
    one = each(room, 1)
    with room.database.write() as tx:
        tx.execute(text(A_YEAR.format(at=AGO[tx.dialect.name])), {"schedule": one.id})
        count_rows(tx)
    for command in ("/schedule", "/agenda", f"/schedule show {one.id}"):
        times = []
        for _ in range(3):
            begun = perf_counter()
            room.takes_in(command)
            times.append(perf_counter() - begun)
        assert min(times) < 0.1, f"{command}: {min(times):.3f} s"


def test_what_was_told_to_somebody_forgotten_is_read_by_no_butler(room: Room) -> None:
    """Who is forgotten and returns begins anew: no butler reads that, and when, something was told to them."""
    reminds(room, room.now + HOUR, "the doctor", person_id=2)
    room.waits_until(room.now + 2 * HOUR)
    room.takes_in("/people remove 2")
    room.presses(ADA, "Remove and forget everything")
    room.takes_in("/people admit 2 member")
    room.claude.says("Welcome.")
    room.asks("hello", BEN)
    assert "this was told here" not in str(room.claude.requests[-1])

"""Each due time is carried out once, or is recorded with the reason."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from bot.schedules.book import CatchUp, Purpose
from bot.schedules.firing import BUSY, MOST_CAUGHT_UP, OFF
from bot.schedules.when import cron, once
from bot.store.schedule_tables import runs, schedules
from tests.anthropic_server import AnthropicServer
from tests.room import ADA, BEN, Room
from tests.timing import BERLIN, became, each, keeps, local, stands

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def room(tmp_path: Path, claude: AnthropicServer) -> Iterator[Room]:
    """A house in which Ada has written."""
    with Room(tmp_path, claude) as made:
        made.takes_in("/start")
        yield made


def test_a_briefing_comes_once_a_day(room: Room) -> None:
    """A due time is one turn, its answer stands in the person's chat, and the butler there knows of it."""
    one = keeps(room, "0 8 * * *")
    room.claude.says("You have two meetings.")
    room.waits_until(room.now + DAY)
    assert room.reads(ADA)[1:] == ["You have two meetings."]
    assert became(room, one) == [("done", 1, "")]
    assert local(stands(room, one).next_at) == "2026-11-23 08:00"
    room.claude.says("As I said: two.")
    assert room.asks("how many meetings?") == "As I said: two."
    assert "You have two meetings." in str(room.claude.requests[-1])


def test_runs_know_nothing_of_each_other(room: Room) -> None:
    """The prompt of a run holds nothing of the runs before, so that it costs the same each day."""
    keeps(room, "0 8 * * *")
    room.claude.says("First.")
    room.claude.says("Second.")
    room.waits_until(room.now + 2 * DAY)
    assert room.reads(ADA)[1:] == ["First.", "Second."]
    assert "First." not in str(room.claude.requests[-1])


def test_a_reminder_asks_no_model(room: Room) -> None:
    """A reminder says its words at its time, to the cost of nothing, and is done."""
    before = len(room.claude.requests)
    tea = keeps(room, once(room.now + HOUR, BERLIN), purpose=Purpose.REMINDER, prompt="Tea!")
    room.waits_until(room.now + DAY)
    assert room.reads(ADA)[-1] == "⏰ Tea!"
    assert len(room.claude.requests) == before
    assert (stands(room, tea).is_on, stands(room, tea).off_by) == (False, "done")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (CatchUp.LATEST, [("skipped", 2, OFF), ("done", 1, "")]),
        (CatchUp.ALL, [("done", 1, ""), ("done", 1, ""), ("done", 1, "")]),
        (CatchUp.SKIP, [("skipped", 3, OFF)]),
    ],
)
def test_missed_times_follow_the_rule(room: Room, rule: CatchUp, expected: list[tuple[str, int, str]]) -> None:
    """What came due while the house was off is made up for once, each time, or not at all, and all of it is recorded."""
    one = keeps(room, "0 8 * * *", catch_up=rule)
    room.now += 3 * DAY
    room.fires()
    assert became(room, one) == expected
    late = [text for text in room.reads(ADA) if text.startswith("_briefing was due at")]
    assert len(late) == len([state for state, *_ in expected if state == "done"])
    assert local(stands(room, one).next_at) == "2026-11-25 08:00"
    assert room.fires() == []


def test_a_late_run_says_so(room: Room) -> None:
    """The one run that makes up for an outage names the time at which it was due."""
    keeps(room, "0 8 * * *")
    room.claude.says("Better late.")
    room.now = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
    room.fires()
    assert room.reads(ADA)[-1] == "_briefing was due at 08:00; the house was not there then._\n\nBetter late."


def test_a_restart_fires_no_interval(room: Room) -> None:
    """What is done every so often counts from when it was made, and not from a start of the house."""
    one = each(room, 120)
    for _ in range(5):
        room.now += timedelta(minutes=20)
        room.__dict__.pop("firing", None)  # as a process that starts anew
        assert room.fires() == []
    room.now += timedelta(minutes=20)
    assert len(room.fires()) == 1
    assert became(room, one) == [("done", 1, "")]


def test_a_clock_that_is_set_back_doubles_nothing(room: Room) -> None:
    """Times that have come do not come again when the machine's clock is set back, and none comes early."""
    one = each(room, 10)
    room.waits_until(room.now + HOUR + MINUTE)
    assert len(became(room, one)) == 6
    room.now -= HOUR
    room.waits_until(room.now + HOUR)
    assert len(became(room, one)) == 6
    room.waits_until(room.now + timedelta(minutes=10))
    assert len(became(room, one)) == 7


def test_a_clock_that_jumps_ahead_leaves_nothing_out(room: Room) -> None:
    """Times that a jump of the clock passes over are made up for by the rule."""
    one = each(room, 10, catch_up=CatchUp.ALL)
    room.now += HOUR
    room.fires()
    assert became(room, one) == [("done", 1, "")] * 6


def test_both_changes_of_the_clocks(room: Room) -> None:
    """In the night of the change 02:30 comes once: at 03:00 where it is left out, at the first one where it comes twice."""
    room.now = datetime(2027, 3, 26, 12, tzinfo=UTC)
    spring = keeps(room, "30 2 * * *", name="spring")
    room.waits_until(room.now + 3 * DAY)
    room.now = datetime(2027, 10, 29, 12, tzinfo=UTC)
    with room.database.write() as tx:
        tx.execute(update(schedules).values(is_on=False))
    autumn = keeps(room, "30 2 * * *", name="autumn")
    room.waits_until(room.now + 3 * DAY)
    with room.database.read() as tx:
        rows = tx.execute(select(runs.c.schedule_id, runs.c.due_at).order_by(runs.c.id)).all()
    times = {one.id: [at for schedule_id, at in rows if schedule_id == one.id] for one in (spring, autumn)}
    assert [f"{at:%d %H:%M}" for at in times[spring.id]] == ["27 01:30", "28 01:00", "29 00:30"]
    assert [f"{at:%d %H:%M}" for at in times[autumn.id]] == ["30 00:30", "31 00:30", "01 01:30"]


def test_a_run_that_takes_long_holds_back_the_next(room: Room) -> None:
    """While a run is not over the next due times are left out with that reason, and share one row."""
    one = each(room, 5)
    room.now += timedelta(minutes=5)
    room.firing.fire()  # and no worker answers
    for _ in range(3):
        room.now += timedelta(minutes=5)
        room.firing.fire()
    assert became(room, one) == [("waiting", 1, ""), ("skipped", 3, BUSY)]


def test_a_crowd_is_spread_over_a_minute(room: Room) -> None:
    """Of schedules of the same minute one begins at once and the others follow within it; exact ones wait for nobody."""
    crowd = [keeps(room, "0 8 * * *", name=f"task {number}") for number in range(6)]
    exact = keeps(room, "0 8 * * *", name="exact", exact=True)
    room.now = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
    assert len(room.fires()) == 2
    room.waits_until(room.now + timedelta(seconds=59))
    assert [became(room, one) for one in (*crowd, exact)] == [[("done", 1, "")]] * 7
    with room.database.read() as tx:
        begun = sorted(tx.scalars(select(runs.c.fired_at)))
    assert [round((at - begun[0]).total_seconds()) for at in begun] == [0, 0, 10, 20, 30, 40, 50]


def test_a_schedule_ends(room: Room) -> None:
    """After its last day a schedule is due no more, and what was missed by then is recorded."""
    one = keeps(room, "0 8 * * *", until=room.now + 2 * DAY)
    room.now += 5 * DAY
    room.fires()
    assert became(room, one) == [("skipped", 1, OFF), ("done", 1, "")]
    assert (stands(room, one).is_on, stands(room, one).off_by) == (False, "done")


def test_many_missed_times_are_bounded(room: Room) -> None:
    """A month of missed minutes is neither a million rows nor a thousand turns."""
    every_minute = keeps(room, "* * * * *", name="latest", exact=True)
    wanted_all = keeps(room, "* * * * *", name="all", catch_up=CatchUp.ALL, exact=True)
    room.now += 30 * DAY
    room.firing.fire()
    assert became(room, every_minute) == [("skipped", 0, OFF), ("waiting", 1, "")]
    states = became(room, wanted_all)
    assert [states[0], len(states) - 1] == [("skipped", 0, OFF), MOST_CAUGHT_UP]


def test_nobody_is_there_yet(tmp_path: Path, claude: AnthropicServer) -> None:
    """A schedule of a file whose owner never wrote is left out with that reason, and works once they have."""
    with Room(tmp_path, claude) as room:
        one = keeps(room, "0 8 * * *", person_id=None)
        room.waits_until(room.now + DAY)
        assert became(room, one) == [("skipped", 1, "no owner has written to this house yet")]
        room.takes_in("/start")
        room.waits_until(room.now + DAY)
        assert became(room, one)[1:] == [("done", 1, "")]


def test_guests_have_nothing_done_at_times(room: Room) -> None:
    """Somebody who became a guest keeps schedules that are left out with the reason."""
    room.takes_in("/start", BEN)
    one = keeps(room, "0 8 * * *", person_id=2)
    room.takes_in("/people role 2 guest")
    room.waits_until(room.now + DAY)
    assert became(room, one) == [("skipped", 1, "Ben may have nothing done at times any more")]


@pytest.mark.both_stores
def test_a_damaged_schedule_harms_no_other(room: Room) -> None:
    """One that cannot be read is set aside, and those beside it are carried out."""
    bad = [keeps(room, "0 8 * * *", name=name) for name in ("zone", "spec", "form")]
    good = keeps(room, "0 8 * * *", name="good")
    with room.database.write() as tx:
        for one, change in zip(bad, ({"zone": "Mars/Base"}, {"spec": "rubbish"}, {"form": "never"}), strict=True):
            tx.execute(update(schedules).where(schedules.c.id == one.id).values(change))
    room.waits_until(room.now + DAY)
    assert became(room, good) == [("done", 1, "")]
    with room.database.read() as tx:
        off = tx.scalars(select(schedules.c.off_by).where(schedules.c.id.in_([one.id for one in bad]))).all()
    assert off == ["failures"] * 3


@pytest.mark.both_stores
def test_a_time_that_is_noted_already_is_not_doubled(room: Room) -> None:
    """Where the table knows a due time, such as after a back-up was put back, the schedule goes on with the next one."""
    one = keeps(room, "0 8 * * *")
    room.waits_until(room.now + DAY)
    with room.database.write() as tx:
        at = datetime(2026, 11, 22, 7, tzinfo=UTC)
        tx.execute(update(schedules).values(next_at=at, fire_at=at))
    assert room.fires() == []
    assert became(room, one) == [("done", 1, "")]
    assert local(stands(room, one).next_at) == "2026-11-23 08:00"


def test_each_in_their_zone(room: Room) -> None:
    """Eight o'clock is eight o'clock where the person is."""
    york = keeps(room, cron("0 8 * * *", ZoneInfo("America/New_York"), room.now), name="york")
    berlin = keeps(room, "0 8 * * *", name="berlin")
    assert (stands(room, york).next_at, stands(room, berlin).next_at) == (
        datetime(2026, 11, 21, 13, tzinfo=UTC),
        datetime(2026, 11, 22, 7, tzinfo=UTC),
    )

"""/agenda says what is due, and what became of what was: nothing that should have happened goes unsaid."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from sqlalchemy import insert, select, update

from bot.messages import Address
from bot.schedules.book import CatchUp, Purpose
from bot.schedules.when import once
from bot.store.schedule_tables import runs, schedules
from bot.store.tables import outbox, people
from tests.room import ADA, BEN, Room
from tests.stores import count_rows
from tests.timing import BERLIN, each, keeps

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def room(room: Room) -> Room:
    """A room that both have entered; it is Saturday, 13:00 in Berlin."""
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
    return room


def been(room: Room) -> list[str]:
    """Return what Ada reads of the last 24 hours."""
    return room.writes(ADA, "/agenda").split("**Last 24 hours**\n")[1].splitlines()


def to_come(room: Room) -> list[str]:
    """Return what Ada reads of the next 24 hours."""
    return room.writes(ADA, "/agenda").split("\n\n**Last 24 hours**")[0].splitlines()[1:]


def test_an_empty_day(room: Room) -> None:
    """Where nothing is due and nothing was, both are said."""
    assert room.writes(ADA, "/agenda") == (
        "**Next 24 hours** (Europe/Berlin)\nNothing is due.\n\n**Last 24 hours**\nNothing was due."
    )


def test_what_is_due(room: Room) -> None:
    """What is due within a day is listed by time, how often, and when it is told if that is quiet; nothing beyond."""
    room.takes_in("/quiet 22:00-07:00")
    room.takes_in("/remind 23:00 sleep")
    room.takes_in("/remind tomorrow 18:00 too far")
    room.takes_in("/schedule add 18:30 :: Cook")
    each(room, 300, name="mail")
    each(room, 1, name="pulse", silent=True)
    assert to_come(room) == [
        "- 13:01 **pulse** (5), 100 times or more",
        "- 18:00 **mail** (4), 4 times until Sun 22 Nov 09:00",
        "- 18:30 **Cook** (3)",
        "- 23:00 **sleep** (1), told at Sun 22 Nov 07:00 when your quiet hours are over",
    ]
    room.takes_in("/schedule pause 3")
    assert "Cook" not in str(to_come(room))


def test_what_is_due_this_moment(room: Room) -> None:
    """What the clock has yet to carry out does not stand before what comes sooner than its next time."""
    room.takes_in("/schedule add every 2h :: Look")
    room.takes_in("/remind in 3 hours tea")
    room.now += 2 * HOUR
    assert to_come(room)[0].endswith("**tea** (2)")


def test_quiet_hours_hold_nothing_back_in_a_group(room: Room) -> None:
    """Of what is told in a group nobody reads, in private or there, that it waits for the end of their quiet hours."""
    room.takes_in("/quiet 22:00-07:00")
    group = room.takes_in("/remind 23:00 lights out", address=Address(channel="telegram", chat="-100", private=False))
    assert "quiet" not in room.replies(group)[-1]
    assert to_come(room) == ["- 23:00 **lights out** (1)"]
    assert "quiet" not in room.writes(ADA, "/schedule edit 1 23:30")


def test_names_show_their_very_letters(room: Room) -> None:
    """A name that a butler or a file gave is no Markdown, and one that is written from the right turns nothing around."""
    keeps(room, "30 13 * * *", "*all* my_notes [x](y)", purpose=Purpose.REMINDER, prompt="x")
    keeps(room, "40 13 * * *", "تذكير", purpose=Purpose.REMINDER, prompt="x")
    first, second = to_come(room)
    assert first == r"- 13:30 **\*all\* my\_notes \[x\](y)** (1)"
    assert second == "- 13:40 \u2068**تذكير**\u2069 (2)"


def test_what_became_of_it(room: Room) -> None:
    """What was told, late, skipped and how often, failed, silent, or had nothing to tell: each in a line."""
    keeps(room, "0 14 * * *", "tea", purpose=Purpose.REMINDER, prompt="Tea!")
    room.waits_until(room.now + HOUR)
    keeps(room, "0 * * * *", "hourly", purpose=Purpose.REMINDER)
    keeps(room, "30 * * * *", "strict", purpose=Purpose.REMINDER, catch_up=CatchUp.SKIP)
    room.now += timedelta(hours=4, minutes=10)
    room.fires()
    keeps(room, once(room.now + MINUTE, BERLIN), "quietly", silent=True)
    room.claude.says("Done.")
    room.waits_until(room.now + MINUTE)
    keeps(room, once(room.now + MINUTE, BERLIN), "in vain")
    room.claude.says("(nothing)")
    room.waits_until(room.now + MINUTE)
    assert been(room) == [
        "- 18:12 **in vain** (5): done, with nothing to tell",
        "- 18:11 **quietly** (4): done, and kept in the log",
        "- 18:00 **hourly** (2): late, begun 18:10, told",
        "- 15:00 **hourly** (2): skipped: the house was off, 3 times",
        "- 14:30 **strict** (3): skipped: the house was off, 4 times",
        "- 14:00 **tea** (1): told",
    ]


def test_what_failed_and_what_never_arrived(room: Room) -> None:
    """A failure says why and when it is tried again, an answer that a chat did not take says so and how to send it again."""
    keeps(room, "30 14 * * *", "briefing")
    room.claude.fail(float("inf"), 400, "invalid_request_error", "the request is wrong")
    room.waits_until(room.now + 2 * HOUR)
    keeps(room, once(room.now + MINUTE, BERLIN), "tea", purpose=Purpose.REMINDER)
    keeps(room, once(room.now + 2 * MINUTE, BERLIN), "milk", purpose=Purpose.REMINDER)
    room.waits_until(room.now + 5 * MINUTE)
    with room.database.write() as tx:
        for name, values in (("tea", {"state": "gone", "error": "blocked"}), ("milk", {"error": "no route"})):
            reply = select(runs.c.reply_id).join(schedules).where(schedules.c.name == name)
            tx.execute(update(outbox).where(outbox.c.id == reply.scalar_subquery()).values(values))
    milk, tea, briefing = been(room)
    assert milk == "- 15:02 **milk** (3): undelivered so far: no route"
    assert tea.startswith("- 15:01 **tea** (2): undelivered: blocked; `/retry r")
    assert briefing == (
        "- 14:30 **briefing** (1): failed: The model's provider refused this request. It says: the request is wrong"
    )


def test_runs_alike_are_one_line(room: Room) -> None:
    """What ends alike again and again is told once, with how often since when; what is too much is said to be."""
    one = each(room, 60, name="pulse", purpose=Purpose.REMINDER)
    room.waits_until(room.now + 5 * HOUR + MINUTE)
    assert been(room) == ["- 18:00 **pulse** (1): told, 5 times since 14:00"]
    room.takes_in("/schedule pause 1")
    room.now += 2 * DAY
    assert been(room) == ["Nothing was due."]
    room.now -= 2 * DAY
    with room.database.write() as tx:
        row = {"schedule_id": one.id, "state": "failed", "times": 1, "tainted": False, "by_hand": False, "tries": 1}
        for number in range(30):
            at = room.now + number * MINUTE / 60
            tx.execute(insert(runs).values(**row, due_at=at, fired_at=at, why=f"fault {number}"))
    assert len(been(room)) == 21
    assert been(room)[-1] == "- and more before; `/schedule show ID` shows one’s last times"


def test_a_held_and_a_withheld_word(room: Room) -> None:
    """What waits for the end of quiet hours, and what was withheld with the reason, is said."""
    room.takes_in("/quiet 12:00-20:00")
    room.takes_in("/settings unasked 0")
    keeps(room, once(room.now + MINUTE, BERLIN), "tea", purpose=Purpose.REMINDER)
    keeps(room, once(room.now + 2 * MINUTE, BERLIN), "idea", purpose=Purpose.NUDGE)
    room.claude.says("I had an idea.")
    room.waits_until(room.now + 5 * MINUTE)
    assert been(room) == [
        "- 13:02 **idea** (2): skipped: you want to hear nothing that butlers say of their own accord",
        "- 13:01 **tea** (1): waits for the end of quiet hours",
    ]


def test_everybody_has_an_agenda_of_their_own(room: Room) -> None:
    """Ben reads nothing of Ada's, and a group only what is done there."""
    keeps(room, "0 14 * * *", "tea", purpose=Purpose.REMINDER)
    room.waits_until(room.now + 2 * HOUR)
    assert "tea" not in room.writes(BEN, "/agenda")
    place = Address(channel="telegram", chat="-100", private=False)
    group = room.takes_in("/remind every day 18:00 stand-up", address=place)
    room.takes_in("/agenda", address=place)
    assert "**stand-up** (2)" in room.replies(group)[-1]
    assert "tea" not in room.replies(group)[-1]


def test_ten_thousand_schedules_are_looked_at_in_a_moment(room: Room) -> None:
    """With 10,000 schedules in the house, /schedule and /agenda answer within 100 ms, and change nothing."""
    row = {"butler": "assistant", "source": "chat", "purpose": "task", "form": "cron", "zone": "Europe/Berlin", "prompt": "x"}
    more = {"follows": True, "anchor": room.now, "catch_up": "latest", "made_at": room.now, "is_on": True, "failures": 0}
    flags = dict.fromkeys(("silent", "urgent", "exact"), False)
    made = []
    for number in range(10_000):
        at = datetime(2026, 11, 22, number % 24, number % 60, tzinfo=UTC)
        mine = {
            "person_id": 1 + number % 20,
            "name": f"task {number}",
            "spec": f"{number % 60} {(number + 1) % 24} * * *",
        }
        made.append(row | more | flags | mine | {"next_at": at, "fire_at": at})
    with room.database.write() as tx:
        others = [{"id": n, "name": f"Person {n}", "role": "member", "created_at": room.now} for n in range(3, 21)]
        tx.execute(insert(people), others)
        tx.execute(insert(schedules), made)
        done = {"state": "done", "times": 1, "tainted": False, "by_hand": False, "tries": 1, "told": "told"}
        ran = [{"schedule_id": n, "due_at": room.now - n * MINUTE / 60, "fired_at": room.now, **done} for n in range(1, 10_001)]
        tx.execute(insert(runs), ran)
        count_rows(tx)
    before = _stands(room)
    for sender in (ADA, BEN):
        for command in ("/schedule", "/agenda"):
            times = []
            for _ in range(5):
                begun = perf_counter()
                said = room.writes(sender, command)
                times.append(perf_counter() - begun)
            assert "more" in said
            # Of some sixty statements each, every one is a way to a server and back.
            most = 0.1 if room.database.url.startswith("sqlite") else 0.2
            assert min(times) < most, f"{command}: {min(times):.3f} s"
    assert _stands(room) == before


def _stands(room: Room) -> tuple[object, ...]:
    with room.database.read() as tx:
        return tx.execute(select(schedules)).all(), tx.execute(select(runs)).all()

"""/schedule and /remind: what people have done at times, told as they read it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.messages import Address
from bot.store.schedule_tables import schedules
from bot.store.tables import outbox
from tests.houses import ROOT
from tests.room import ADA, BEN, Room

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GROUP = Address(channel="telegram", chat="-100", private=False)


@pytest.fixture
def room(room: Room) -> Room:
    """A room that Ada in Berlin and Ben in New York have entered."""
    room.takes_in("/start")
    room.takes_in("/settings zone America/New_York", BEN)
    return room


def kept(room: Room) -> int:
    """Return how many schedules there are."""
    with room.database.read() as tx:
        return int(tx.scalar(select(func.count()).select_from(schedules)) or 0)


def works(room: Room) -> None:
    """Let a worker answer what was rung for."""
    for conversation_id in dict.fromkeys(room.rung):
        room.runner("w").run_turn(conversation_id, None)
    room.rung.clear()


def test_the_readme_s_schedules_are_true(room: Room) -> None:
    """What the README shows of /remind and /schedule is what a person reads, with the buttons that it shows."""
    section = (ROOT / "README.md").read_text().split("## Doing things at a time")[1]
    block = section.split("```text\n")[1].split("```")[0]
    for part in block.split("> ")[1:]:
        asked, _, wanted = part.partition("\n")
        said = room.writes(ADA, asked).replace("**", "")
        with room.database.read() as tx:
            has_buttons = tx.scalar(select(outbox.c.question_id).order_by(outbox.c.id.desc()).limit(1)) is not None
        said += "\n[Pause]  [Remove]" if has_buttons else ""
        assert said.split() == wanted.split()


def test_a_briefing_from_its_wish_to_its_costs(room: Room) -> None:
    """A task is echoed, asks its butler at its time, and the list says what became of it and what it cost."""
    assert room.writes(ADA, "/schedule add every weekday 7:30 :: Brief me.") == (
        "assistant will do it: **Brief me** (schedule 1). Every weekday at 07:30 (Europe/Berlin). "
        "Next: Mon 23 Nov 07:30, Tue 24 Nov 07:30 and Wed 25 Nov 07:30."
    )
    room.claude.says("Two meetings today.")
    room.waits_until(datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert room.reads(ADA)[-1] == "Two meetings today."
    first, second = room.writes(ADA, "/schedule").splitlines()
    assert first.startswith("- **Brief me** (1, assistant): Every weekday at 07:30 (Europe/Berlin). Next: Tue 24 Nov 07:30,")
    assert re.fullmatch(r"  - Last: Mon 23 Nov 07:30, told\. Cost so far: (under )?\$0\.0\d\.", second)
    assert "Brief me (schedule 1): " in room.writes(ADA, "/budget")
    shown = room.writes(ADA, "/schedule show brief me")
    assert shown.startswith("**Brief me** (schedule 1), assistant. Every weekday")
    assert "\n- Mon 23 Nov 07:30: told\n" in shown
    assert shown.endswith("\n\n> Brief me.")
    assert room.writes(ADA, "/schedule 1") == shown


def test_two_people_in_two_zones_through_the_summer_s_beginning(room: Room) -> None:
    """A time of day stays one through changes of the clocks, in each one's zone, and lists say where these are."""
    room.now = datetime(2027, 3, 12, 20, tzinfo=UTC)  # in America clocks go forward on the 14th, in Europe on the 28th
    assert room.writes(BEN, "/remind every day 8:00 pills").endswith(
        "Every day at 08:00 (America/New_York). Next: Sat 13 Mar 08:00, Sun 14 Mar 08:00 (the clocks have gone forward) and "
        "Mon 15 Mar 08:00."
    )
    room.writes(ADA, "/remind every sunday 9:00 church")
    told: dict[str, list[str]] = {"⏰ pills": [], "⏰ church": []}
    room.waits_until(datetime(2027, 3, 16, 0, tzinfo=UTC))
    assert "Last: Mon 15 Mar 08:00, told." in room.writes(BEN, "/schedule")
    assert room.writes(ADA, "/schedule").startswith(
        "- **church** (2, reminder): Every Sunday at 09:00 (Europe/Berlin). Next: Sun 21 Mar 09:00, Sun 28 Mar 09:00 (the "
        "clocks have gone forward) and Sun 4 Apr 09:00."
    )
    room.waits_until(datetime(2027, 3, 29, tzinfo=UTC))
    with room.database.read() as tx:
        for row in tx.execute(select(outbox).where(outbox.c.text.in_(told)).order_by(outbox.c.id)):
            told[row.text].append(f"{row.created_at:%d %H:%M}")
    assert told["⏰ church"] == ["14 08:00", "21 08:00", "28 07:00"]
    assert told["⏰ pills"][:4] == ["13 13:00", "14 12:00", "15 12:00", "16 12:00"]


def test_moving_takes_schedules_along(room: Room) -> None:
    """A new zone moves the schedules that follow the person's, by /schedule and /settings alike, and no other."""
    room.writes(ADA, "/remind every day 8:00 pills")
    room.writes(ADA, "/remind every day 8:00 Asia/Tokyo call Ken")
    assert room.writes(ADA, "/schedule zone america/new_york") == (
        "Your zone is America/New_York; it is 07:00 there. 1 schedule follows it."
    )
    listed = room.writes(ADA, "/schedule")
    assert "**pills** (1, reminder): Every day at 08:00 (America/New_York). Next: Sat 21 Nov 08:00," in listed
    assert "Every day at 08:00 (Asia/Tokyo). Next: Sat 21 Nov 18:00, Sun 22 Nov 18:00 and" in listed
    assert room.writes(ADA, "/settings zone Europe/Berlin").endswith("1 schedule follows it.")
    assert "pills** (1, reminder): Every day at 08:00 (Europe/Berlin)" in room.writes(ADA, "/schedule")
    assert room.writes(ADA, "/schedule zone Mars/Base").startswith("Mars/Base is no zone such as Europe/Berlin.")
    assert room.writes(ADA, "/schedule zone").startswith("Your zone is Europe/Berlin.")


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("/remind", "A time is missing. Write `in 20 minutes`"),
        ("/remind 5 eggs", "“5 eggs” does not begin with a time"),
        ("/remind in 20 minutes", "What is to be done is missing; it stands after the time"),
        ("/remind tomorrow 8:00 ::", "After :: stands what is to be done, and nothing stands there."),
        ("/remind at 8 call", "8 could be 08:00 or 20:00"),
        ("/schedule add 61 7 * * * :: x", "The minute of the cron expression"),
        ("/schedule add 30 February 8:00 :: x", "There is no day 30 february."),
        ("/schedule add tomorrow 8:00 Mars/Base :: x", "Mars/Base is no zone"),
        ("/schedule add today 8:00 :: x", "Sat 21 Nov 2026 08:00 is past"),
        ("/schedule add every 5s :: x", "An interval takes a minute at least"),
        ("/schedule add every 2h :: " + "x" * 4001, "That is 4,001 characters long, and a schedule keeps 4,000"),
        ("/schedule ad every 2h :: x", "`/schedule` knows no ad. Did you mean add?"),
        ("/schedule pause", "Say which one, such as `/schedule pause 3`; `/schedule` lists them."),
        ("/schedule pause 7", "You have no schedule 7 here; `/schedule` lists what there is."),
        ("/schedule remove " + "9" * 30, "You have no schedule 999"),
        ("/schedule", "Nothing is done at times for you here."),
    ],
)
def test_bad_input_keeps_nothing(room: Room, written: str, answer: str) -> None:
    """What is wrong is said in a sentence, and nothing is stored."""
    assert room.writes(ADA, written).startswith(answer)
    assert kept(room) == 0


def test_words_may_be_said_as_one_says_them(room: Room) -> None:
    """Fillers, case and :: are no obstacle, and two of the same name are told apart by a number."""
    for asked in ("me in 20 minutes to feed the cat", "IN 20 MINUTES feed the cat", "18:00 :: at 9:00 train"):
        room.takes_in(f"/remind {asked}")
    with room.database.read() as tx:
        rows = tx.execute(select(schedules.c.name, schedules.c.prompt).order_by(schedules.c.id)).all()
    assert [tuple(row) for row in rows] == [
        ("feed the cat", "feed the cat"),
        ("feed the cat 2", "feed the cat"),
        ("at 9:00 train", "at 9:00 train"),
    ]


def test_what_is_edited(room: Room) -> None:
    """Either part can be left out, a name follows its words, and what is over gets a new time."""
    room.takes_in("/schedule add every 2h :: Look at the mail")
    for change, now in (
        ("every 3h", "**Look at the mail** (schedule 1). Every 3 hours (Europe/Berlin)."),
        (":: Look at the news", "**Look at the news** (schedule 1). Every 3 hours (Europe/Berlin)."),
        ("daily 9:00 :: Read", "**Read** (schedule 1). Every day at 09:00 (Europe/Berlin)."),
    ):
        assert room.writes(ADA, f"/schedule edit 1 {change}").startswith(f"Changed: {now} Next: ")
    assert room.writes(ADA, "/schedule edit 1 at 8").endswith("or 8am or 8pm. Nothing was changed.")
    assert room.writes(ADA, "/schedule edit 1").startswith("Say what shall be otherwise: `/schedule edit 1 every 3h`")
    assert room.writes(ADA, "/schedule edit 1 ::").startswith("After :: stands what is to be done")
    assert room.writes(ADA, "/schedule show 1").endswith("\n\n> Read")
    room.takes_in("/remind in 5 minutes tea")
    room.waits_until(room.now + HOUR)
    assert "tea" not in room.writes(ADA, "/schedule")
    assert "has no time to come. `/schedule edit 2 tomorrow 8:00` gives it one." in room.writes(ADA, "/schedule resume 2")
    assert room.writes(ADA, "/schedule edit 2 in 5 minutes").startswith("Changed: **tea** (schedule 2). Sat 21 Nov 14:0")
    room.waits_until(room.now + HOUR)
    assert room.reads(ADA).count("⏰ tea") == 2


def test_what_one_has_is_no_other_s(room: Room) -> None:
    """Nobody sees or touches another's schedules, and a group shows only those that were made there."""
    room.takes_in("/remind in 20 minutes feed the cat")
    group = room.takes_in("/remind every friday 17:00 timesheet", address=GROUP)
    assert room.writes(BEN, "/schedule").startswith("Nothing is done at times for you here.")
    for verb in ("show", "run", "pause", "resume", "edit", "remove"):
        asked = f"/schedule {verb} 1 :: x" if verb == "edit" else f"/schedule {verb} 1"
        assert room.writes(BEN, asked).startswith("You have no schedule 1 here; `/schedule` lists what there is.")
    room.takes_in("/schedule", address=GROUP)
    assert "cat" not in room.replies(group)[-1]
    assert "timesheet" in room.replies(group)[-1]
    room.takes_in("/schedule pause 1", address=GROUP)
    assert room.replies(group)[-1].startswith("You have no schedule 1 here")
    assert room.presses(BEN, "Remove", ADA).startswith("That question is for Ada")
    room.waits_until(room.now + 7 * DAY)
    assert room.replies(group)[-1] == "⏰ timesheet"
    assert "timesheet** (2, reminder)" in room.writes(ADA, "/schedule")


def test_guests_have_nothing_done(room: Room) -> None:
    """Who may have nothing done at times reads who may; the agenda is everybody's."""
    room.takes_in("/people role 2 guest")
    for command in ("/schedule", "/remind in 5 minutes tea"):
        assert room.writes(BEN, command) == "Only owners and members may have things done at times."
    assert "Nothing is due." in room.writes(BEN, "/agenda")
    assert kept(room) == 0


def test_what_is_made_in_a_terminal_is_told_in_the_main_chat(room: Room) -> None:
    """A terminal is open only now and then: what is made there is told where the person is."""
    room.restarts_for(telegram={"7", "8"}, terminal={"ada"})
    terminal = ADA.model_copy(update={"channel": "terminal", "id": "ada"})
    room.writes(terminal, f"/link {re.findall('`/link (.+?)`', room.writes(ADA, '/link'))[0]}")
    room.presses(terminal, "Yes, that is me")
    room.presses(ADA, "Yes, join us")
    assert room.writes(terminal, "/remind in 5 minutes tea").endswith(" You hear of it on Telegram.")
    room.waits_until(room.now + HOUR)
    assert room.reads(ADA)[-1] == "⏰ tea"


def test_as_many_as_one_may_have(room: Room) -> None:
    """Nobody keeps more than 500 live schedules; those that are over do not count."""
    with room.database.write() as tx:
        row = {"butler": "assistant", "source": "chat", "purpose": "reminder", "person_id": 1, "form": "every", "spec": "60"}
        more = {"zone": "UTC", "follows": True, "anchor": room.now, "prompt": "x", "catch_up": "latest", "made_at": room.now}
        off = dict.fromkeys(("silent", "urgent", "exact", "is_on"), False) | {"failures": 0, "name": "x"}
        tx.execute(schedules.insert(), [row | more | off | {"off_by": "person"} for _ in range(499)])
        tx.execute(schedules.insert(), [row | more | off | {"off_by": "done"} for _ in range(499)])
    assert room.writes(ADA, "/remind in 5 minutes tea").startswith("I shall remind you")
    assert room.writes(ADA, "/remind in 5 minutes milk") == (
        "You have 500 schedules, and 500 is the most. `/schedule remove ID` makes room. Nothing was kept."
    )
    assert room.writes(ADA, "/schedule").endswith("- and 480 more; `/schedule show ID` shows one")

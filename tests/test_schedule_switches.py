"""Schedules are run by hand, paused, taken up again and taken away, by command and by button."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.schedules import book
from bot.schedules.book import OffBy, Purpose, Source
from bot.schedules.when import once
from bot.store.schedule_tables import runs, schedules
from bot.store.tables import inbox, turns
from tests.room import ADA, Room
from tests.test_schedule_command import works
from tests.timing import BERLIN, became, keeps, stands

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def room(room: Room) -> Room:
    """A room that Ada has entered."""
    room.takes_in("/start")
    return room


def test_buttons_pause_resume_and_remove(room: Room) -> None:
    """The buttons below a schedule do what they say, once, and the message says what came of it."""
    room.writes(ADA, "/remind every day 8:00 pills")
    assert room.presses(ADA, "Pause").endswith("\n\nPaused: **pills** (schedule 1). `/schedule resume 1` takes it up again.")
    assert room.writes(ADA, "/schedule").splitlines()[0].endswith("Every day at 08:00 (Europe/Berlin). Paused.")
    room.writes(ADA, "/schedule show 1")
    assert "**pills** (schedule 1) goes on. Every day at 08:00 (Europe/Berlin). Next: Sun 22" in room.presses(ADA, "Resume")
    room.writes(ADA, "/schedule show 1")
    assert room.presses(ADA, "Remove").endswith("Removed: **pills** (schedule 1).")
    assert room.writes(ADA, "/schedule").startswith("Nothing is done at times")
    room.waits_until(room.now + 2 * DAY)
    assert "⏰ pills" not in room.reads(ADA)


def test_a_button_of_yesterday(room: Room) -> None:
    """A button that comes too late for its schedule changes nothing and says so."""
    room.writes(ADA, "/remind every day 8:00 pills")
    room.writes(ADA, "/schedule pause 1")
    assert "**pills** (schedule 1) is off already: it was paused. Nothing was changed." in room.presses(ADA, "Pause")
    room.writes(ADA, "/schedule show 1")
    room.writes(ADA, "/schedule remove 1")
    assert "That schedule is gone; nothing was changed." in room.presses(ADA, "Resume")
    room.writes(ADA, "/remind every day 8:00 water")
    room.now += 8 * DAY
    assert room.presses(ADA, "Remove").startswith("That question expired at ")


@pytest.mark.parametrize("verb", ["pause", "remove"])
def test_what_runs_is_stopped(room: Room, verb: str) -> None:
    """Pausing or removing a schedule stops its turn, drops what waits behind it, and its run says so."""
    one = keeps(room, "0 8 * * *")
    room.now += DAY
    room.firing.fire()
    place = stands(room, one).place_id
    assert place is not None
    turn = room.runner("w").turns.take(place, suspects=True)
    assert turn is not None
    stopped = "There is nothing to stop. **briefing** (schedule 1) is being done; `/schedule pause 1` stops it."
    assert room.writes(ADA, "/stop") == stopped
    done = "Paused" if verb == "pause" else "Removed"
    assert room.writes(ADA, f"/schedule {verb} 1").startswith(f"{done}: **briefing** (schedule 1). Stopped.")
    assert became(room, one) == [("stopped", 1, "it was stopped")]
    assert room.writes(ADA, "/agenda").endswith(" **briefing** (1): late, begun 13:00, stopped")
    assert room.writes(ADA, "/stop") == "There is nothing to stop."
    with room.database.read() as tx:
        assert tx.scalars(select(turns.c.state)).all() == ["stopped"]
        assert not tx.scalars(select(inbox.c.id).where(inbox.c.state == "waiting")).all()
    assert not room.firing.fire().turns


def test_what_waits_for_a_look_or_another_try_is_stopped(room: Room) -> None:
    """A run that has no turn at present is stopped, too, and nothing of it is tried again."""
    one = keeps(room, "0 8 * * *")
    with room.database.write() as tx:
        for state, hours in (("checking", 1), ("retrying", 2)):
            values = {
                "schedule_id": one.id,
                "due_at": room.now + hours * HOUR,
                "state": state,
                "fired_at": room.now,
                "times": 1,
            }
            tx.execute(runs.insert().values(**values, tainted=False, by_hand=False, tries=1, retry_at=room.now))
    assert room.writes(ADA, "/schedule pause 1").startswith("Paused: **briefing** (schedule 1). Every day at 08:00")
    assert became(room, one) == [("stopped", 1, "it was stopped")] * 2


def test_by_hand(room: Room) -> None:
    """A run by hand asks the butler at once, only one at a time, and its answer is told even in quiet hours."""
    room.writes(ADA, "/quiet 12:00-14:00")
    one = keeps(room, "0 8 * * *")
    assert room.writes(ADA, "/schedule run 1") == "assistant begins with **briefing** (schedule 1) now."
    assert room.writes(ADA, "/schedule run 1") == "It is being carried out just now."
    room.claude.says("Two meetings.")
    works(room)
    assert room.reads(ADA)[-1] == "Two meetings."
    assert became(room, one) == [("done", 1, "")]
    keeps(room, once(room.now + HOUR, BERLIN), "tea", purpose=Purpose.REMINDER, prompt="Tea!")
    room.writes(ADA, "/schedule run tea")
    assert room.reads(ADA)[-2:] == ["**tea** (schedule 2) is said now.", "⏰ Tea!"]


def test_what_a_file_keeps(room: Room) -> None:
    """A schedule of butler.toml, or of a file, can be paused and run, but is edited in its file and cannot be removed."""
    keeps(room, "0 8 * * *", source=Source.TOML)
    keeps(room, "0 3 * * *", "reverie", source=Source.HOUSE, prompt="", prompt_file="reverie.md")
    assert room.writes(ADA, "/schedule edit 1 every 2h") == (
        "**briefing** (schedule 1) stands in butler.toml in the folder of assistant; change it there. Nothing was changed."
    )
    assert "stands in reverie.md in the folder of assistant" in room.writes(ADA, "/schedule edit 2 :: x")
    assert "`/schedule pause 1`, or take it out of butler.toml. Nothing" in room.writes(ADA, "/schedule remove 1")
    assert "`/schedule pause 2`, or empty reverie.md. Nothing" in room.writes(ADA, "/schedule remove 2")
    assert room.writes(ADA, "/schedule run 2") == (
        "**reverie** (schedule 2) cannot be run: reverie.md of assistant is gone or empty."
    )
    assert room.writes(ADA, "/schedule show 2").endswith("It has no words at present.")
    assert room.writes(ADA, "/schedule pause 1").startswith("Paused: **briefing** (schedule 1). Every day")
    assert room.writes(ADA, "/schedule resume 1").startswith("**briefing** (schedule 1) goes on. Every day at 08:00")
    assert "\n- Stands in butler.toml of assistant\n" in room.writes(ADA, "/schedule show 1")


def test_what_its_file_keeps_no_more(room: Room) -> None:
    """What vanished from butler.toml is not resumed here, but may be removed; nor what has no butler any more."""
    for name, why in (("old", OffBy.TOML), ("theirs", OffBy.BUTLER)):
        one = keeps(room, "0 8 * * *", name, source=Source.TOML, butler="assistant" if why is OffBy.TOML else "cook")
        with room.database.write() as tx:
            book.switch_off(tx, one.id, why)
    listed = room.writes(ADA, "/schedule")
    assert "Paused: it stands in butler.toml no more." in listed
    assert "Paused: its butler is gone." in listed
    assert "Put it back there, and it goes on. Nothing was changed." in room.writes(ADA, "/schedule resume 1")
    assert "is for cook, and there is no such butler any more." in room.writes(ADA, "/schedule resume 2")
    assert room.writes(ADA, "/schedule resume 2").startswith("**theirs**")
    assert room.writes(ADA, "/schedule remove 1") == "Removed: **old** (schedule 1)."


def test_what_is_the_owner_s_whoever_that_is(room: Room) -> None:
    """What a file says before an owner ever wrote is an owner's, and theirs for good once they run it."""
    one = keeps(room, "0 8 * * *", source=Source.TOML)
    with room.database.write() as tx:
        tx.execute(update(schedules).values(person_id=None))
    assert "briefing" in room.writes(ADA, "/schedule")
    assert room.writes(ADA, "/schedule run 1").startswith("assistant begins with **briefing**")
    assert stands(room, one).person_id == 1


def test_a_damaged_one_spoils_no_list(room: Room) -> None:
    """A row that nobody can read is left out, and the others are listed all the same."""
    for name, damage in (("one", {"spec": "61 * * * *"}), ("two", {"zone": "Mars/Base"}), ("three", {"form": "ever"})):
        one = keeps(room, "0 8 * * *", name)
        with room.database.write() as tx:
            tx.execute(update(schedules).where(schedules.c.id == one.id).values(damage))
    keeps(room, "0 9 * * *", "sound")
    assert room.writes(ADA, "/schedule").startswith("- **sound** (4, assistant)")
    assert "**sound** (4)" in room.writes(ADA, "/agenda")
    assert room.writes(ADA, "/schedule pause one").startswith("You have no schedule one here")


def test_it_is_not_paused(room: Room) -> None:
    """What is on is not resumed, and what is off not paused, and both are said."""
    keeps(room, "0 8 * * *")
    assert room.writes(ADA, "/schedule resume 1") == "**briefing** (schedule 1) is not paused. Nothing was changed."
    room.writes(ADA, "/schedule pause 1")
    assert room.writes(ADA, "/schedule pause 1") == (
        "**briefing** (schedule 1) is off already: it was paused. Nothing was changed."
    )

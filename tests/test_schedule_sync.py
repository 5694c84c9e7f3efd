"""Synchronising: the book of schedules follows the butlers' files, and leaves alone what people made and paused."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from bot import household
from bot.household import LiveHousehold, read_household
from bot.schedules import book
from bot.schedules.book import OffBy, Source
from bot.schedules.when import once
from bot.store.database import Database
from bot.treasury.prices import NANO
from tests.anthropic_server import AnthropicServer
from tests.households import BRIEFING, kept, notices, shown, takes_away, writes
from tests.room import ADA, BEN, Room
from tests.timing import became, keeps, local, next_three, stands

WATCH = "[[butler.schedule]]\nname = 'watch'\nevery = '2h'\nprompt = 'Look.'\n"
DAY = timedelta(days=1)


@pytest.fixture
def room(tmp_path: Path, claude: AnthropicServer) -> Iterator[Room]:
    """A house in which Ada, its owner, has written."""
    with Room(tmp_path, claude) as made:
        made.takes_in("/start")
        made.now += timedelta(minutes=1)
        yield made


def test_new_ones_are_added_and_changed_ones_recomputed(room: Room) -> None:
    """A schedule of a file is due from then on; with other times it is due at those, and keeps its number."""
    writes(room, BRIEFING + "max_cost = 0.05\nmax_cost_month = 1\n")
    (one,) = kept(room)
    assert (one.source, one.person_id, local(one.next_at)) == (Source.TOML, 1, "2026-11-22 08:00")
    assert (one.max_cost, one.max_cost_month) == (NANO // 20, NANO)
    writes(room, BRIEFING.replace("0 8", "30 9").replace("Brief me.", "Brief me well."))
    (changed,) = kept(room)
    assert (changed.id, local(changed.next_at), changed.prompt) == (one.id, "2026-11-22 09:30", "Brief me well.")
    assert changed.max_cost is None


def test_a_vanished_one_is_off_and_comes_back(room: Room) -> None:
    """What stands in the file no more is switched off, never deleted, and is on again when it stands there again."""
    writes(room, BRIEFING, WATCH)
    writes(room, WATCH)
    assert shown(room) == [("briefing", False, OffBy.TOML), ("watch", True, None)]
    writes(room, WATCH, BRIEFING)
    assert shown(room) == [("briefing", True, None), ("watch", True, None)]


def test_what_ended_long_ago_is_not_kept(room: Room) -> None:
    """A schedule of a file whose last day is past is left out, and those beside it are kept: it must not end the clock."""
    writes(room, BRIEFING + "until = '2026-01-01'\n", WATCH)
    assert shown(room) == [("watch", True, None)]


def test_an_interval_is_counted_on(room: Room) -> None:
    """An edit of its words moves no interval, neither the next time nor those after it."""
    writes(room, WATCH)
    before = [local(at) for at in next_three(kept(room)[0].when, room.now)]
    room.now += timedelta(minutes=50)
    writes(room, WATCH.replace("Look.", "Look well."))
    assert [local(at) for at in next_three(kept(room)[0].when, room.now)] == before


def test_what_people_did_stays(room: Room) -> None:
    """What a person paused stays paused through changes, and what was made in a chat is left alone."""
    writes(room, BRIEFING)
    mine = keeps(room, "0 9 * * *", name="mine")
    with room.database.write() as tx:
        book.switch_off(tx, kept(room)[0].id, OffBy.PERSON)
    writes(room, BRIEFING.replace("0 8", "30 9"))
    assert kept(room)[0].when.spec == "30 9 * * *"
    writes(room)
    writes(room, BRIEFING)
    assert shown(room) == [("briefing", False, OffBy.PERSON), ("mine", True, None)]
    assert stands(room, mine) == mine


def test_nothing_is_written_when_nothing_changed(room: Room, mocker: MockerFixture) -> None:
    """Another look, another reading of the same files, and a start anew write nothing and move no interval."""
    writes(room, BRIEFING, WATCH, butler="assistant", reverie="Look back.")
    room.asks("hello")
    room.sync.look()
    before, writing = kept(room), mocker.spy(Database, "write")
    for _ in range(3):
        room.now += timedelta(minutes=7)
        notices(room)
        room.__dict__.pop("sync")  # as a process that starts anew
        room.sync.look()
    assert writing.call_count == 0
    assert [one.name for one in before] == ["briefing", "watch", "reverie"]
    assert kept(room) == before


def test_a_time_that_is_past_is_not_kept(room: Room) -> None:
    """A single time that is past is not due; moved into the future it is, and once over it is not taken up again."""
    single = "[[butler.schedule]]\nname = 'once'\nat = 2026-11-20T08:00:00\nprompt = 'Look.'\n"
    writes(room, single)
    assert kept(room) == []
    writes(room, single.replace("11-20", "11-22"))
    room.claude.says("Looked.")
    room.waits_until(room.now + DAY)
    notices(room)
    assert shown(room) == [("once", False, OffBy.DONE)]
    writes(room, single.replace("11-20", "11-24"))
    assert local(kept(room)[0].next_at) == "2026-11-24 08:00"
    writes(room, single.replace("11-20", "11-19"))
    assert shown(room) == [("once", False, OffBy.DONE)]


def test_a_schedule_follows_its_person_s_zone(room: Room) -> None:
    """Without a zone of its own it is due in the person's zone, and moves with them; with one it does not."""
    fixed = "zone = 'Asia/Tokyo'\n"
    writes(room, BRIEFING, BRIEFING.replace("briefing", "fixed") + fixed)
    room.writes(ADA, "/settings zone America/New_York")
    notices(room)
    assert [local(one.next_at) for one in kept(room)] == ["2026-11-21 14:00", "2026-11-22 00:00"]


def test_somebody_else_s_schedule_waits_for_them(room: Room) -> None:
    """A schedule for somebody of whom nothing was heard is kept from their first message on, and told in their chat."""
    writes(room, BRIEFING + "person = 'telegram:8'\n")
    assert kept(room) == []
    room.takes_in("/start", BEN)
    room.sync.look()
    assert [one.person_id for one in kept(room)] == [2]
    room.claude.says("Good morning, Ben.")
    room.waits_until(room.now + DAY)
    assert room.reads(BEN)[-1] == "Good morning, Ben."


def test_an_answer_goes_where_the_file_says(room: Room) -> None:
    """`to` names a chat in which somebody wrote."""
    room.takes_in("/start", BEN)
    writes(room, BRIEFING + "to = 'telegram:8'\n")
    room.claude.says("For Ben's chat.")
    room.waits_until(room.now + DAY)
    assert room.reads(BEN)[-1] == "For Ben's chat."


def test_an_owner_who_never_wrote_is_found_later(tmp_path: Path, claude: AnthropicServer) -> None:
    """A file's schedule is kept before any owner wrote, and is theirs with their first message."""
    with Room(tmp_path, claude) as room:
        writes(room, BRIEFING)
        assert [one.person_id for one in kept(room)] == [None]
        room.takes_in("/start")
        room.claude.says("Good morning.")
        room.waits_until(room.now + DAY)
        assert room.reads(ADA)[-1] == "Good morning."
        notices(room)
        assert [one.person_id for one in kept(room)] == [1]


def test_a_butler_that_is_gone_leaves_nothing_on(room: Room) -> None:
    """All its live schedules are switched off, each person concerned hears so once, and they go on when it is back."""
    room.takes_in("/start", BEN)
    writes(room)
    writes(room, BRIEFING, butler="cook")
    keeps(room, "0 9 * * *", butler="cook", name="soup", person_id=2)
    takes_away(room, "cook")
    notices(room)
    assert shown(room) == [("briefing", False, OffBy.BUTLER), ("soup", False, OffBy.BUTLER)]
    told = "The butler **cook** has left the household, so that is off: {}. It goes on when cook is back."
    assert [text for text in room.reads(ADA) if "has left" in text] == [told.format("briefing (1)")]
    assert [text for text in room.reads(BEN) if "has left" in text] == [told.format("soup (2)")]
    writes(room, BRIEFING, butler="cook")
    assert shown(room) == [("briefing", True, None), ("soup", True, None)]


def test_a_single_time_that_passed_without_its_butler_is_over(room: Room) -> None:
    """What was due once while the butler was gone is over when it is back, and what a person paused stays so."""
    writes(room)
    writes(room, butler="cook")
    keeps(room, once(room.now + DAY, room.zone), name="cake", butler="cook")
    tea = keeps(room, "0 9 * * *", name="tea", butler="cook")
    with room.database.write() as tx:
        book.switch_off(tx, tea.id, OffBy.PERSON)
    takes_away(room, "cook")
    assert shown(room) == [("cake", False, OffBy.BUTLER), ("tea", False, OffBy.PERSON)]
    room.now += 2 * DAY
    writes(room, butler="cook")
    assert shown(room) == [("cake", False, OffBy.DONE), ("tea", False, OffBy.PERSON)]


def test_a_broken_file_changes_nothing(room: Room, mocker: MockerFixture) -> None:
    """While a file is broken the schedules stand as they were: of the default butler, of another, and at a start."""
    mocker.patch.object(household, "LOOKS_EVERY", 0.0)
    writes(room, BRIEFING)
    writes(room, BRIEFING.replace("briefing", "soup"), butler="cook")
    folder = room.folder / "household"
    live = LiveHousehold(folder, "assistant")
    before = kept(room)
    for butler in ("cook", "assistant"):
        (folder / butler / "butler.toml").write_text("[butler\n")
        room.household = live()
        assert butler in room.household.butlers
        room.sync.look()
        assert kept(room) == before
    writes(room, BRIEFING)
    room.household = read_household(folder, "assistant")  # as at a start
    assert "cook" not in room.household.butlers
    room.__dict__.pop("sync")
    room.sync.look()
    assert kept(room) == before


def test_a_house_that_serves_only_some_switches_off_no_other(room: Room) -> None:
    """With `--only` the others' schedules stay on, and are left out instead of being carried out by another butler."""
    writes(room)
    writes(room, BRIEFING, butler="cook")
    room.household = read_household(room.folder / "household", "assistant", ["assistant"])
    room.sync.look()
    asked = len(room.claude.message_requests)
    room.waits_until(room.now + DAY)
    assert shown(room) == [("briefing", True, None)]
    assert became(room, kept(room)[0]) == [("skipped", 1, "cook is not at work here")]
    assert len(room.claude.message_requests) == asked

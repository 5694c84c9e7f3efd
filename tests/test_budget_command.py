"""/budget as people read it: who spent what, under which caps, and when these are reached."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import insert, select

from bot import conversations
from bot.messages import Address
from bot.store.tables import outbox, turns
from bot.treasury.budgets import Spender
from bot.treasury.choice import Wish
from bot.treasury.providers import Tier
from tests.room import ADA, SONNET, Room
from tests.spending_people import BEN, GROUP, becomes, chart, lines, press, spends, stored


@pytest.fixture
def known(room: Room) -> Room:
    """A room whose house knows Ada, who owns it, and Ben, a member who is called after an artist."""
    room.writes(ADA, "/whoami")
    room.writes(BEN, "/whoami")
    return room


def test_a_house_that_has_spent_nothing(known: Room) -> None:
    """The caps are named with when they begin anew, in the owner's zone, and there is no table of nobody."""
    assert lines(known) == [
        "The house has spent **$0.00** today of $5.00.",
        "- 100 % are left; begins anew at 01:00 (00:00 UTC)",
        "The house has spent **$0.00** in November, without a cap.",
        "When a cap is reached: block (nothing is spent beyond a cap).",
    ]


def test_the_owner_sees_who_spent_what(known: Room) -> None:
    """House, butlers, people, keys and jobs, of today and of the month, with their caps, who spent most first."""
    spends(known, "0.004", person=2, butler="general", job="plants")
    spends(known, "1.5")
    spends(known, "3", ago=3, person=2)
    spends(known, "7", ago=40)
    lines(known, "set butler general day 200k tokens")
    lines(known, "set person 2 month 1,000,000 tokens")
    found = lines(known)
    assert found[0] == "The house has spent **$1.50** today of $5.00."
    assert found[2] == "The house has spent **$4.50** in November, without a cap."
    assert found[4:] == [
        "**Butlers**",
        "- assistant: $1.50 today, $4.50 this month",
        "- general: under $0.01 today, under $0.01 this month, cap 200,000 tokens a day",
        "**People**",
        r"- Ben Day \*star\*: under $0.01 today, $3.00 this month, cap 1,000,000 tokens a month",
        "- Ada: $1.50 today, $1.50 this month",
        "**Keys**",
        "- anthropic-1: $1.50 today, $4.50 this month, 150,400 tokens today",
        "**Jobs**",
        "- plants: under $0.01 today, under $0.01 this month",
    ]


def test_a_phone_shows_no_more_than_eight(known: Room) -> None:
    """Of twelve jobs the eight dearest are shown, and how many more there are."""
    for number in range(1, 13):
        spends(known, f"0.{number:02}", job=f"job-{number}")
    found = [line for line in lines(known) if "job-" in line or "more" in line]
    assert [line.split(":")[0] for line in found] == [*(f"- job-{number}" for number in range(12, 4, -1)), "- and 4 more"]


def test_a_member_sees_their_own(known: Room) -> None:
    """A member reads what they spent and their own caps, no chart, and nothing of anybody else."""
    spends(known, "1.5")
    spends(known, "0.25", person=2)
    assert lines(known, sender=BEN) == [
        "You have spent **$0.25** today, without a cap.",
        "You have spent **$0.25** in November, without a cap.",
    ]
    lines(known, "set person Ben Day *star* month 100k tokens")
    assert lines(known, sender=BEN)[1:] == [
        "You have spent **$0.25** in November.",
        "- 25,000 tokens of 100,000; 75 % are left; begins anew on 2026-12-01",
    ]
    with known.database.read() as tx:
        assert tx.scalar(select(outbox.c.id).where(outbox.c.enclosure["name"].as_string() == "budget")) is None
    for words in ("set house day 9", "mode warn", "raise 5", "raise", "nonsense"):
        assert lines(known, words, sender=BEN) == ["Only owners may set budgets and look after keys."]
    assert stored(known) == [[("person:2", "month", "tokens", 100_000)], []]


def test_a_guest_is_told_who_may(known: Room) -> None:
    """A guest sees no money, and reads who does."""
    becomes(known, BEN, role="guest")
    assert known.writes(BEN, "/budget") == "Only owners and members may see what the house spends."
    assert known.writes(BEN, "/usage") == "Only owners and members may see what the house spends."


def test_not_in_a_group(known: Room) -> None:
    """Money is no subject for a group, not even among owners."""
    for text in ("/budget", "/budget set house day 9", "/budget raise 5", "/keys", "/keys rest anthropic-1", "/usage"):
        here = known.takes_in(text, address=GROUP)
        assert known.replies(here)[-1] == f"I answer `{text.split()[0]}` only in a private chat with me."
    assert stored(known) == [[], []]


def test_what_is_reserved_is_told(known: Room) -> None:
    """What a request under way may still cost stands beside what is spent, and what nobody reported is said so."""
    with known.database.write() as tx:
        here = conversations.find_or_open(tx, Address(channel="telegram", chat="7"))
        values = {"butler": "x", "trigger": "message", "model": SONNET, "state": "running", "steps": 0, "attempts": 0}
        tx.execute(insert(turns).values(conversation_id=here.id, person_id=1, started_at=known.now, **values))
        wish = Wish(Spender(1, here.id, 1, "assistant"), Tier.SMART, 0, 100_000)
        held = known.treasury.reserve(tx, wish, known.now)
    assert lines(known)[0] == "The house has spent **$0.00** today of $5.00, $1.01 more reserved."
    with known.database.write() as tx:
        known.treasury.charge(tx, held, known.now)
    told = "For $1.01 of this month no provider said what was used; the most it can be is counted."
    assert lines(known)[0] == "The house has spent **$1.01** today of $5.00."
    assert told in lines(known)
    assert told in lines(known, sender=ADA)


def test_when_a_day_s_cap_is_reached(known: Room) -> None:
    """At today's pace: three of five dollars by 13:00 is all of it by 20:20 or so, in the owner's zone."""
    spends(known, "3")
    assert lines(known)[1] == "- at today's pace it is reached about 21:00; it begins anew at 01:00 (00:00 UTC)"
    becomes(known, ADA, zone="Asia/Tokyo")
    assert lines(known)[1] == "- at today's pace it is reached about 05:00; it begins anew at 09:00 (00:00 UTC)"
    spends(known, "2")
    assert lines(known)[1] == "- the cap is reached; it begins anew at 09:00 (00:00 UTC)"
    spends(known, "2")
    assert lines(known)[:2] == [
        "The house has spent **$7.00** today of $5.00.",
        "- the cap is reached; it begins anew at 09:00 (00:00 UTC)",
    ]


def test_when_a_month_s_cap_is_reached(known: Room) -> None:
    """At the pace of six days and what is over of today: what was before does not count."""
    spends(known, "1", ago=20)
    for ago in range(7):
        spends(known, "1", ago=ago)
    lines(known, "set house month 16")
    # Seven dollars in six and a half days: eight more take seven days and ten hours from the 21st, 13:00.
    assert lines(known)[3] == ("- at the pace of the last 7 days it is reached about 2026-11-28; it begins anew on 2026-12-01")
    lines(known, "set house month 20")
    assert lines(known)[3] == "- 60 % are left; begins anew on 2026-12-01"


def test_the_chart(known: Room) -> None:
    """Thirty days to today, each with its butlers, what nobody reported apart, and the caps of a usual day and the month."""
    spends(known, "1.5")
    spends(known, "0.5", butler="general")
    spends(known, "3", ago=29)
    spends(known, "9", ago=30)
    lines(known, "set house month 40")
    lines(known, "raise 2")
    press(known, "Raise it to $7.00")
    lines(known)
    shown = chart(known)
    assert (len(shown.days), str(shown.days[0].date), str(shown.today)) == (30, "2026-10-23", "2026-11-21")
    assert [(one.butler, one.amount) for one in shown.days[-1].slices] == [
        ("assistant", Decimal("1.5")),
        ("general", Decimal("0.5")),
    ]
    assert shown.days[0].total == 3
    assert sum(bool(day.slices) for day in shown.days) == 2
    figures = (shown.cap, shown.month_cap, shown.month, shown.month_before)
    assert figures == tuple(map(Decimal, (5, 40, 2, 0)))
    assert shown.file_name == "budget-2026-11-21.png"


def test_the_chart_of_a_long_month(known: Room) -> None:
    """On the 31st the first of the month is not in the picture, and its spending is in the month all the same."""
    known.now = datetime(2026, 12, 31, 12, tzinfo=UTC)
    spends(known, "2", ago=30)
    spends(known, "1")
    lines(known)
    shown = chart(known)
    assert str(shown.days[0].date) == "2026-12-02"
    assert (shown.month_before, shown.month) == (Decimal(2), Decimal(3))
    assert shown.month_cap is None


def test_the_chart_shows_what_nobody_reported(known: Room) -> None:
    """What was charged in full is a slice of its own."""
    spends(known, "1")
    with known.database.write() as tx:
        here = conversations.find_or_open(tx, Address(channel="telegram", chat="7"))
        wish = Wish(Spender(1, here.id, 1, "assistant"), Tier.SMART, 0, 100_000)
        known.treasury.charge(tx, known.treasury.reserve(tx, wish, known.now), known.now)
    lines(known)
    slices = chart(known).days[-1].slices
    assert [(one.butler, one.amount, one.estimated) for one in slices] == [
        ("assistant", Decimal(1), False),
        ("assistant", Decimal("1.01024"), True),
    ]

"""/budget as owners change it: caps, the mode and a raise, and what nobody can change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from bot.store.tables import people
from tests.room import ADA, Room
from tests.spending_people import BEN, NOTHING, becomes, lines, press, spends, stored


@pytest.fixture
def known(room: Room) -> Room:
    """A room whose house knows Ada, who owns it, and Ben, a member who is called after an artist."""
    room.writes(ADA, "/whoami")
    room.writes(BEN, "/whoami")
    return room


def test_caps_are_set(known: Room) -> None:
    """Amounts as people write them, of the house, a butler and a person; what is set in the chat goes before the settings."""
    for words, said in {
        "set house day 7": "the house may spend **$7.00** a day; $0.00 of it are spent.",
        "SET House Month $1000.50": "the house may spend **$1,000.50** a month; $0.00 of it are spent.",
        "set butler general day 0.125 usd": "butler general may spend **$0.125** a day; $0.00 of it are spent.",
        "set butler GENERAL month 200k tokens": "butler general may spend **200,000 tokens** a month; 0 tokens of it",
        "set person ada day 2,000,000 tokens": "Ada may spend **2,000,000 tokens** a day; 0 tokens of it are spent.",
        "set person 02 day 0.001": r"Ben Day \*star\* may spend **$0.001** a day; $0.00 of it are spent.",
        "set person Ben  Day *STAR* month 1.5m tokens": r"Ben Day \*star\* may spend **1,500,000 tokens** a month; 0 tokens",
        "set person 2 month 5 dollars": r"Ben Day \*star\* may spend **$5.00** a month; $0.00 of it are spent.",
        "set house day 0": "the house may spend **$0.00** a day; $0.00 of it are spent.",
    }.items():
        assert lines(known, words)[0].startswith(f"From here on, {said}"), words
    assert lines(known)[:2] == [
        "The house has spent **$0.00** today of $0.00.",
        "- the cap is reached; it begins anew at 01:00 (00:00 UTC)",
    ]
    assert len(stored(known)[0]) == 8  # type: ignore[index] # of caps


def test_a_cap_that_is_set_holds(known: Room) -> None:
    """The next request is held against the new cap, and the person reads whose it is."""
    lines(known, "set person Ada day 0.001")
    assert known.asks("Hello").startswith("You may spend $0.001 a day, and this could cost up to $")
    assert lines(known, "set person Ada day off") == ["The daily cap of Ada is taken away; there is none any more."]
    known.claude.says("Good day.")
    assert known.asks("Hello") == "Good day."


def test_caps_are_taken_away(known: Room) -> None:
    """`off` takes away what was set in a chat, in dollars and tokens; then the settings hold."""
    lines(known, "set house day 9")
    lines(known, "set house day 9m tokens")
    assert lines(known, "set house day OFF") == ["The daily cap of the house is taken away; that of the settings holds: $5.00."]
    assert lines(known, "set house day off") == [f"No daily cap of the house was set here. {NOTHING}"]
    assert lines(known, "set butler general month none") == [f"No monthly cap of butler general was set here. {NOTHING}"]
    assert stored(known) == [[], []]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("set", "A budget is one of house, butler, person."),
        ("set haus day 5", "A budget is one of house, butler, person. Did you mean house?"),
        ("sett house day 5", "`/budget` knows no sett. Did you mean set?"),
        ("rase 5", "`/budget` knows no rase. Did you mean raise?"),
        ("set house", "Is that for a day or a month?"),
        ("set house week 5", "Is that for a day or a month?"),
        ("set house mine day 5", "Write `/budget`"),
        ("set butler day 5", "Write `/budget`"),
        ("set house day", "An amount is missing. Write an amount like 5 or 0.50 (dollars), or like 200000 tokens."),
        ("set house day 5,50", "“5,50” is no amount."),
        ("set house day -5", "“-5” is no amount."),
        ("set house day 1e3", "“1e3” is no amount."),
        ("set house day ∞", "“∞” is no amount."),
        ("set house day 5 euros", "“5 euros” is no amount."),
        ("set house day 5.5 tokens", "“5.5 tokens” is no amount."),
        ("set house day 2000000", "$2,000,000 is more than this house keeps books for."),
        ("set house day 99999999 m tokens", "“99999999 m tokens” is no amount."),
        ("set house day 99999999999999 tokens", "“99999999999999 tokens” is no amount."),
        ("set house day 999999m tokens", "999,999,000,000 tokens"),
        ("set butler asistant day 5", "There is no butler asistant. Did you mean assistant? `/butlers` lists all."),
        ("set butler the cook day 5", "There is no butler the cook. `/butlers` lists all."),
        ("set person Adda day 5", "There is no person Adda. Did you mean Ada? `/people` lists everybody"),
        ("set person 9 day 5", "There is no person 9. `/people` lists everybody; a number of that list will do."),
        (f"set person {'9' * 5000} day 5", "There is no person 999"),
        ("mode", "Write `/budget mode block` or `/budget mode warn`."),
        ("mode wran", "There is no mode wran. Write `/budget mode block` or `/budget mode warn`."),
        ("raise", "An amount is missing."),
        ("raise 0", "Today's cap is raised by dollars."),
        ("raise 500 tokens", "Today's cap is raised by dollars."),
        ("raise some", "“some” is no amount."),
    ],
)
def test_what_cannot_be_done(known: Room, words: str, said: str) -> None:
    """Each mistake has its sentence, and nothing changes."""
    before = stored(known)
    found = " ".join(lines(known, words))
    if words.endswith("999999m tokens"):  # a large number that is one
        assert said in found
        return
    assert found.startswith(said)
    assert found.endswith(NOTHING)
    assert stored(known) == before


def test_people_of_the_same_name(known: Room) -> None:
    """Where two are called the same, the owner is asked to name one by the number; a removed one is nobody."""
    with known.database.write() as tx:
        tx.execute(insert(people).values(name="ADA", role="member", created_at=known.now))
        tx.execute(insert(people).values(name="Ada", role="removed", created_at=known.now))
    assert lines(known, "set person Ada day 5") == [
        f"Several people are called Ada: 1, 3. Name one by the number; `/people` lists them. {NOTHING}"
    ]
    assert lines(known, "set person 3 day 5")[0].startswith("From here on, ADA may spend **$5.00** a day")
    assert lines(known, "set person 4 day 5")[0].startswith("There is no person 4.")


def test_a_cap_below_what_is_spent(known: Room) -> None:
    """A cap that is passed already is refused, in dollars and tokens, of the day and of the month."""
    spends(known, "1.5")
    spends(known, "2", ago=2)
    less = "which is more than"
    assert lines(known, "set house day 1") == [f"$1.50 are spent already today, {less} $1.00. {NOTHING}"]
    assert lines(known, "set house month 3") == [f"$3.50 are spent already this month, {less} $3.00. {NOTHING}"]
    tokens = f"150,000 tokens are spent already today, {less} 100,000 tokens."
    assert lines(known, "set butler assistant day 100k tokens") == [f"{tokens} {NOTHING}"]
    assert lines(known, "set person 1 day 1.50")[0].startswith("From here on, Ada may spend **$1.50** a day; $1.50 of it")
    assert stored(known) == [[("person:1", "day", "usd", 1_500_000_000)], []]


FREE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.lists(
        st.sampled_from(
            "set house butler person general Ada 1 day month off mode warn block raise 5 0.5 -1 tokens k $ ٣ ²".split()  # noqa: SIM905
        ),
        max_size=7,
    ).map(" ".join),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FREE)
def test_free_text_changes_nothing_unsaid(known: Room, text: str) -> None:
    """Whatever stands behind /budget, a sentence answers, and what is changed is said and nothing else is."""
    before = stored(known)
    answer = known.writes(ADA, f"/budget {text}")
    assert answer
    assert "Traceback" not in answer
    assert "is out of order" not in answer
    changed = answer.startswith(("From here on", "The daily cap", "The monthly cap"))
    assert changed or stored(known) == before
    assert answer.endswith(NOTHING) != (changed or answer.startswith(("The house has", "Shall the house")))


def test_the_mode(known: Room) -> None:
    """Warn lets requests pass a cap and says so in the books; block holds them again."""
    spends(known, "5")
    assert known.asks("Hello").startswith("The house may spend $5.00 a day, and this could cost up to $")
    assert "spending goes on" in lines(known, "mode WARN")[0]
    assert "When a cap is reached: **warn** (spending goes on)." in lines(known)
    known.claude.says("Good day.")
    assert known.asks("Hello") == "Good day."
    assert lines(known, "mode block") == ["From here on nothing is spent beyond a cap."]
    assert known.asks("Hello").startswith("The house may spend")


def test_today_is_raised(known: Room) -> None:
    """Asked, pressed once, and the house may spend more until midnight; pressed again it stays so; tomorrow it is gone."""
    asked = "Shall the house be allowed to spend $2.50 more, $7.50 in all, until 01:00 (00:00 UTC)?"
    assert lines(known, "raise 2.50") == [f"{asked} Afterwards the cap is $5.00 a day again."]
    assert stored(known) == [[], []]
    assert press(known, "Raise it to $7.50") == "Today the house may spend $7.50."
    assert "That was answered already" in press(known, "Raise it to $7.50")
    assert lines(known)[0] == "The house has spent **$0.00** today of $7.50."
    spends(known, "6")
    known.claude.says("Good day.")
    assert known.asks("Hello") == "Good day."
    assert lines(known, "raise 1")[0].endswith(
        "$8.50 in all, until 01:00 (00:00 UTC)? Afterwards the cap is $5.00 a day again."
    )
    assert press(known, "Raise it to $8.50") == "Today the house may spend $8.50."
    known.now = datetime(2026, 11, 22, 0, 0, 1, tzinfo=UTC)
    assert lines(known)[0] == "The house has spent **$0.00** today of $5.00."
    spends(known, "5")
    assert known.asks("Hello").startswith("The house may spend $5.00 a day")


def test_a_raise_is_left(known: Room) -> None:
    """The other button changes nothing."""
    lines(known, "raise 2.50")
    assert press(known, "Leave it") == "The cap stays as it is."
    assert "That was answered already" in press(known, "Raise it to $7.50")
    assert stored(known) == [[], []]


def test_only_the_owner_who_asked_raises(known: Room) -> None:
    """A member and a second owner cannot press, nor can the asker who is no owner any more at that moment."""
    lines(known, "raise 2.50")
    assert press(known, "Raise it to $7.50", BEN) == "That question is for Ada; nothing was done."
    becomes(known, BEN, role="owner")
    assert press(known, "Raise it to $7.50", BEN) == "That question is for Ada; nothing was done."
    lines(known, "raise 1", sender=BEN)
    becomes(known, BEN, role="member")
    assert (
        known.presses(BEN, "Raise it to $6.00").rpartition("\n\n")[2]
        == "Only owners may set budgets and look after keys. Nothing was done."
    )
    assert stored(known) == [[], []]


def test_a_raise_expires(known: Room) -> None:
    """An hour later, or after midnight, the button does nothing."""
    lines(known, "raise 2.50")
    known.now += timedelta(hours=1)
    assert press(known, "Raise it to $7.50") == "That question expired at 14:00; nothing was done."
    known.now = datetime(2026, 11, 21, 23, 50, tzinfo=UTC)
    lines(known, "raise 3")
    known.now = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
    assert press(known, "Raise it to $8.00") == "That question expired at 01:00; nothing was done."
    assert stored(known) == [[], []]


def test_the_button_does_what_it_says(known: Room) -> None:
    """Of two questions with the same amount only one is taken; nor does one count once the cap is another."""
    again = "The cap is another one by now, so nothing was changed. `/budget raise` asks anew."
    lines(known, "raise 2.50")
    lines(known, "raise 2.50")
    assert press(known, "Raise it to $7.50") == "Today the house may spend $7.50."
    with known.database.write() as tx:
        tx.exec_driver_sql('UPDATE questions SET options = \'["Old", "Leave it"]\' WHERE answered_at IS NULL')
    assert press(known, "Old") == again
    lines(known, "raise 1")
    lines(known, "set house day 20")
    assert press(known, "Raise it to $8.50") == again
    assert [row[3] for row in stored(known)[0]] == [2_500_000_000, 20 * 10**9]  # type: ignore[index] # of caps

"""Strangers: codes that they are shown, and owners who let them in, or not."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from adapters.chats.rich.markdown import parse
from bot.messages import Address, Origin, Sender
from bot.roles import Role
from bot.store.code_tables import codes
from bot.store.tables import conversations, identities, inbox, notices, people
from tests.dumps import dump_of
from tests.room import ADA, BEN, Room

ZOE = Sender(channel="telegram", id="50", name="Zoe")
ZOE_ON_SLACK = Sender(channel="slack", id="T1:U5", short="U5", name="zoe.k")
ADA_ON_SLACK = Sender(channel="slack", id="T1:U7", short="U7", name="ada.k")
GROUP = Address(channel="telegram", chat="-100", private=False)


def code_in(text: str) -> str:
    """Return the code that a text shows."""
    found = re.search(r"[A-Z2-9]{4}-[A-Z2-9]{4}", text)
    assert found
    return found[0]


def count(room: Room, table: object) -> int:
    """Count a table's rows."""
    with room.database.read() as tx:
        return tx.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


@pytest.fixture
def room(room: Room) -> Room:
    """A room whose owner has written."""
    room.takes_in("/start")
    return room


def test_a_stranger_is_let_in_by_a_button(room: Room) -> None:
    """The owner sees the stranger's code, presses a button, and the stranger is a member with a name."""
    shown = room.writes(ZOE, "Let me in")
    code = code_in(shown)
    assert shown == f"I do not know you yet. Show this code to the owner of this house: {code}. It holds for 15 minutes."
    asked = (
        f"telegram id 50, who calls themselves “Zoe”, wants to talk with me and shows the code {code}. Let them in only if "
        f"they gave you that code themselves. `/pair {code} member` does the same as the button."
    )
    assert room.reads(ADA)[-1] == asked
    assert room.presses(ADA, "Admit as member") == f"{asked}\n\nAda let “Zoe” in as a member."
    assert room.reads(ZOE)[-1] == "Ada let you in as a member. Just write; `/help` lists the commands."
    assert room.writes(ZOE, "/whoami").startswith("You are **Zoe**, member of this house")


def test_a_strangers_words_are_kept_nowhere(room: Room) -> None:
    """They open no row of the inbox, ring no worker, and stand nowhere in the database."""
    before = count(room, inbox)
    room.writes(ZOE, "my secret words")
    assert (count(room, inbox), room.rung) == (before, [])
    with room.database.read() as tx:
        assert "secret words" not in dump_of(tx)
        assert tx.scalars(select(codes.c.hash)).one() != code_in(room.reads(ZOE)[-1])


def test_every_owner_is_asked_and_the_first_answer_counts(room: Room) -> None:
    """Two owners are asked; one refuses, the other reads that, and their later press changes nothing."""
    olga = Sender(channel="telegram", id="60", name="Olga")
    room.writes(olga, "hello")
    room.presses(ADA, "Admit as member")
    assert room.writes(ADA, "/people role 2 owner") == "**Olga** is an owner from here on."
    room.writes(ZOE, "hello")
    assert room.presses(olga, "Refuse").endswith("Olga did not let “Zoe” in.")
    assert room.reads(ADA)[-1].endswith("Olga did not let “Zoe” in.")
    assert room.reads(ZOE)[-1] == "The owner did not let you in."
    assert room.presses(ADA, "Admit as guest") == "That was answered already: Olga chose “Refuse” at 13:00."
    assert room.writes(ZOE, "/whoami").startswith("I do not know you yet.")


def test_one_code_at_a_time_and_three_a_day(room: Room) -> None:
    """While a code holds nothing more is said; after three in a day there is silence, and a day later a code again."""
    for number in range(1, 4):
        room.writes(ZOE, "hello")
        room.writes(ZOE, "hello?")
        assert len(room.reads(ZOE)) == number
        room.now += timedelta(minutes=16)
    room.writes(ZOE, "hello")
    assert len(room.reads(ZOE)) == 3
    room.now += timedelta(hours=24)
    room.writes(ZOE, "hello")
    assert len(room.reads(ZOE)) == 4


def test_ten_strangers_at_a_time(room: Room) -> None:
    """The eleventh gets no answer, and the owners hear once that there are too many."""
    for number in range(50, 63):
        room.writes(Sender(channel="telegram", id=str(number), name=f"S{number}"), "hello")
    said = room.reads(ADA)
    assert len([text for text in said if "wants to talk with me" in text]) == 10
    assert said[-1] == "More than 10 strangers write to me at a time, so I answer no more of them for now."
    assert room.reads(Sender(channel="telegram", id="61", name="S61")) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"address": GROUP}, "strangers are answered only in a private chat"),
        ({"origin": Origin.STRANGER}, "the words were somebody else's"),
        ({"outsider": "a guest of the workspace"}, "this is a guest of the workspace"),
    ],
)
def test_some_strangers_are_not_answered(room: Room, changes: dict[str, object], why: str) -> None:
    """In a group, with somebody else's words, or from outside there is no code; the owners hear once a day why."""
    zoe = ZOE.model_copy(update={"outsider": changes.pop("outsider", "")})
    room.takes_in("let me in", zoe, **changes)
    room.takes_in("let me in", zoe, **changes)
    assert room.reads(ZOE) == []
    told = (
        f"Somebody I do not know wrote to me on telegram: id 50, who calls themselves “Zoe”. I did not answer, since {why}. To "
        "admit them, add 50 to TELEGRAM_ALLOWED_USERS and start the house again."
    )
    assert room.reads(ADA)[1:] == [told]


def test_an_expired_code_lets_nobody_in(room: Room) -> None:
    """After 15 minutes neither the button nor /pair does anything but say so."""
    code = code_in(room.writes(ZOE, "hello"))
    room.now += timedelta(minutes=17)
    assert room.presses(ADA, "Admit as member") == "That question expired at 13:15; nothing was done."
    assert room.writes(ADA, f"/pair {code}") == "That code expired 3 minutes ago. Ask for a new one."
    assert count(room, people) == 1


def test_an_owner_may_type_the_code(room: Room) -> None:
    """/pair does what the button does, in any spelling of the code; wrong codes are counted, then they must wait."""
    code = code_in(room.writes(ZOE, "hello"))
    assert room.writes(ADA, "/pair") == "Write `/pair CODE`, or `/pair CODE guest`, with the code that the stranger shows you."
    assert room.writes(ADA, "/pair AAAA-AAAA") == "That code is not right. Two tries are left."
    assert room.writes(ADA, f"/pair {code.replace('-', '').lower()} guest") == "Ada let “Zoe” in as a guest."
    assert room.reads(ADA)[1].endswith("\n\nAda let “Zoe” in as a guest.")
    assert room.writes(ADA, f"/pair {code}") == "That code was used already. Ask for a new one."
    assert room.writes(ADA, "/pair AAAA-AAAA") == "That code is not right. One try is left."
    assert room.writes(ADA, "/pair AAAA-AAAA") == "That code is not right. Wait 15 minutes, please."
    assert room.writes(ADA, f"/pair {code}") == "Three codes were wrong. Wait 15 minutes before you try another."
    assert room.writes(BEN, f"/pair {code}") == "Only owners may let people in, and list, change and remove them."
    room.now += timedelta(minutes=15)
    assert room.writes(ADA, "/pair AAAA-AAAA") == "That code is not right. Two tries are left."


def test_whoever_is_known_meanwhile_is_not_let_in_twice(room: Room) -> None:
    """A question about somebody whom the settings name since changes nothing."""
    room.writes(ZOE, "hello")
    room.restarts_for(telegram={"7", "8", "50"})
    assert room.presses(ADA, "Admit as guest").endswith("“Zoe” is no stranger any more; nothing was done.")
    assert room.writes(ZOE, "/whoami").startswith("You are **Zoe**, member")


def test_a_list_lets_in_and_shuts_out(room: Room) -> None:
    """Whoever is taken off the list is a stranger again; whom an owner admitted stays; a short id of a list counts."""
    room.takes_in("/start", BEN)
    room.restarts_for(telegram={"7"}, slack={"U5"})
    assert room.writes(ZOE_ON_SLACK, "/whoami").startswith("You are **zoe.k**, member")
    assert room.writes(BEN, "/whoami").startswith("I do not know you yet.")
    room.presses(ADA, "Admit as guest")
    assert room.writes(BEN, "/whoami").startswith("You are **Ben**, guest")
    with room.database.read() as tx:
        assert tx.scalar(select(identities.c.source).where(identities.c.external_id == "8")) == "paired"
        assert tx.scalars(select(people.c.role).order_by(people.c.id)).all() == [Role.OWNER, Role.GUEST, Role.MEMBER]


def test_what_is_overheard_counts_only_where_the_house_talks(room: Room) -> None:
    """Talk in a thread is taken in where a conversation is; elsewhere nothing is kept of it, and nobody is told."""
    thread = Address(channel="slack", chat="C1", thread="9.9", private=False)
    room.restarts_for(slack={"U5"})
    message = {"address": thread, "overheard": True}
    room.takes_in("some gossip", ZOE_ON_SLACK, **message)
    room.takes_in("more gossip", ADA_ON_SLACK, **message)
    assert (count(room, inbox), count(room, conversations), count(room, people)) == (1, 1, 1)
    room.takes_in("@butler hello", ZOE_ON_SLACK, address=thread)
    room.takes_in("and this", ZOE_ON_SLACK, **message)
    room.takes_in("a stranger's", ADA_ON_SLACK, **message)
    assert (count(room, inbox), count(room, conversations), len(room.reads(ADA))) == (3, 2, 1)


def test_owners_are_not_flooded(room: Room) -> None:
    """Of ten strangers in groups owners hear one by one, of all others in one sentence a day; no list of them is kept."""
    for number in range(50, 80):
        for _ in range(2):
            room.takes_in("let me in", Sender(channel="telegram", id=str(number), name="S"), address=GROUP)
    said = room.reads(ADA)[1:]
    assert len(said) == 11
    assert said[-1] == "More strangers wrote today."
    room.now += timedelta(days=3)
    room.takes_in("let me in", ZOE, address=GROUP)
    assert room.reads(ADA)[-1].startswith("Somebody I do not know wrote to me on telegram: id 50,")
    assert count(room, notices) == 1


def test_a_strangers_name_is_only_a_name(room: Room) -> None:
    """Neither Markdown nor a line break nor a character that turns the text round says anything beside the owner's buttons."""
    name = "[Ada](https://evil.example)\n**Admit**\u202e `x`"
    room.writes(ZOE.model_copy(update={"name": name}), "hello")
    asked = room.reads(ADA)[-1]
    assert asked.startswith("telegram id 50, who calls themselves “")
    assert "\u202e" not in asked
    shown = parse(asked)
    assert "“[Ada](https://evil.example) **Admit** `x`” wants to talk".replace("” w", "”, w") in shown.text
    assert [span for span in shown.spans if span.start < shown.text.index("wants")] == []

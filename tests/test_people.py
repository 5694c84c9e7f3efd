"""People: their roles, their settings, and what an owner does with them."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from bot.errors import ClaimLost
from bot.messages import Address
from bot.roles import MAY, Right, Role, may
from bot.store.tables import inbox, outbox, parts, transcript
from bot.store.treasury_tables import budgets, ledger
from bot.tools import tool
from tests.dumps import dump_of
from tests.houses import ROOT
from tests.room import ADA, BEN, Room

PLACE = Address(channel="telegram", chat="-100", private=False)


class Post:
    """Something outside the house."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    @tool()
    def send_letter(self, words: str) -> str:
        """Send a letter."""
        self.sent.append(words)
        return "sent"


@pytest.fixture
def post() -> Post:
    """The post."""
    return Post()


@pytest.fixture
def room(room: Room, post: Post) -> Room:
    """A room that both have entered, with a tool that sends."""
    room.holders = (post,)
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
    return room


def results(room: Room) -> str:
    """Return the tool results that the model was last given."""
    return str(room.claude.message_requests[-1].body["messages"][-1]["content"])


def test_the_page_shows_the_table(room: Room) -> None:
    """docs/people.md says of each role what the code lets it do."""
    del room
    roles = [role for role in Role if role is not Role.REMOVED]
    lines = [f"| may | {' | '.join(roles)} |", "|---|" + "---|" * len(roles)]
    lines += [f"| {right} | {' | '.join('yes' if may(role, right) else 'no' for role in roles)} |" for right in Right]
    assert "\n".join(lines) in Path(ROOT / "docs" / "people.md").read_text()
    assert MAY[Role.REMOVED] == frozenset()


def test_a_guest_talks_and_changes_nothing_outside(room: Room, post: Post) -> None:
    """A guest's butler reads and keeps notes, and is refused what sends; as a member the same is done."""
    assert room.writes(ADA, "/people role 2 guest") == "**Ben** is a guest from here on."
    for name, arguments in (("send_letter", {"words": "hi"}), ("remember", {"fact": "Ben likes tea"})):
        room.claude.calls_tool(name, arguments)
        room.claude.says("Well.")
        room.asks("Go", BEN)
        if name == "send_letter":
            assert "Not done. Only owners and members may have a butler change or send anything outside this house." in results(
                room
            )
    assert post.sent == []
    assert "Ben likes tea" in room.writes(BEN, "/memory")
    room.takes_in("/people role 2 member")
    room.claude.calls_tool("send_letter", {"words": "hi"})
    room.claude.says("Well.")
    room.asks("Go", BEN)
    assert post.sent == ["hi"]


def test_a_guest_is_told_who_may(room: Room) -> None:
    """Choosing a butler and looking after people are refused with who may; /help and /status leave out what is not theirs."""
    room.takes_in("/people role 2 guest")
    refused = "Only owners and members may choose the butler."
    assert room.writes(BEN, "/butler general") == refused
    assert room.writes(BEN, "@general hello") == f"{refused} Write without @general, please."
    assert room.writes(BEN, "/people") == "Only owners may let people in, and list, change and remove them."
    assert room.rung == []
    assert "$" not in room.writes(BEN, "/status")
    said = room.writes(BEN, "/help")
    assert "/butler NAME" not in said
    assert "/people" not in said
    assert "/settings" in said
    assert "$0.00 of $5.00 spent" in room.writes(ADA, "/status")
    assert "/people" in room.writes(ADA, "/help")


def test_an_edit_chooses_no_butler_for_a_guest(room: Room) -> None:
    """A guest's waiting message keeps its butler, whatever its edit begins with."""
    room.takes_in("/people role 2 guest")
    room.takes_in("hello", BEN, id="a", native_id="8:1")
    assert room.writes(BEN, "@general hello", id="b", native_id="8:1", is_edit=True).startswith("Only owners and members")
    with room.database.read() as tx:
        assert tx.execute(select(inbox.c.text, inbox.c.butler).where(inbox.c.external_id == "a")).one() == ("hello", None)


def test_people_are_listed(room: Room) -> None:
    """/people shows number, name, role, chats, what was spent this month, and when each was last served."""
    room.claude.says("Hello.")
    room.asks("Hello", BEN)
    with room.database.write() as tx:
        tx.execute(budgets.update().where(budgets.c.scope == "person:2").values(spent=1_230_000_000))
    said = room.writes(ADA, "/people").splitlines()
    assert said[:2] == [
        "- 1: **Ada**, owner: telegram 7 (list); $0.00 this month, never served",
        "- 2: **Ben**, member: telegram 8 (list); $1.23 this month, last served 2026-11-21",
    ]
    room.now += timedelta(days=20)
    assert "**Ben**, member: telegram 8 (list); $0.00 this month" in room.writes(ADA, "/people")
    assert room.writes(ADA, "/people", address=PLACE, id="g") != ""
    assert room.replies(3) == ["I answer `/people` only in a private chat with me."]


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("/people xyz 2", "I cannot xyz people. Write `/people`"),
        ("/people rol 2", "I cannot rol people. Did you mean role? Write `/people`"),
        ("/people role", "Write `/people` for the list"),
        ("/people role 99 owner", "There is no person 99. `/people` lists them."),
        ("/people role Ben owner", "There is no person Ben. `/people` lists them."),
        ("/people role 2", "Write `/people` for the list"),
        ("/people role 2 gest", "There is no role gest. Did you mean guest? There are owner, member, guest."),
        ("/people role 2 removed", "There is no role removed."),
        ("/people role 1 member", "The settings name Ada as an owner. Change BUTLER_OWNERS and start the house again."),
        ("/people remove 1", "You cannot remove yourself; another owner can."),
        ("/people admit 2", "Ben is a member already."),
        ("/people admit 2 owner", "Say `/people admit 2 member` or `/people admit 2 guest`."),
    ],
)
def test_what_cannot_be_done_with_people(room: Room, written: str, answer: str) -> None:
    """Everything unknown or impossible is a sentence, with what there is."""
    assert room.writes(ADA, written).startswith(answer)


def test_the_last_owner_stays(room: Room) -> None:
    """Where the settings name no owner of these, the last one can be neither demoted nor removed, and the last but one can."""
    room.takes_in("/people role 2 owner")
    room.gate.owners = frozenset()
    assert room.writes(BEN, "/people role 1 guest") == "**Ada** is a guest from here on."
    last = "Ben is the last owner, and a house needs one. Make somebody else an owner first."
    assert room.writes(BEN, "/people role 2 member") == last
    room.takes_in("/people role 1 owner", BEN)
    assert room.writes(ADA, "/people remove 2").startswith("Shall I remove **Ben**")
    room.takes_in("/people role 1 member", ADA)
    refused = "Only owners may let people in, and list, change and remove them. Nothing was done."
    assert room.presses(ADA, "Remove and forget everything") == refused
    assert room.writes(BEN, "/whoami").startswith("You are **Ben**, owner")


def test_a_named_owner_is_always_one(room: Room) -> None:
    """Whom the settings name is an owner again at the next message, whatever the house was told."""
    with room.database.write() as tx:
        tx.exec_driver_sql("UPDATE people SET role = 'removed' WHERE id = 1")
    assert room.writes(ADA, "/whoami").startswith("You are **Ada**, owner")


def served(room: Room) -> None:
    """Let Ben tell something, here and in a group, and begin something that is not finished."""
    room.claude.calls_tool("remember", {"fact": "Ben's secret is 4711"})
    room.claude.calls_tool("recall", {})
    room.claude.calls_tool("remember", {"fact": "4711 is secret"})
    room.claude.calls_tool("forget", {"fact": 2})
    room.claude.says("I keep 4711.")
    room.asks("My secret is 4711", BEN)
    with room.database.write() as tx:
        shown = tx.scalar(select(outbox.c.id).where(outbox.c.text == "I keep 4711."))
        tx.execute(insert(parts).values(reply_id=shown, position=0, payload={"text": "I keep 4711."}, state="sent", doubts=0))
    room.claude.says("Hello group 4711.")
    room.asks("4711 for all", BEN, address=PLACE)
    room.takes_in("One more 4711", BEN)
    room.runner("w").turns.take(2, suspects=True)
    room.takes_in("and this 4711", BEN)


def test_who_is_removed_is_served_no_more(room: Room) -> None:
    """Their turn is stopped, what waits is dropped, they read why, and from then on there is silence; words can be kept."""
    served(room)
    asked = room.writes(ADA, "/people remove 2")
    assert asked.startswith("Shall I remove **Ben** (person 2)? I then answer none of their messages")
    assert "What they said in groups stays, and so does what it all cost." in asked
    assert room.presses(ADA, "Remove, keep what was said").endswith(
        "\n\nBen is removed. 8 still stands in TELEGRAM_ALLOWED_USERS; they stay out all the same."
    )
    assert room.reads(BEN)[-2:] == [
        "I no longer serve Ben. Stopped. 1 message that waited is dropped.",
        "You no longer have access to this house.",
    ]
    said = len(room.reads(ADA))
    for text in ("hello?", "/link AAAA-AAAA"):
        room.takes_in(text, BEN)
    assert (len(room.reads(BEN)), len(room.reads(ADA))) == (4, said)
    with room.database.read() as tx:
        assert "4711" in str(tx.execute(select(transcript.c.content)).all())
        assert tx.scalars(select(inbox.c.state).where(inbox.c.person_id == 2).distinct()).all() == ["answered"]
    assert room.writes(ADA, "/people remove 2") == "Ben is removed already."
    assert room.writes(ADA, "/people role 2 guest") == "Ben is removed. `/people admit 2` lets them in again."
    assert room.writes(ADA, "/people admit 2 guest") == "**Ben** is let in again, as a guest."
    assert "4711" in room.writes(BEN, "/memory")


def test_what_a_removed_person_said_is_forgotten(room: Room) -> None:
    """Nothing of it is left in either database but what was said in the group; the cost is, and others' words are."""
    served(room)
    room.claude.says("Yours is 0815.")
    room.asks("Mine is 0815")
    with room.database.read() as tx:
        cost = tx.execute(select(ledger.c.cost)).all()
    room.takes_in("/people remove 2")
    assert room.presses(ADA, "Remove and forget everything").endswith(
        "Ben is removed. What I knew of them is forgotten within seconds; what they cost stays in the books. 8 still stands in "
        "TELEGRAM_ALLOWED_USERS; they stay out all the same."
    )
    room.sweeps()
    with room.database.read() as tx, room.store.read() as own:
        kept = [line for line in dump_of(tx).splitlines() if "4711" in line and not line.startswith("said_words")]
        assert "4711" not in dump_of(own)
        assert len([line for line in kept if "for all" in line or "Hello group" in line]) == len(kept) == 6
        assert tx.execute(select(ledger.c.cost)).all() == cost
        assert tx.scalars(select(outbox.c.text).where(outbox.c.state == "pending", outbox.c.conversation_id == 2)).all() == [
            "You no longer have access to this house."
        ]
    assert "0815" in room.reads(ADA)[1]
    room.takes_in("/people admit 2")
    room.claude.says("Who are you?")
    room.asks("Hello again", BEN)
    assert "4711" not in str(room.claude.message_requests[-1].body)


def test_others_in_a_group_are_served_on(room: Room) -> None:
    """Where a removed person's turn is stopped in a group, what others wrote there still waits for its answer."""
    group = room.takes_in("Ben's question", BEN, address=PLACE)
    turn = room.runner("w").turns.take(group, suspects=True)
    assert turn is not None
    room.takes_in("Ada's question", ADA, address=PLACE)
    room.takes_in("/people remove 2")
    room.rung.clear()
    room.presses(ADA, "Remove, keep what was said")
    assert room.replies(group) == ["Stopped."]  # why is not said where others read along
    assert room.rung == [group]
    with pytest.raises(ClaimLost), turn.writing():
        pass
    room.claude.says("Here, Ada.")
    room.runner("w2").run_turn(group, None)
    assert room.replies(group)[-1] == "Here, Ada."


def test_a_removal_can_be_thought_over(room: Room) -> None:
    """Cancel changes nothing, and a member cannot press for an owner."""
    room.takes_in("/people remove 2")
    assert room.presses(BEN, "Remove and forget everything", ADA) == "That question is for Ada; nothing was done."
    assert room.presses(ADA, "Cancel").endswith("\n\nNothing was changed.")
    assert room.writes(BEN, "/whoami").startswith("You are **Ben**, member")

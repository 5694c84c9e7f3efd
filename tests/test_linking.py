"""Second chats: codes that are shown in one chat and typed in another, and whose what is kept then becomes."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.messages import Address, Sender
from bot.store.code_tables import tries
from bot.store.tables import identities, people
from tests.room import ADA, BEN, Room
from tests.test_pairing import ADA_ON_SLACK, ZOE, ZOE_ON_SLACK, code_in, count


@pytest.fixture
def room(room: Room) -> Room:
    """A room whose owner has written."""
    room.takes_in("/start")
    return room


def join(room: Room, first: Sender, second: Sender) -> None:
    """Let a second chat be the first person's."""
    room.writes(second, f"/link {code_in(room.writes(first, '/link'))}")
    if "who can then read it" in room.reads(second)[-1]:
        room.presses(second, "Yes, that is me")
    room.presses(first, "Yes, join us")


def test_a_second_chat_joins(room: Room) -> None:
    """Ada asks for a code, a stranger on Slack types it, Ada says yes: both chats are one person's."""
    shown = room.writes(ADA, "/link")
    code = code_in(shown)
    assert shown == f"Write `/link {code}` to me in your other chat. The code holds for 15 minutes, and for one chat."
    assert room.writes(ADA_ON_SLACK, f"/link {code}") == (
        "The code is right. Say yes in your other chat; this one, and what I keep for you here, is then that person’s."
    )
    asked = room.reads(ADA)[-1]
    assert asked == (
        "slack id T1:U7, who calls themselves “ada.k”, typed your code. Is that you? If so, I take that chat for yours. It "
        "then has your rights as an owner."
    )
    assert room.presses(ADA, "Yes, join us") == f"{asked}\n\nslack T1:U7 is your chat now."
    assert room.reads(ADA_ON_SLACK)[-1] == (
        "This chat is Ada’s now, as the other one is: the same memory, settings and rights."
    )
    assert room.writes(ADA_ON_SLACK, "/whoami").startswith("You are **Ada**, owner of this house (person 1), on slack")
    assert count(room, people) == 1
    assert room.writes(ADA_ON_SLACK, f"/link {code}") == "That code was used already. Ask for a new one."


def test_no_joins_nothing(room: Room) -> None:
    """Where the first chat says no, the second stays a stranger's."""
    code = code_in(room.writes(BEN, "/link"))
    room.writes(ZOE_ON_SLACK, f"/link {code}")
    assert room.presses(BEN, "No").endswith("\n\nNothing was changed.")
    assert room.reads(ZOE_ON_SLACK)[-1] == "Ben did not join this chat; nothing was changed."
    assert room.writes(ZOE_ON_SLACK, "hello").startswith("I do not know you yet.")


def test_what_belonged_to_the_second_person_moves(room: Room) -> None:
    """Ben, who is known in two chats as two people, becomes one: memory, notes and sessions follow; an owner hears of it."""
    room.takes_in("/whoami", BEN)
    room.writes(ZOE_ON_SLACK, "hello")
    room.presses(ADA, "Admit as member")
    for text, tool, arguments in (
        ("Remember that my bike is red", "remember", {"fact": "The bike is red"}),
        ("Note 3 eggs", "state_set", {"key": "eggs", "value": 3}),
    ):
        room.claude.calls_tool(tool, arguments)
        room.claude.says("Kept.")
        room.asks(text, ZOE_ON_SLACK)
    code = code_in(room.writes(BEN, "/link"))
    assert room.writes(ZOE_ON_SLACK, f"/link {code}") == (
        "Everything I keep for you becomes Ben’s (person 2), who can then read it. Is Ben you?"
    )
    assert "typed your code" not in room.reads(BEN)[-1]
    assert room.presses(ZOE_ON_SLACK, "Yes, that is me").endswith(
        "Say yes in your other chat; this one, and what I keep for you here, is then that person’s."
    )
    assert room.reads(BEN)[-1] == (
        "zoe.k (person 3; slack id T1:U5) typed your code. Is that you? If so, I take that chat for yours, with all that I "
        "keep for it. It then has your rights as a member."
    )
    room.presses(BEN, "Yes, join us")
    room.sweeps()
    assert room.reads(ADA)[-1] == "Ben joined a second chat to their own: slack, id T1:U5."
    assert "The bike is red" in room.writes(BEN, "/memory")
    assert room.writes(BEN, "/sessions").count("- **") == 2
    room.claude.calls_tool("state_get", {"key": "eggs"})
    room.claude.says("Three.")
    room.asks("How many eggs?", BEN)
    assert "'content': '3'" in str(room.claude.message_requests[-1].body)
    assert room.writes(ZOE_ON_SLACK, "/whoami").startswith("You are **Ben**, member of this house (person 2)")
    assert "zoe.k" not in room.writes(ADA, "/people")


def test_codes_typed_wrong(room: Room) -> None:
    """A stranger hears how many tries are left, then that they must wait, then nothing; one who is known always hears."""
    code = code_in(room.writes(ADA, "/link"))
    said = [room.writes(ZOE, "/link AAAA-AAAA") for _ in range(3)]
    assert said == [
        "That code is not right. Two tries are left.",
        "That code is not right. One try is left.",
        "That code is not right. Wait 15 minutes, please.",
    ]
    room.writes(ZOE, f"/link {code}")
    assert len(room.reads(ZOE)) == 3
    assert room.writes(ADA, f"/link {code}").startswith("That is your own code.")
    room.now += timedelta(minutes=20)
    assert room.writes(BEN, f"/link {code}") == "That code expired 6 minutes ago. Ask for a new one."
    assert room.writes(ZOE, f"/link {code}") == "That code expired 6 minutes ago. Ask for a new one."
    room.writes(ZOE, "/link AAAA-AAAA")
    assert len(room.reads(ZOE)) == 4  # no code holds that could be meant
    room.writes(ADA, "/link")
    assert room.writes(ZOE, "/LINK", id="twice").startswith("That code is not right.")
    room.takes_in("/LINK", ZOE, id="twice")
    assert len(room.reads(ZOE)) == 5


def test_a_new_code_replaces_the_last(room: Room) -> None:
    """Who asks for a second code before the first was typed has one that holds."""
    first = code_in(room.writes(ADA, "/link"))
    second = code_in(room.writes(ADA, "/link"))
    assert room.writes(BEN, f"/link {first}") == "That code no longer holds."
    assert room.writes(ADA_ON_SLACK, f"/link {second}").startswith("The code is right.")


def test_an_owner_is_not_lost_in_a_member(room: Room) -> None:
    """An owner who types a member's code is told to do it the other way round."""
    code = code_in(room.writes(BEN, "/link"))
    assert room.writes(ADA, f"/link {code}") == (
        "This chat belongs to an owner of this house, and that code to a member. Write `/link` here and the code there, so "
        "that nothing is lost."
    )
    assert room.writes(ADA, "/whoami").startswith("You are **Ada**, owner")


def test_a_pairing_ends_where_a_chat_is_joined(room: Room) -> None:
    """A stranger who has shown a code and then joins a person is not made a guest by the old question."""
    room.writes(ZOE, "hello")
    code = code_in(room.writes(BEN, "/link"))
    room.writes(ZOE, f"/link {code}")
    room.presses(BEN, "Yes, join us")
    assert room.presses(ADA, "Admit as guest").endswith("That code no longer holds; nothing was done.")
    assert room.writes(ZOE, "/whoami").startswith("You are **Ben**, member")


def test_nobody_gives_away_what_is_anothers(room: Room) -> None:
    """Whoever types somebody's code is asked first whether they are the same; after No the other is asked nothing."""
    room.claude.calls_tool("remember", {"fact": "Ben's code is 4711"})
    room.claude.says("Kept.")
    room.asks("My code is 4711", BEN)
    room.writes(ZOE, "hello")
    room.presses(ADA, "Admit as member")
    code = code_in(room.writes(ZOE, "/link"))
    said = len(room.reads(ZOE))
    assert room.writes(BEN, f"/link {code}") == (
        "Everything I keep for you becomes Zoe’s (person 3), who can then read it. Is Zoe you?"
    )
    assert room.presses(ZOE, "Yes, that is me", BEN) == "That question is for Ben; nothing was done."
    assert room.presses(BEN, "No").endswith("\n\nNothing was changed.")
    assert len(room.reads(ZOE)) == said + 1
    room.sweeps()
    assert "4711" not in room.writes(ZOE, "/memory")
    assert room.writes(BEN, "/whoami").startswith("You are **Ben**, member of this house (person 2)")


def test_a_chat_that_is_shut_out_joins_nobody(room: Room) -> None:
    """Taken off the list, it goes the way of every stranger, whether before it types a code or before the answer."""
    room.takes_in("/start", BEN)
    room.writes(ZOE, "hello")
    room.presses(ADA, "Admit as member")
    room.writes(BEN, f"/link {code_in(room.writes(ZOE, '/link'))}")
    room.presses(BEN, "Yes, that is me")
    room.restarts_for(telegram={"7"})
    assert room.presses(ZOE, "Yes, join us").endswith("\n\nThat code no longer holds.")
    assert room.writes(BEN, f"/link {code_in(room.writes(ZOE, '/link'))}").startswith("I do not know you yet.")
    assert count(room, people) == 3


def test_a_chat_that_became_somebodys_is_not_joined(room: Room) -> None:
    """A stranger who typed a code and was let in before the answer is a person of their own, who was not asked."""
    room.writes(ZOE, "hello")
    room.writes(ZOE, f"/link {code_in(room.writes(BEN, '/link'))}")
    room.presses(ADA, "Admit as member")
    assert room.presses(BEN, "Yes, join us").endswith("\n\nThat chat is somebody else’s by now; nothing was changed.")
    assert room.writes(ZOE, "/whoami").startswith("You are **Zoe**, member of this house (person 3)")


def test_a_joined_chat_is_heard_for_another(room: Room) -> None:
    """Whom a list let in is shut out in every chat when it does not name them any more, and let in again with it."""
    join(room, BEN, ZOE_ON_SLACK)
    assert room.writes(ZOE_ON_SLACK, "/whoami").startswith("You are **Ben**, member")
    room.restarts_for(telegram={"7"})
    assert room.writes(ZOE_ON_SLACK, "/whoami").startswith("I do not know you yet.")
    room.restarts_for(telegram={"7", "8"})
    assert room.writes(ZOE_ON_SLACK, "/whoami").startswith("You are **Ben**, member")


def test_two_people_who_become_one_are_heard_as_before(room: Room) -> None:
    """Joined as two people, each chat keeps that by which it is heard: a list counts on, and so does an owner's yes."""
    room.takes_in("/start", BEN)
    room.writes(ZOE_ON_SLACK, "hello")
    room.presses(ADA, "Admit as member")
    join(room, ZOE_ON_SLACK, BEN)
    with room.database.read() as tx:
        found = tx.execute(
            select(identities.c.source, identities.c.joined).order_by(identities.c.channel, identities.c.external_id)
        )
        assert [tuple(row) for row in found] == [("paired", False), ("list", False), ("list", True)]
    room.restarts_for(telegram={"7"})
    assert room.writes(BEN, "/whoami").startswith("I do not know you yet.")
    assert room.writes(ZOE_ON_SLACK, "/whoami").startswith("You are **zoe.k**, member")


def test_a_code_is_typed_in_a_second_window(room: Room) -> None:
    """In a further terminal window, whose channel is another, /link CODE is answered as anywhere."""
    room.gate.owners |= {("terminal", "root")}
    root = Sender(channel="terminal", id="root", name="root")
    window = Address(channel="terminal-2", chat="root")
    conversation_id = room.takes_in(f"/link {code_in(room.writes(ADA, '/link'))}", root, address=window)
    assert room.replies(conversation_id)[-1].endswith("who can then read it. Is Ada you?")
    room.takes_in("", root, press="1:0", address=window)
    assert room.presses(ADA, "Yes, join us").endswith("terminal root is your chat now.")
    room.takes_in("/whoami", root, address=window)
    assert room.replies(conversation_id)[-1].startswith("You are **Ada**, owner of this house (person 1)")


def test_strangers_cannot_try_for_ever(room: Room) -> None:
    """While no code holds nothing is kept of what they type; while one does, thirty tries of all together are."""
    room.writes(ZOE, "/link AAAA-AAAA")
    assert (count(room, tries), room.reads(ZOE)) == (0, [])
    room.writes(ADA, "/link")
    for number in range(100, 140):
        room.writes(Sender(channel="telegram", id=str(number), name="S"), "/link AAAA-AAAA")
    assert count(room, tries) == 30


def test_a_guest_joins_nothing(room: Room) -> None:
    """A guest neither shows a code nor lets anybody in with one that was shown before."""
    code = code_in(room.writes(BEN, "/link"))
    room.takes_in("/people role 2 guest")
    assert room.writes(BEN, "/link") == "Only owners and members may join further chats to their own."
    assert room.writes(ZOE, f"/link {code}") == "That code no longer holds."
    room.takes_in("/people role 2 member")
    room.writes(ZOE, f"/link {code_in(room.writes(BEN, '/link'))}")
    room.takes_in("/people role 2 guest")
    assert room.presses(BEN, "Yes, join us") == "Only owners and members may join further chats to their own. Nothing was done."
    assert count(room, identities) == 2


def test_six_chats_are_enough(room: Room) -> None:
    """The seventh chat of one person is not joined."""
    for number in range(50, 55):
        join(room, BEN, Sender(channel="telegram", id=str(number), name="B"))
    code = code_in(room.writes(BEN, "/link"))
    assert room.writes(ZOE_ON_SLACK, f"/link {code}") == "One person can have 6 chats, and no more; nothing was changed."
    assert count(room, identities) == 7


def test_owners_hear_of_each_others_chats(room: Room) -> None:
    """When an owner joins a chat, which then has an owner's rights, every other owner hears of it."""
    room.takes_in("/start", BEN)
    room.takes_in("/people role 2 owner")
    join(room, ADA, ADA_ON_SLACK)
    assert room.reads(BEN)[-1] == "Ada joined a second chat to their own: slack, id T1:U7."

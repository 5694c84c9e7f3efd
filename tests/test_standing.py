"""Who is heard and what they may, as settings, roles and an owner's mind change between two messages."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.messages import Address
from bot.roles import Role
from bot.store import migrate
from bot.store.database import Database, sqlite_url
from bot.store.schedule_tables import held
from bot.store.tables import inbox, people
from tests.room import ADA, BEN, Room
from tests.test_pairing import ADA_ON_SLACK, ZOE, ZOE_ON_SLACK, code_in
from tests.test_people import Post

PLACE = Address(channel="telegram", chat="-100", private=False)


@pytest.fixture
def room(room: Room) -> Room:
    """A room that both have entered."""
    for sender in (ADA, BEN):
        room.takes_in("/start", sender)
    return room


def role_of(room: Room, person_id: int) -> Role:
    """Return what somebody is, as it is kept."""
    with room.database.read() as tx:
        return Role(tx.scalars(select(people.c.role).where(people.c.id == person_id)).one())


def test_an_owner_by_the_settings_is_one_as_long(room: Room) -> None:
    """Whom they no longer name is a member from the next message on; whom an owner made one stays."""
    room.takes_in("/people role 2 owner")
    room.gate.owners = frozenset({("telegram", "99")})
    assert room.writes(ADA, "/whoami").startswith("You are **Ada**, member")
    assert room.writes(BEN, "/whoami").startswith("You are **Ben**, owner")
    room.gate.owners = frozenset({("telegram", "7")})
    assert room.writes(ADA, "/whoami").startswith("You are **Ada**, owner")


def test_an_owner_is_one_in_every_chat(room: Room) -> None:
    """What the settings say of one chat counts in the others of the same person."""
    room.writes(ADA_ON_SLACK, f"/link {code_in(room.writes(ADA, '/link'))}")
    room.presses(ADA, "Yes, join us")
    for sender in (ADA_ON_SLACK, ADA, ADA_ON_SLACK):
        assert room.writes(sender, "/whoami").startswith("You are **Ada**, owner")
    room.gate.owners = frozenset({("telegram", "99")})
    assert room.writes(ADA_ON_SLACK, "/whoami").startswith("You are **Ada**, member")


def test_who_is_no_owner_hears_nothing_for_owners(room: Room) -> None:
    """Trouble is told to none whom the settings named once, even before they write again."""
    room.takes_in("/people role 2 owner")
    room.gate.owners = frozenset()
    said = len(room.reads(ADA))
    room.writes(ZOE, "hello")
    assert "wants to talk with me" in room.reads(BEN)[-1]
    assert len(room.reads(ADA)) == said


def test_a_named_owner_needs_no_list(room: Room) -> None:
    """Whom only BUTLER_OWNERS names is let in by it."""
    room.gate.owners |= {("telegram", "50")}
    assert room.writes(ZOE, "/whoami").startswith("You are **Zoe**, owner")


def test_an_owner_who_is_shut_out_is_none_to_count_on(room: Room) -> None:
    """The last owner is the last whom the house hears."""
    room.takes_in("/people role 2 owner")
    room.gate.owners = frozenset()
    room.restarts_for(telegram={"8"})
    assert room.writes(BEN, "/people role 2 member").startswith("Ben is the last owner, and a house needs one.")


def test_pairing_a_chat_again_changes_no_role(room: Room) -> None:
    """Somebody with another chat that is heard keeps the role that they have there; who has none gets that of the button."""
    room.writes(ZOE_ON_SLACK, "hello")
    room.presses(ADA, "Admit as member")
    room.writes(BEN, f"/link {code_in(room.writes(ZOE_ON_SLACK, '/link'))}")
    room.presses(BEN, "Yes, that is me")
    room.presses(ZOE_ON_SLACK, "Yes, join us")
    room.restarts_for(telegram={"7"})
    room.writes(BEN, "hello")
    assert room.reads(ADA)[-1].endswith("I know them as zoe.k (person 3), a chat of whom the settings name no more.")
    assert room.presses(ADA, "Admit as guest").endswith("Ada let “Ben” in as a member.")
    assert room.reads(BEN)[-1] == "Ada let you in as a member. Just write; `/help` lists the commands."
    assert room.writes(ZOE_ON_SLACK, "/whoami").startswith("You are **zoe.k**, member")


def test_who_was_removed_meanwhile_is_not_let_in(room: Room) -> None:
    """A question that was asked before somebody was removed does not bring them back."""
    room.restarts_for(telegram={"7"})
    room.writes(BEN, "hello")
    room.takes_in("/people remove 2")
    room.presses(ADA, "Remove, keep what was said")
    assert room.presses(ADA, "Admit as member").endswith("That code no longer holds; nothing was done.")
    with room.database.write() as tx:
        tx.exec_driver_sql("UPDATE codes SET state = 'open'")
        tx.exec_driver_sql("UPDATE questions SET answered_at = NULL WHERE kind = 'pairing'")
    assert "was removed meanwhile; `/people admit 2` lets them in again." in room.presses(ADA, "Admit as member")
    assert role_of(room, 2) is Role.REMOVED


@pytest.mark.parametrize("how", ["/people role 2 member", "/people remove 2", "settings"])
def test_what_is_for_owners_reaches_none_who_was_one(room: Room, how: str) -> None:
    """What they were asked is not amended for them, what waited for them is withdrawn, and their buttons do nothing."""
    room.takes_in("/people role 2 owner")
    room.takes_in("/settings quiet 12:00-14:30", BEN)
    room.writes(ZOE, "hello")
    room.takes_in("let me in", ZOE_ON_SLACK, address=PLACE)
    with room.database.read() as tx:
        assert [row.conversation_id for row in tx.execute(select(held))] == [2]
    if how == "settings":
        with room.database.write() as tx:
            tx.exec_driver_sql("UPDATE people SET owner_by = 'settings' WHERE id = 2")
        room.takes_in("/whoami", BEN)
    else:
        room.takes_in(how)
        if "remove" in how:
            room.presses(ADA, "Remove, keep what was said")
    with room.database.read() as tx:
        assert tx.execute(select(held)).all() == []
    room.presses(ADA, "Admit as guest")
    assert not any("Ada let" in text for text in room.reads(BEN))
    said = len(room.reads(BEN))
    room.takes_in("", BEN, press="1:0")
    assert room.reads(BEN)[said:] in ([], ["That question is for an owner; nothing was done."])


def test_a_running_turn_asks_again(room: Room) -> None:
    """Who became a guest while a butler worked for them has nothing changed outside the house from then on."""
    post = Post()
    room.holders = (post,)
    room.claude.calls_tool("send_letter", {"words": "hi"})
    room.claude.says("Well.")
    conversation_id = room.takes_in("Go", BEN)
    runner = room.runner("w")
    turn = runner.turns.take(conversation_id, suspects=True)
    assert turn is not None
    room.takes_in("/people role 2 guest")
    with room.interrupts.running(turn.token) as interrupt:
        runner.agent.run(turn, interrupt)
    assert post.sent == []
    assert "Only owners and members may have a butler change or send" in str(room.claude.message_requests[-1].body)


def test_nothing_set_aside_is_tried_again_for_the_removed(room: Room) -> None:
    """What crashed is dropped with them, also when their words are kept; and whatever waits for them begins no turn."""
    conversation_id = room.takes_in("Crash", BEN, id="crash")
    with room.database.write() as tx:
        tx.execute(inbox.update().where(inbox.c.external_id == "crash").values(state="parked"))
    room.takes_in("/people remove 2")
    room.presses(ADA, "Remove, keep what was said")
    with room.database.read() as tx:
        number, state = tx.execute(select(inbox.c.id, inbox.c.state).where(inbox.c.external_id == "crash")).one()
    assert state == "answered"
    assert room.writes(ADA, f"/retry {number}").startswith("There is nothing set aside")
    with room.database.write() as tx:
        tx.execute(inbox.update().where(inbox.c.external_id == "crash").values(state="waiting"))
    assert room.runner("w").turns.take(conversation_id, suspects=True) is None
    with room.database.read() as tx:
        assert tx.scalar(select(inbox.c.state).where(inbox.c.external_id == "crash")) == "answered"
        assert tx.exec_driver_sql("SELECT claim FROM conversations WHERE claim IS NOT NULL").all() == []


def test_what_waits_behind_the_removed_is_served(room: Room) -> None:
    """In a group, what others wrote after somebody who is removed begins the next turn."""
    group = room.takes_in("Ben's", BEN, address=PLACE, id="b")
    room.takes_in("Ada's", ADA, address=PLACE)
    with room.database.write() as tx:
        tx.exec_driver_sql("UPDATE people SET role = 'removed' WHERE id = 2")
    turn = room.runner("w").turns.take(group, suspects=True)
    assert turn is not None
    assert turn.person.name == "Ada"


def test_owners_of_an_older_house_are_the_settings(tmp_path: Path) -> None:
    """Those who were owners before there was a difference are owners only as long as the settings name them."""
    steps = tmp_path / "house"
    steps.mkdir()
    shutil.copy(migrate.HOUSE[0] / "house_0001.py", steps)
    with closing(Database(sqlite_url(tmp_path / "house.db"))) as old:
        migrate.upgrade_here({old.url: (steps,)})
        with old.write() as tx:
            for number, role in enumerate(("owner", "member", "owner"), start=1):
                tx.exec_driver_sql("INSERT INTO people VALUES (?, 'x', ?, '2026-01-01')", (number, role))
        migrate.upgrade_here({old.url: migrate.HOUSE})
        with old.read() as tx:
            assert tx.scalars(select(people.c.owner_by).order_by(people.c.id)).all() == ["settings", None, "settings"]

"""Forgetting: what is forgotten is in no table, index, file or later prompt, and nothing else is."""

import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect, select, text

from bot import moves
from bot.forgetting import stems, wishes
from bot.forgetting.traces import Traces
from bot.messages import Address
from bot.search import looking
from bot.store.compaction_tables import summaries
from bot.store.database import Database
from bot.store.forgetting_tables import forgettings
from bot.store.tables import calls, identities, inbox, outbox, transcript
from skills.memory import facts
from skills.state import values
from tests.anthropic_script import ToolCall
from tests.room import ADA, BEN, Room
from workers import forgetting
from workers.forgetting import Forgetting

PLACE = Address(channel="telegram", chat="-100", private=False)
CANARY = "quetzal8842"
DAY = date(2026, 11, 21)
MARK = "[forgotten on 2026-11-21]"


@pytest.fixture
def room(room: Room) -> Room:
    """A room in which Ada told a secret, and it was said again in every way there is."""
    room.claude.thinks(f"She says {CANARY}.", "", ToolCall("remember", {"fact": f"Ada's vault word is {CANARY}"}))
    room.claude.says(f"Noted. Your vault word is {CANARY}. Anything else?")
    room.asks(f"Buy milk. My vault word is {CANARY}! And bread.")
    room.claude.calls_tool("state_set", {"key": "vault", "value": {"word": CANARY, "milk": 2}})
    room.claude.says(f"- bread\n- {CANARY}\n- butter")
    room.asks("List it all")
    for name, arguments in (("recall", {"words": "vault"}), ("search_history", {"words": "vault"})):
        room.claude.calls_tool(name, arguments)
        room.claude.says("I looked.")
        room.asks("Look it up")
    return room


def goes_on(room: Room) -> None:
    """Deliver what waits, and sweep until nothing is to be forgotten any more, or nothing moves."""
    with room.database.write() as tx:
        tx.execute(outbox.update().where(outbox.c.state == "pending").values(state="sent"))
    for _ in range(20):
        room.sweeps()
        with room.database.read() as tx:
            if not wishes.undone(tx):
                return


def everything(room: Room) -> bytes:
    """Return all bytes of all files of the house; of databases on a server, all rows."""
    if room.database.url.startswith("postgresql"):
        return "".join(_rows(room.database) + _rows(room.store)).encode()
    return b"".join(path.read_bytes() for path in sorted(room.folder.rglob("*")) if path.is_file())


def _rows(database: Database) -> list[str]:
    with database.read() as tx:
        return [str(tx.execute(text(f'SELECT * FROM "{name}"')).all()) for name in inspect(tx).get_table_names()]  # noqa: S608


def prompt(room: Room) -> str:
    """Return what a model is told now, with all that it finds."""
    room.claude.calls_tools(*(ToolCall(name, {"words": "vault milk"}) for name in ("recall", "search_history")))
    room.claude.says("Done.")
    room.asks("Look again")
    return json.dumps(room.claude.message_requests[-1].body)


@pytest.mark.both_stores
def test_what_is_forgotten_is_nowhere(room: Room) -> None:
    """After /memory forget and a sweep no file holds it and no prompt, search or recall brings it back; all else is there."""
    assert CANARY.encode() in everything(room)
    said = room.writes(ADA, "/memory forget 1")
    assert said == "Fact 1 is forgotten. I am taking it out of all that was said."
    assert room.writes(ADA, "/memory") == "**assistant** was told nothing yet."
    goes_on(room)
    assert CANARY.encode() not in everything(room)
    assert CANARY not in prompt(room)
    assert room.writes(ADA, f"/search {CANARY[:7]}*").startswith("Nothing that was said here")
    texts = room.reads(ADA)
    assert f"Noted. {MARK} Anything else?" in texts
    assert f"- bread\n{MARK}\n- butter" in texts
    assert any(text.startswith("Fact 1 is forgotten. It was taken out of 1") for text in texts)
    with room.database.read() as tx:
        assert f"Buy milk. {MARK} And bread." in tx.scalars(select(inbox.c.text)).all()
        assert [row.text for row in looking.find(tx, "person:1", "milk bread", room.now).rows] == [
            f"Buy milk. {MARK} And bread."
        ]
    with room.store.read() as tx:
        kept = values.get(tx, "person:1", "vault")
        assert kept is not None
        assert kept.value == {"word": MARK, "milk": 2}


def test_a_butler_forgets_as_thoroughly(room: Room) -> None:
    """The tool takes the fact away at once, and what the turn itself goes on to say of it when the turn is over."""
    room.claude.calls_tool("forget", {"fact": 1})
    room.claude.says(f"I have forgotten that it was {CANARY}.")
    conversation = room.takes_in(f"Forget that {CANARY} is my vault word")
    runner = room.runner("w")
    record = runner.agent._record  # noqa: SLF001 - what happens between two steps

    def recorded(*given: object) -> object:
        Forgetting(room.database, room.belongings, room.clock).go_on()
        return record(*given)  # type: ignore[arg-type]

    object.__setattr__(runner.agent, "_record", recorded)
    runner.run_turn(conversation, None)
    assert CANARY.encode() in everything(room)
    goes_on(room)
    assert CANARY.encode() not in everything(room)
    assert CANARY not in prompt(room)


def test_what_is_told_again_stays(room: Room) -> None:
    """What somebody says after they had it forgotten is theirs to say."""
    room.writes(ADA, "/memory forget 1")
    goes_on(room)
    room.claude.says("Noted.")
    room.asks(f"My vault word is {CANARY} after all")
    goes_on(room)
    assert CANARY in room.writes(ADA, f"/search {CANARY}")


def test_nobody_else_is_touched(room: Room) -> None:
    """What another, or a group, was told in the same words stays."""
    for place in ({}, {"address": PLACE}):
        room.claude.calls_tool("remember", {"fact": f"The vault word is {CANARY}"})
        room.claude.says("Noted.")
        room.asks(f"My vault word is {CANARY}", BEN, **place)
    room.writes(ADA, "/memory forget 1")
    goes_on(room)
    assert CANARY in room.writes(BEN, "/memory")
    assert room.writes(BEN, f"/search {CANARY}").startswith("Found once:")
    group = room.takes_in("/memory", ADA, address=PLACE)
    assert CANARY in room.replies(group)[-1]
    room.takes_in("/memory forget 3", ADA, address=PLACE)
    goes_on(room)
    assert CANARY in room.writes(BEN, "/memory")
    assert CANARY not in room.replies(room.takes_in("/memory", ADA, address=PLACE))[-1]


def test_a_summary_that_says_it_is_made_anew(room: Room) -> None:
    """Summaries that cover what was cleaned are dropped."""
    with room.database.write() as tx:
        last = tx.scalar(select(transcript.c.id).order_by(transcript.c.id.desc()).limit(1))
        tx.execute(
            summaries.insert().values(
                conversation_id=1,
                after_id=0,
                until_id=last,
                text=f"vault word {CANARY}",
                origin="house",
                entries=2,
                characters=20,
                at=room.now,
            )
        )
    room.writes(ADA, "/memory forget 1")
    goes_on(room)
    assert CANARY.encode() not in everything(room)


@pytest.mark.both_stores
def test_everything_is_forgotten_after_a_yes(room: Room) -> None:
    """/memory forget everything asks first; then facts, notes, words and index are gone, and the person is served on."""
    room.claude.says("Good.")
    room.asks("The kayak is green", ADA, address=PLACE)
    assert room.writes(ADA, "/memory forget everything").startswith("Shall I forget everything about you?")
    assert room.presses(ADA, "Cancel").endswith("Nothing was changed.")
    assert CANARY in room.writes(ADA, "/memory")
    room.writes(ADA, "/memory forget everything")
    room.presses(ADA, "Forget everything")
    assert any("All of it is forgotten; within a minute it is gone from every store" in text for text in room.reads(ADA))
    goes_on(room)
    goes_on(room)
    assert CANARY.encode() not in everything(room)
    assert b"List it all" not in everything(room)
    assert b"kayak" in everything(room)
    room.claude.calls_tool("remember", {"fact": "Ada is back"})
    room.claude.says("Welcome.")
    assert room.asks("I am back") == "Welcome."
    assert "Ada is back" in room.writes(ADA, "/memory")
    group = room.takes_in("/memory forget everything", ADA, address=PLACE)
    assert room.replies(group)[-1].startswith("I forget everything only in a private chat")


def test_who_was_joined_meanwhile_is_forgotten_for(room: Room) -> None:
    """What somebody had forgotten is forgotten, too, when they became another before it was carried out."""
    room.claude.calls_tool("remember", {"fact": "Ben's door code is 90210"})
    room.claude.says("It is 90210.")
    room.asks("My door code is 90210", BEN)
    room.writes(BEN, "/memory forget 2")
    with room.database.write() as tx:
        moves.hand_over(tx, 2, 1, room.now)
        tx.execute(inbox.update().where(inbox.c.person_id == 2).values(person_id=1))
        tx.execute(identities.update().where(identities.c.person_id == 2).values(person_id=1))
    goes_on(room)
    assert b"90210" not in everything(room)
    assert CANARY.encode() in everything(room)


def test_it_goes_on_in_stretches(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sweep cleans for a while only, and goes on where the one before stopped; other stores and indexes as well."""
    monkeypatch.setattr("bot.forgetting.cleaning.AT_A_TIME", 2)
    monkeypatch.setattr(forgetting, "SECONDS", 0.0)
    room.writes(ADA, "/memory forget 1")
    for _ in range(10):
        goes_on(room)
    with room.database.read() as tx:
        assert tx.scalars(select(forgettings.c.state)).all() == ["wanted"]
    monkeypatch.setattr(forgetting, "SECONDS", 5.0)
    goes_on(room)
    assert CANARY.encode() not in everything(room)


def test_a_schedule_that_still_says_it_is_named(room: Room) -> None:
    """A reminder is the person's own: it is not changed, and they are told that it still says it."""
    room.takes_in(f"/remind in 20 minutes the vault word is {CANARY}")
    said = room.writes(ADA, "/memory forget 1")
    assert "Schedule 1 still says it; `/schedule remove 1` removes that." in said


@pytest.mark.parametrize(
    ("fact", "text", "clean"),
    [
        ("Ada's locker code is 4711", "Hi! The code: 4711. Bye.", f"Hi! {MARK} Bye."),
        ("Ada's locker code is 4711", "My locker code is long.", "My locker code is long."),
        ("Ada's phone is 0170 1234567", "Call 01701234567 now. Or not.", f"{MARK} Or not."),
        ("My doctor is Dr. Weber in Graz", "Yes. My doctor is Dr. Weber in Graz, I like her. Bye.", f"Yes. {MARK} Bye."),
        ("My doctor is Dr. Weber in Graz", "Graz is nice in May.", "Graz is nice in May."),
        (
            "Ada mag keine Erdnüsse im Kuchen",
            "Sie mag Kuchen. Sie mag aber keine Erdnüsse im Kuchen!",
            f"Sie mag Kuchen. {MARK}",
        ),
        ("Ada was born in 1985", "Ada was born in 1985! In 1985 it rained.", f"{MARK} In 1985 it rained."),
        ("保险箱的密码是蓝天", "你好。保险箱的密码是蓝天。再见。", f"你好。{MARK}再见。"),
    ],
)
def test_sentences_that_say_it_are_marked(fact: str, text: str, clean: str) -> None:
    """A number gives it away alone, other words together; what is about something else stays."""
    assert Traces([fact], DAY, frozenset({"ada"})).clean(text) == clean


@given(st.lists(st.text(max_size=30), max_size=3), st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_cleaned(texts: list[str], text: str) -> None:
    """Whatever is forgotten, cleaning ends, cleans all there is at once, and takes every telling number away."""
    traces = Traces(texts, DAY)
    once = traces.clean(text)
    assert traces.clean(once) == once
    telling = {word for one in texts for word in stems.of(one) if stems.is_telling(word)}
    assert not telling & set(stems.of(once.replace(MARK, " ")))


def test_calls_are_cleaned_of_numbers_too(room: Room) -> None:
    """A number in a call's arguments is taken out, as is the journal's copy of the call and of its result."""
    room.claude.calls_tool("remember", {"fact": "The door code is 90210"})
    room.claude.says("Noted.")
    room.asks("The door code is 90210")
    room.claude.calls_tool("state_set", {"key": "door", "value": 90210})
    room.claude.says("Kept.")
    room.asks("Note it")
    room.writes(ADA, "/memory forget 2")
    goes_on(room)
    assert b"90210" not in everything(room)
    with room.database.read() as tx:
        kept = tx.execute(select(calls.c.arguments).where(calls.c.tool == "state_set")).all()
        assert kept[-1].arguments == {"key": "door", "value": MARK}
        assert tx.execute(select(outbox).where(outbox.c.text == "")).all() == []
    assert facts.find(room.store, "person:1", "door") == []

"""Rotation: what a person reads while keys run dry, are refused and break under a conversation."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select

from bot.store.tables import turns
from bot.store.treasury_tables import ledger, reservations
from tests.anthropic_script import ToolCall
from tests.measure import bytes_of
from tests.openai_script import Answer
from tests.room import ADA, BEN
from tests.streets import Street

LONG, SHORT = "x" * bytes_of(15_900), "x" * bytes_of(2_000)  # thoughts, which are read again in the next request


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """A street on which an owner lives."""
    with Street(tmp_path) as made:
        made.room.writes(ADA, "/start")
        yield made


def test_three_failures_within_one_turn(street: Street) -> None:
    """Past 75 % of its key a conversation meets a 429, a 402 and a dead provider in one turn: one answer, all in the books."""
    room, claude, attempts = street.room, street.claude, []
    for thought, words in ((LONG, "A fine day."), (SHORT, "Good night.")):
        claude.thinks(thought, words)
        assert room.asks("How is the weather?", BEN) == words
    assert room.reads(ADA)[-1] == (
        "75 % of the day of anthropic-1 are used (35,136 of 45,000 tokens); the next request goes by the next key."
    )
    claude.fail(1, type="rate_limit_error", message="You ask too often", headers={"retry-after": "60"})
    street.router.fail(1, status=402, message="Insufficient credits")

    def answer(_: dict[str, Any]) -> Answer:
        with room.database.read() as tx:
            attempts.append(tx.scalar(select(turns.c.attempts).order_by(turns.c.id.desc()).limit(1)))
        return Answer(text="Tomorrow it rains.")

    street.groq.script = answer
    assert room.asks("And tomorrow?", BEN) == "Tomorrow it rains."
    assert room.reads(BEN) == ["A fine day.", "Good night.", "Tomorrow it rains."]
    assert (attempts, room.woken) == ([0], [])  # a rotation is no retry
    assert [(one, to, why.partition(" (")[0]) for one, to, why in street.rotations] == [
        ("anthropic-1", "anthropic-2", "75 % of the conversation's 45,000 tokens on anthropic-1 are used"),
        ("anthropic-2", "openrouter-1", "You ask too often"),
        ("openrouter-1", "openai-1", "Insufficient credits"),
        ("openai-1", "groq-1", "no connection to openai: [Errno 111] Connection refused"),
    ]
    assert street.booked() == street.billed()
    usage = room.writes(BEN, "/usage")
    assert "Key: **groq-1** (openai/gpt-oss-120b)" in usage
    assert "openai-1 → groq-1, rotated: no connection to openai" in usage
    keys = room.writes(ADA, "/keys")
    assert "**anthropic-2** (claude-sonnet-5-5): rests for claude-sonnet-5-5 until 2026-11-21 13:01:" in keys
    assert "**openrouter-1** (anthropic/claude-sonnet-5.5): rests until 2026-11-21 14:00:" in keys
    assert "“Insufficient credits”" in keys
    assert "anthropic-2 → openrouter-1, rotated: You ask too often" in keys


def test_all_are_dry(tmp_path: Path) -> None:
    """When no key is left the person reads until when and in whose words, and the answer comes then by itself."""
    with Street(tmp_path, "anthropic-1 anthropic-2") as street:
        street.claude.fail(1, type="rate_limit_error", message="Not so fast", headers={"retry-after": "600"})
        street.claude.fail(1, type="rate_limit_error", message="Nor you", headers={"retry-after": "90"})
        room = street.room
        said = room.asks("Work for me", BEN)
        assert said.startswith("I have to wait until 13:01:30, and go on by myself then. anthropic-2: “")
        (conversation_id, at), asked = room.woken[-1], len(street.claude.message_requests)
        room.now = at - timedelta(seconds=1)
        room.runner("early").run_turn(conversation_id, None)
        assert len(street.claude.message_requests) == asked == 2
        room.now = at
        street.claude.says("Done.")
        room.runner("in time").run_turn(conversation_id, None)
        assert room.reads(BEN) == [said, "Done."]
        assert street.asked == ["anthropic-1", "anthropic-2", "anthropic-2"]


def test_only_retired_keys(tmp_path: Path) -> None:
    """When every key is refused nobody waits: that is said, and owners hear of each."""
    with Street(tmp_path, "anthropic-1 anthropic-2") as street:
        room = street.room
        room.writes(ADA, "/start")
        street.claude.fail(2, type="authentication_error", message="invalid x-api-key")
        failure = "No model can be asked, and an owner has to look after that. anthropic-1: “"
        assert room.asks("Hello", BEN).startswith(failure)
        assert [words.partition(".")[0] for words in room.reads(ADA)[-2:]] == [
            "The key anthropic-1 is no longer used",
            "The key anthropic-2 is no longer used",
        ]
        assert room.woken == []
        assert room.asks("Hello?", BEN).startswith("No model can be asked")
        assert len(street.claude.message_requests) == 2


def test_a_permanent_refusal(street: Street) -> None:
    """A request that is wrong itself is tried with no other key."""
    street.claude.fail(1, type="invalid_request_error", message="messages: this is broken")
    assert "It says: messages: this is broken" in street.room.asks("Break it", BEN)
    assert street.asked == ["anthropic-1"]


def test_half_an_answer(street: Street) -> None:
    """What was shown of an answer that broke off is replaced by the next provider's, and charged in full."""
    street.claude.cut(6)
    street.claude.says("Half of this is seen, and the rest of it never comes to anybody.")
    street.router.says("A whole answer.")
    assert street.room.asks("Tell me", BEN) == "A whole answer."
    shown = street.room.news.texts
    assert shown[0].startswith("Half")
    assert shown[-1] == "A whole answer."
    with street.room.database.read() as tx:
        rows = tx.execute(select(ledger.c.key_id, ledger.c.reported).order_by(ledger.c.id)).all()
    assert rows == [("anthropic-1", False), ("openrouter-1", True)]
    assert street.rotations[0][2].startswith("the connection to Anthropic broke")


def test_thoughts_of_another_key(street: Street) -> None:
    """A turn that goes on with another key, another provider and back again is not stopped by the thoughts of the first."""
    room, claude = street.room, street.claude
    claude.thinks("I should look.", "", ToolCall("current_time", {}))
    claude.thinks("Now I know.", "", ToolCall("current_time", {}))
    claude.says("It is noon.")
    assert room.asks("What time is it?", BEN) == "It is noon."
    room.writes(ADA, "/keys rest anthropic-1")
    claude.thinks("A guest again.", "Still noon.")
    assert room.asks("And now?", BEN) == "Still noon."
    room.writes(ADA, "/keys rest anthropic-2")
    street.router.says("Nearly one.")
    assert room.asks("And now?", BEN) == "Nearly one."
    assert [to for _, to, _ in street.rotations] == ["anthropic-2", "openrouter-1"]


def test_rotating_between_a_call_and_its_result(street: Street) -> None:
    """A tool is called once although the key that asked for it is not the one that reads its result."""
    room, claude = street.room, street.claude
    claude.thinks("I should look.", "", ToolCall("current_time", {}))
    requests = count()

    def is_lost(_: int) -> bool:
        if next(requests) == 1:
            claude.fail(1, type="rate_limit_error", message="Slow down", headers={"retry-after": "60"})
        return False

    claude.losing = is_lost
    claude.says("It is noon.")
    assert room.asks("What time is it?", BEN) == "It is noon."
    assert street.asked == ["anthropic-1", "anthropic-1", "anthropic-2"]
    assert street.booked() == street.billed()
    bodies = [record.body for record in claude.message_requests]
    assert bodies[1]["messages"] == bodies[2]["messages"]


def test_rejected_thoughts(street: Street) -> None:
    """When a provider no longer takes earlier thoughts the same key is asked once more without them."""
    room, claude = street.room, street.claude
    claude.thinks("Hm.", "Yes.")
    room.asks("Really?", BEN)
    claude.fail(1, type="invalid_request_error", message="messages.1.content.0: Invalid `signature` in `thinking` block")
    claude.says("Really.")
    assert room.asks("Really?", BEN) == "Really."
    assert street.asked == ["anthropic-1"] * 3
    assert street.rotations == []


def test_a_stop_in_the_middle(street: Street) -> None:
    """A stop while the second key is asked ends the turn: nothing more is asked, and all is accounted for."""
    room, claude = street.room, street.claude
    claude.fail(1, type="rate_limit_error", message="Slow down", headers={"retry-after": "60"})
    with claude.hold():
        conversation_id = room.takes_in("Work for me", BEN)
        working = Thread(target=room.runner("busy").run_turn, args=(conversation_id, None))
        working.start()
        claude.wait_until(lambda: len(claude.message_requests) == 2 and claude.in_flight == 1, 10, "the second key is asked")
        assert room.writes(BEN, "/stop").startswith("Stopped")
        for token in room.interrupts.tokens():  # as a worker does with claims that are lost
            room.interrupts.fire(token)
        working.join(10)
    assert not working.is_alive()
    with room.database.read() as tx:
        assert tx.execute(select(reservations.c.key_id, reservations.c.state)).all() == [
            ("anthropic-1", "settled"),
            ("anthropic-2", "settled"),
        ]
        assert list(tx.scalars(select(ledger.c.reported).order_by(ledger.c.id))) == [True, False]
    street.router.says("Here I am.")  # as the second key may have used all that was reserved of it
    assert room.asks("Hello?", BEN) == "Here I am."


def test_an_owner_rotates(street: Street) -> None:
    """/keys rotate leaves the key, /keys rotate ID goes to one, /keys rest ID keeps one from use, and nonsense is said."""
    room = street.room
    assert room.writes(ADA, "/keys rotate").startswith("Nothing has been asked in this conversation yet")
    room.asks("One", ADA)
    said = room.writes(ADA, "/keys rotate")
    assert said == "The next request here leaves **anthropic-1** for the next key, if another one can be used."
    room.asks("Two", ADA)
    assert room.writes(ADA, "/keys rotate groq-1") == "The next request here goes by **groq-1**, if it can be used then."
    room.asks("Three", ADA)
    said = room.writes(ADA, "/keys rotate groq-2")
    assert said.startswith("There is no key groq-2. Did you mean groq-1?")
    room.writes(ADA, "/keys rest anthropic-1")
    room.asks("Four", ADA)
    assert street.asked == ["anthropic-1", "anthropic-2", "groq-1", "anthropic-2"]
    assert [why for _, _, why in street.rotations] == ["an owner rotated it", "chosen by hand", "another key is better now"]
    assert "**anthropic-1** (claude-sonnet-5-5): rests, because an owner said so" in room.writes(ADA, "/keys")
    assert "owner" in room.writes(BEN, "/keys rotate")

"""A long life in short: hundreds of messages, and every fact that was told in them is known afterwards."""

import pytest

from bot.compaction import form, stretch
from tests.long_life import UNKNOWN, Model, facts, is_summary, life
from tests.long_talks import whole
from tests.room import Room

MESSAGES, PLANTED = 140, 14


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a short conversation be as a long one is: its prompt is shortened sixteen times as early."""
    for module, name in (
        (stretch, "ABOVE"),
        (stretch, "KEPT"),
        (stretch, "LEAST"),
        (form, "LONGEST_CARRIED"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name) // 16)


@pytest.mark.usefixtures("small")
def test_every_fact_is_known_after_a_long_life(room: Room) -> None:
    """Numbers, names and promises are answered from the prompt or by the tool, though the small model forgot them all."""
    planted = facts(PLANTED)
    model = Model(planted)
    room.claude.script = model
    for message in life(MESSAGES, planted):
        room.asks(message)
    told = [record for record in room.claude.message_requests if not is_summary(record.body)]
    assert model.summaries > 4
    assert max(len(whole(record.body)) for record in told) < 14_000
    later = [record.usage for record in told[10:]]
    read = sum(usage["cache_read_input_tokens"] for usage in later)
    assert read / (read + sum(usage["input_tokens"] + usage["cache_creation_input_tokens"] for usage in later)) > 0.9
    for fact in planted:
        said = room.asks(fact.question)
        assert fact.answer in said, f"{fact.question} {said}"
        assert UNKNOWN not in said
    assert model.by_prompt + model.by_tool == PLANTED
    assert model.by_tool > 0

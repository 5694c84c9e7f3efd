"""Long pastes: what a client split is one message again before a turn begins, word for word."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.pastes import HOLD, joined, units
from bot.store.tables import inbox
from tests.pasting import MOST, WORDS, cut, receives, sent, told, works
from tests.room import Room

CODE = "```python\n" + "\n".join(f"line_{number} = {number}" for number in range(1500)) + "\n```"
UNBROKEN = "x" * 3 * MOST


@pytest.mark.parametrize("text", [WORDS[:6000], WORDS[:12000], WORDS[: 9 * MOST + 700], CODE, UNBROKEN, UNBROKEN[: 2 * MOST]])
def test_it_is_whole_again(room: Room, text: str) -> None:
    """Two, three and ten parts are one message of one turn, with every letter and line; each part has a row and the reply."""
    parts = cut(text)
    assert len(parts) > 1
    conversation_id = 0
    for message in sent(room, parts):
        conversation_id = receives(room, message)
    if units(parts[-1]) > MOST // 2:
        room.now += HOLD
    works(room, conversation_id)
    assert told(room) == [text.strip()]
    with room.database.read() as tx:
        found = select(inbox.c.external_id, inbox.c.state, inbox.c.turn_id, inbox.c.reply_id)
        rows = tx.execute(found.order_by(inbox.c.id)).all()
    assert [row.external_id for row in rows] == [f"7:{number}" for number in range(1000, 1000 + len(parts))]
    assert {(row.state, row.turn_id) for row in rows} == {("answered", 1)}
    assert len({row.reply_id for row in rows}) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["ab", "Ω≈ç", "😀", "a" * 30, "\n", "\n\n", ". "]), min_size=60, max_size=120))
def test_any_text_is_whole_again(pieces: list[str]) -> None:
    """Whatever is cut, the words are the same afterwards, in their order, and none is cut or glued to another."""
    text, most = " ".join(pieces).strip(), 64
    parts: list[str] = []
    rest = text
    while rest:
        end = len(rest)
        if units(rest) > most:
            end = next(length for length in range(len(rest), 0, -1) if units(rest[:length]) <= most)
            space = max(rest.rfind(sign, 1, end) for sign in " \n")
            end = space if space > 0 else end
        parts.append(rest[:end])
        rest = rest[end:]

    whole = parts[0].strip()
    for before, part in pairwise(parts):
        whole += joined(before.strip(), units(before.strip()), part.strip(), most)
    if all(part.strip() and units(part.strip()) < most for part in parts):  # of an exact fit nobody can tell what was trimmed
        assert whole.split() == text.split()


@pytest.mark.parametrize("text", [WORDS[: 2 * MOST], "begin\n" + "    indented = 1\n" * 500, "a " * MOST, "ab\n\n" * 2000])
def test_parts_as_they_were(room: Room, text: str) -> None:
    """Where the vendor leaves the space at the cut, nothing is added to it."""
    text = text[: 2 * MOST].strip()
    place = receives(room, *sent(room, [text[:MOST], text[MOST:]]))
    room.now += HOLD
    works(room, place)
    assert told(room) == [text]

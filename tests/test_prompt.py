"""The prompt: what every request repeats."""

import json

from tests.room import Room


def test_what_each_request_repeats_is_short_and_cached(room: Room) -> None:
    """The fixed prompt stays below 8,000 characters and never changes, so that nearly all of a later prompt is read cached."""
    for number in range(8):
        room.claude.calls_tool("remember", {"fact": f"The code of locker {number} is {4000 + number}."})
        room.claude.says(f"I will remember that locker {number} has the code {4000 + number}.")
        room.asks(f"The code of locker {number} is {4000 + number}. " + "I always forget such things. " * 20)
    requests = room.claude.message_requests
    fixed = {json.dumps([record.body["system"], record.body["tools"]]) for record in requests}
    assert len(fixed) == 1
    assert len(fixed.pop()) < 8000
    later = [record.usage for record in requests[8:] if record.usage]
    read = sum(usage["cache_read_input_tokens"] for usage in later)
    written = sum(usage["input_tokens"] + usage["cache_creation_input_tokens"] for usage in later)
    assert read / (read + written) > 0.9


def test_many_messages_at_once_leave_the_cache_as_it_is(room: Room) -> None:
    """What was read before is read from the cache although more stands behind it than the vendor looks back over."""
    room.asks("Good morning. " * 300)
    room.asks("It rains.")
    before = room.claude.message_requests[-1].usage
    for number in range(30):
        conversation_id = room.takes_in(f"And number {number}.")
    room.runner().run_turn(conversation_id, None)
    usage = room.claude.message_requests[-1].usage
    assert usage["cache_read_input_tokens"] >= before["cache_read_input_tokens"] + before["cache_creation_input_tokens"]

"""Pasting: what clients make of a long text, and what a room makes of that."""

from bot import conversations
from bot.messages import IncomingMessage, Part, Sender
from bot.pastes import units
from tests.room import ADA, Room

MOST = 4096
WORDS = " ".join(f"word{number}" for number in range(4000))


def cut(text: str, most: int = MOST) -> list[str]:
    """Cut a text as Telegram's client for Android does: at the last line or word that fits, else anywhere, and trimmed."""
    parts = []
    while text:
        end = len(text)
        if end > most:
            window = text[most - 300 : most]
            found = max(window.rfind("\n"), -1)
            found = found if found >= 0 else window.rfind(" ")
            end = most - 300 + found if found >= 0 else most
        parts.append(text[:end].strip())
        text = text[end:].strip() if end < most else text[end:]
    return parts


def sent(room: Room, parts: list[str], sender: Sender = ADA, first: int = 1000, **changes: object) -> list[IncomingMessage]:
    """Return the messages in which a client sends a text."""
    return [
        room.message(
            text,
            sender,
            id=f"{sender.id}:{number}",
            native_id=f"{sender.id}:{number}",
            part=Part(number=number, units=units(text), most=MOST),
            **changes,
        )
        for number, text in enumerate(parts, start=first)
    ]


def receives(room: Room, *messages: IncomingMessage) -> int:
    """Take in messages at once and return their conversation."""
    room.reception.receive(messages)
    with room.database.read() as tx:
        found = conversations.find(tx, messages[0].address)
    assert found is not None
    return found.id


def works(room: Room, conversation_id: int) -> None:
    """Let a worker come by."""
    room.runner().run_turn(conversation_id, None)


def told(room: Room) -> list[str]:
    """Return what the model was told last by people, without the lines that say who wrote when."""
    content = room.claude.message_requests[-1].body["messages"][-1]["content"]
    return [block["text"].partition("\n")[2] for block in content if block["type"] == "text"]

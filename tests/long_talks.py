"""Long conversations for tests: a model that answers shortly and sums up when the house asks it to."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select

from bot.compaction.form import INSTRUCTION
from bot.store.compaction_tables import compactions, summaries
from bot.store.tables import conversations
from tests.anthropic_script import Answer
from tests.room import Room
from workers.liveness import Watch
from workers.sweep import Sweep

Json = dict[str, Any]
FILLER = "The garden is quiet today and the kettle sings while somebody reads aloud from an old book about the sea. "
GIST = "Otherwise:\n- They talk about the garden."


def is_summary(request: Json) -> bool:
    """Tell whether the house asks for a summary."""
    return bool(request["system"][0]["text"] == INSTRUCTION)


def texts(request: Json) -> list[str]:
    """Return every text of a request's messages."""
    return [block["text"] for message in request["messages"] for block in message["content"] if block["type"] == "text"]


def whole(request: Json) -> str:
    """Return all that a request's messages say."""
    return "\n".join(texts(request))


def talker(sums_up: Callable[[str], str] = lambda _: GIST) -> Callable[[Json], Answer]:
    """Return a script that sums up as it is told, and otherwise says what it read last."""

    def script(request: Json) -> Answer:
        if is_summary(request):
            return Answer(text=sums_up(whole(request)))
        last = texts(request)[-1].partition("\n")[2]
        return Answer(text=f"Yes: {last[:40]}")

    return script


def long(words: str, characters: int = 6_000) -> str:
    """Return a message that says something, and much else."""
    return f"{words}\n{FILLER * (characters // len(FILLER))}"


def talk(room: Room, characters: int = 90_000, first: Sequence[str] = ()) -> None:
    """Say so much that what was said first no longer stands in the prompt as it was."""
    for words in first:
        room.asks(words)
    for number in range(characters // 6_000):
        room.asks(long(f"Message {'i' * (number + 1)}."))


def asked(room: Room) -> list[Json]:
    """Return the requests of turns, without those for summaries."""
    return [record.body for record in room.claude.message_requests if not is_summary(record.body)]


def asked_to_sum_up(room: Room) -> list[Json]:
    """Return the requests for summaries."""
    return [record.body for record in room.claude.message_requests if is_summary(record.body)]


def kept(room: Room) -> list[Any]:
    """Return the summaries that are kept."""
    with room.database.read() as tx:
        return list(tx.execute(select(summaries).order_by(summaries.c.id)))


def found(room: Room) -> list[int]:
    """Return the conversations for which a sweep rings."""
    return Sweep(room.database, room.treasury, Watch(room.folder), room.folder, room.clock, room.belongings).find()


def place(room: Room, conversation_id: int = 1) -> Any:
    """Return a conversation's row."""
    with room.database.read() as tx:
        return tx.execute(select(conversations).where(conversations.c.id == conversation_id)).one()


def job(room: Room, conversation_id: int = 1) -> Any:
    """Return who sums a conversation up, and what is to be done about it."""
    with room.database.read() as tx:
        return tx.execute(select(compactions).where(compactions.c.conversation_id == conversation_id)).first()


def before(request: Json) -> str:
    """Return what stands in a prompt for its older part, or nothing."""
    found = re.search(r"<before>\n(.*)\n</before>", texts(request)[0], re.DOTALL)
    return found[1] if found else ""

"""The memory tools of a butler."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from bot.store.closed import NOTHING_KEPT
from bot.store.database import Database
from bot.store.effects import once
from bot.tools import Context, Effect, Foreign, ToolError, tool
from skills.memory import facts
from skills.memory.facts import Fact


class Memory:
    """What a butler was told, by whom, kept in its own store."""

    def __init__(self, store: Database) -> None:
        self._store = store

    @tool(Effect.KEYED, own=True, doing="keeping a fact")
    def remember(self, context: Context, fact: Annotated[str, Field(min_length=1, max_length=2000)]) -> str:
        """Keep one fact for later conversations."""

        def keep(tx: Connection) -> str:
            told = facts.tell(tx, context.subject, fact.strip(), context.person, context.now, stranger=context.stranger)
            if told is None:
                raise ToolError(NOTHING_KEPT)
            number, new = told
            return f"Kept as fact {number}." if new else f"Already known, as fact {number}."

        return once(self._store, context.key, keep)

    @tool(Effect.READ, doing="searching memory")
    def recall(self, context: Context, words: str = "") -> str:
        """Find facts that hold any of these words; without words, the newest ones."""
        found = facts.find(self._store, context.subject, words)
        if not found:
            return "Nothing is known about that."
        lines = "\n".join(_line(fact, context) for fact in found)
        return Foreign(lines) if any(fact.stranger for fact in found) else lines

    @tool(Effect.KEYED, own=True, doing="forgetting a fact")
    def forget(self, context: Context, fact: Annotated[int, Field(ge=1, le=10**18)]) -> str:
        """Forget the fact with this number for good."""

        def delete(tx: Connection) -> str:
            words = facts.forget(tx, context.subject, fact)
            if words is None:
                raise ToolError(f"There is no fact {fact}. Use recall to see the numbers.")
            return f"Forgotten: {words}"

        return once(self._store, context.key, delete)


def _line(fact: Fact, context: Context) -> str:
    told = f"told by {fact.source} on {fact.at.astimezone(context.zone):%Y-%m-%d}"
    return f"{fact.id}. {fact.text} ({told}{', read in somebody else’s text' if fact.stranger else ''})"

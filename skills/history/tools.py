"""The tool by which a butler finds what was said earlier."""

from typing import Annotated

from pydantic import Field

from bot.messages import Origin
from bot.search import looking, telling
from bot.search.telling import Reader
from bot.store.database import Database
from bot.tools import Context, Effect, Foreign, tool

PAGE = 8
Page = Annotated[int, Field(ge=1, le=15)]


class History:
    """All that was said to somebody, or in a group, in the house's database; the call's own subject says whose it is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @tool(Effect.READ)
    def search_history(self, context: Context, words: str, page: Page = 1) -> str:
        """Find what was said or read earlier, in all chats of this person."""
        with self._database.read() as tx:
            found = looking.find(tx, context.subject, words, context.now)
            rows = found.rows[(page - 1) * PAGE : page * PAGE]
            reader = Reader(context.person_id, None, context.zone, context.person)
            lines = telling.for_model(tx, rows, found.wish, reader)
        if not lines:
            return "Nothing further." if found.rows else "Nothing was found. Try fewer words, or the beginning of one: lock*"
        told = "\n".join((*["Not all of the words were found together:"] * found.loosely, *lines))
        return Foreign(told) if any(row.origin == Origin.STRANGER for row in rows) else told

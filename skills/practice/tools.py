"""The practice tools of a butler."""

from typing import Annotated

from pydantic import Field

from bot import people
from bot.practice import LONGEST, Practice, path_of
from bot.roles import Role
from bot.store.database import Database
from bot.tools import Context, Effect, ToolError, tool

Name = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]


class Practising:
    """The files that say what a butler does by itself; `database` is the house's, which knows who is an owner."""

    def __init__(self, practice: Practice, database: Database) -> None:
        self._practice = practice
        self._database = database

    @tool(Effect.READ, rare=True, doing="reading its practice")
    def practice_read(self, context: Context, name: Name) -> str:
        """Read reverie, consolidation or another practice."""
        return self._practice.read(context.butler, path_of(name)) or f"There is no {path_of(name)}, or it is empty."

    @tool(Effect.UPSERT, rare=True, doing="writing its practice")
    def practice_write(self, context: Context, name: Name, text: Annotated[str, Field(max_length=LONGEST)]) -> str:
        """Replace it, for an owner."""
        with self._database.read() as tx:
            if people.person(tx, context.person_id).role is not Role.OWNER:
                raise ToolError(
                    "Not done. What a butler does by itself concerns everybody, so only an owner may have it changed."
                )
        try:
            self._practice.write(context.butler, name, text)
        except OSError as error:
            raise ToolError(f"{path_of(name)} cannot be written: {error.strerror}.") from None
        return f"{path_of(name)} says so from now on."

"""Tools that tell what was done for a person: sessions, and how one of them went."""

from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from bot import conversations, people
from bot.roles import Right
from bot.sessions import listing, telling
from bot.store.database import Database
from bot.store.tables import turns
from bot.tools import Context, Effect, Foreign, ToolError, tool

Limit = Annotated[int, Field(ge=1, le=50)]
Offset = Annotated[int, Field(ge=0, le=10_000)]
Number = Annotated[int, Field(ge=1, le=10**18)]


class Sessions:
    """The turns of the person on whose behalf a call is made; in a group those of the group."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @tool(Effect.READ, rare=True, doing="looking at what was done")
    def sessions_list(self, context: Context, limit: Limit = 20, offset: Offset = 0) -> str:
        """List what was done for this person, newest first: trigger, duration, steps, calls, tokens, cost, outcome."""
        with self._database.read() as tx:
            found = listing.find(tx, _mine(tx, context), limit=limit, offset=offset)
            costs = _sees_costs(tx, context)
        lines = [listing.in_a_line(one, context.now, context.zone, costs=costs) for one in found]
        return "\n".join(lines) or "There is no further one."

    @tool(Effect.READ, rare=True, doing="looking at what was done")
    def sessions_get(self, context: Context, id: Number) -> str:  # noqa: A002 - the word by which models know it
        """Tell step by step how one of them went."""
        with self._database.read() as tx:
            one = listing.get(tx, id, _mine(tx, context))
            if one is None:
                raise ToolError(f"There is no session {id} of this person here. Use sessions_list to see the numbers.")
            told, is_foreign = telling.for_butler(tx, one, context.now, context.zone, costs=_sees_costs(tx, context))
        return Foreign(told) if is_foreign else told


def _mine(tx: Connection, context: Context) -> tuple[listing.Condition, ...]:
    here = tx.scalar(listing.PLACE, {"turn": context.turn_id})
    is_group = here is not None and not conversations.get(tx, here).address.private
    return (*listing.of_person(context.person_id, here if is_group else None), turns.c.id != context.turn_id)


def _sees_costs(tx: Connection, context: Context) -> bool:
    return people.person(tx, context.person_id).may(Right.SEE_COSTS)

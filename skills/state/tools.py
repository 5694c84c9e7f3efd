"""The state tools of a butler."""

import json
from typing import Annotated

from pydantic import Field, JsonValue
from sqlalchemy import JSON, Boolean, Column, MetaData, String, Table, delete, select
from sqlalchemy.dialects.sqlite import insert

from bot.store.database import Database, Moment
from bot.tools import Context, Effect, Foreign, tool

Key = Annotated[str, Field(min_length=1, max_length=200)]

state = Table(
    "state",
    MetaData(),
    Column("key", String, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("stranger", Boolean, nullable=False),
    Column("updated_at", Moment, nullable=False),
)


class State:
    """JSON values in the butler's own store."""

    def __init__(self, store: Database) -> None:
        self._store = store

    @tool(Effect.READ)
    def state_get(self, key: Key) -> str:
        """Return the JSON value under a key, or null."""
        with self._store.read() as tx:
            row = tx.execute(select(state.c.value, state.c.stranger).where(state.c.key == key)).first()
        if row is None:
            return "null"
        text = json.dumps(row.value, ensure_ascii=False)
        return Foreign(text) if row.stranger else text

    @tool(Effect.UPSERT, own=True)
    def state_set(self, context: Context, key: Key, value: JsonValue) -> str:
        """Keep a JSON value under a key, in the place of what was there."""
        values = {"value": value, "stranger": context.stranger, "updated_at": context.now}
        with self._store.write() as tx:
            tx.execute(insert(state).values(key=key, **values).on_conflict_do_update([state.c.key], set_=values))
        return f"{key} is set."

    @tool(Effect.UPSERT, own=True)
    def state_delete(self, key: Key) -> str:
        """Remove a key; no harm when there is none."""
        with self._store.write() as tx:
            tx.execute(delete(state).where(state.c.key == key))
        return f"{key} is gone."

    @tool(Effect.READ)
    def state_list(self, prefix: str = "") -> str:
        """List the keys that begin with a prefix."""
        with self._store.read() as tx:
            keys = tx.scalars(
                select(state.c.key).where(state.c.key.startswith(prefix, autoescape=True)).order_by(state.c.key)
            ).all()
        return json.dumps(keys, ensure_ascii=False)

"""The state tools of a butler."""

import json
from typing import Annotated

from pydantic import Field, JsonValue

from bot.store.closed import NOTHING_KEPT
from bot.store.database import Database
from bot.tools import Context, Effect, Foreign, ToolError, tool
from skills.state import values

Key = Annotated[str, Field(min_length=1, max_length=200)]


class State:
    """JSON values in the butler's own store, each for the person or the group that it was kept for."""

    def __init__(self, store: Database) -> None:
        self._store = store

    @tool(Effect.READ, doing="reading notes")
    def state_get(self, context: Context, key: Key) -> str:
        """Return the JSON value under a key, or null."""
        with self._store.read() as tx:
            row = values.get(tx, context.subject, key)
        if row is None:
            return "null"
        text = json.dumps(row.value, ensure_ascii=False)
        return Foreign(text) if row.stranger else text

    @tool(Effect.UPSERT, own=True, doing="writing a note")
    def state_set(self, context: Context, key: Key, value: JsonValue) -> str:
        """Keep a JSON value under a key, in the place of what was there."""
        with self._store.write() as tx:
            kept = values.put(tx, context.subject, key, value, context.now, stranger=context.stranger)
        if not kept:
            raise ToolError(NOTHING_KEPT)
        return f"{key} is set."

    @tool(Effect.UPSERT, own=True, rare=True, doing="removing a note")
    def state_delete(self, context: Context, key: Key) -> str:
        """Remove a key; no harm when there is none."""
        with self._store.write() as tx:
            values.drop(tx, context.subject, key)
        return f"{key} is gone."

    @tool(Effect.READ, rare=True, doing="reading notes")
    def state_list(self, context: Context, prefix: str = "") -> str:
        """List the keys that begin with a prefix."""
        with self._store.read() as tx:
            return json.dumps(values.keys(tx, context.subject, prefix), ensure_ascii=False)

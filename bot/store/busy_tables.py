"""The tables of busy turns: what shows for a while in a chat, and what happened to a turn beside its messages and calls."""

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, String, Table, Text

from bot.store.database import Moment
from bot.store.tables import Id, metadata

passing = Table(
    "passing",  # messages that say what is being done, and are taken away again
    metadata,
    Column("turn_id", ForeignKey("turns.id"), nullable=False),
    Column("native_id", String, nullable=False),  # "" while it is being sent
    PrimaryKeyConstraint("turn_id", "native_id"),
)

turn_events = Table(
    "turn_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("turn_id", ForeignKey("turns.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", String, nullable=False),  # waits, goes on, worker died, stopped, interrupted, not answered
    Column("words", Text, nullable=False),
)
Index("turn_events_turn", turn_events.c.turn_id)

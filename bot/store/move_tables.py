"""The table of what butlers are to hand over or forget; it stands in the house's database beside the others."""

from sqlalchemy import JSON, Column, Index, String, Table

from bot.store.database import Moment
from bot.store.tables import Id, metadata

moves = Table(
    "moves",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subject", String, nullable=False),  # person:2
    Column("into", String),  # whose it is to be; none: it is forgotten; the subject itself: it is kept for again
    Column("calls", JSON, nullable=False),  # the keys of those whose results are forgotten with it
    Column("made_at", Moment, nullable=False),
    Column("done_at", Moment),
)
UNDONE = moves.c.done_at.is_(None)
Index("moves_undone", moves.c.id, sqlite_where=UNDONE, postgresql_where=UNDONE)

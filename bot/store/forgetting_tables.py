"""The table of what is to be forgotten; it stands in the house's database beside the others."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table

from bot.store.database import Moment
from bot.store.tables import Id, metadata

forgettings = Table(
    "forgettings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String, nullable=False, unique=True),  # of the call or the reply that asked for it: once each
    Column("subject", String, nullable=False),
    Column("butler", String),  # whose facts these are; none: everything of the subject is to go
    Column("facts", JSON, nullable=False),  # their numbers
    Column("texts", JSON, nullable=False),  # what they said; nothing any more once all is clean
    Column("turns", JSON, nullable=False),  # in which they were told
    Column("until_turn", Id, nullable=False),  # what later turns say, and what is told later, stays
    Column("until_at", Moment, nullable=False),
    Column("reply_id", ForeignKey("outbox.id")),  # which says in the end how much was cleaned
    Column("state", String, nullable=False),  # wanted, again (for what was said meanwhile), clean, done
    Column("progress", JSON, nullable=False),  # how far each table was gone through
    Column("places", Integer, nullable=False, server_default="0"),  # that were cleaned
    Column("made_at", Moment, nullable=False),
    Column("done_at", Moment),
)
UNDONE = forgettings.c.done_at.is_(None)
Index("forgettings_undone", forgettings.c.id, sqlite_where=UNDONE, postgresql_where=UNDONE)

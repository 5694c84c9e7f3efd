"""The tables of the switchboard: whom each message was given to and why, and what people set right."""

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, String, Table

from bot.store.database import Moment
from bot.store.tables import Id, metadata

decisions = Table(
    "decisions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("inbox_id", ForeignKey("inbox.id"), nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("butler", String),  # none: it is left open for a worker
    Column("by", String, nullable=False),  # named, pinned, rule, follow-up, likeness, open, asking, model, default
    Column("confidence", Float),  # how likely it is right, where that was weighed
    Column("reason", JSON, nullable=False),  # no words of anybody's
    Column("at", Moment, nullable=False),
)
Index("decisions_conversation", decisions.c.conversation_id, decisions.c.id)
Index("decisions_inbox", decisions.c.inbox_id)

corrections = Table(
    "corrections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("inbox_id", ForeignKey("inbox.id"), nullable=False, unique=True),  # its words: they are kept once
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("butler", String, nullable=False),
    Column("at", Moment, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice, so that who knows the last one knows what is new
)
Index("corrections_person", corrections.c.person_id)

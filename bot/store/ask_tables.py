"""The table of what butlers ask each other; what they say stands in the inbox and the transcripts."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, literal_column

from bot.store.database import Moment
from bot.store.tables import Id, metadata

asks = Table(
    "asks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("root_id", ForeignKey("turns.id"), nullable=False),  # the turn that began it all, and pays for it
    Column("turn_id", ForeignKey("turns.id"), nullable=False),  # that asks
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),  # where the answer is read
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("subject", String, nullable=False),  # whose memory counts
    Column("asker", String, nullable=False),
    Column("butler", String, nullable=False),
    Column("depth", Integer, nullable=False),  # 1: asked by a butler whom a person or a schedule asked
    Column("state", String, nullable=False),  # open, answered, failed, stopped
    Column("made_by", String, nullable=False, unique=True),  # the call that asked
    Column("made_at", Moment, nullable=False),
    Column("ended_at", Moment),
)
ASKED = asks.c.state == literal_column("'open'")
Index("asks_open", asks.c.conversation_id, sqlite_where=ASKED, postgresql_where=ASKED)
Index("asks_root", asks.c.root_id)
Index("asks_turn", asks.c.turn_id)

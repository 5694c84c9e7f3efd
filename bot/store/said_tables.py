"""The table of all that was said, as it is searched; it stands in the house's database beside the others."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from bot.store.database import Moment
from bot.store.tables import Id, metadata

said = Table(
    "said",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subject", String, nullable=False),  # who may find it: person:2, or group:telegram:-100
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("turn_id", ForeignKey("turns.id")),  # none: what no turn said, such as a reminder
    Column("speaker", String, nullable=False),  # person, butler, tool, house
    Column("person_id", ForeignKey("people.id")),
    Column("name", String),  # the butler's, or the tool's
    Column("origin", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("text", Text, nullable=False),
)
Index("said_subject", said.c.subject, said.c.id)
Index("said_turn", said.c.turn_id)

"""The tables of one-time codes; they stand in the house's database beside the others."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, PrimaryKeyConstraint, String, Table, literal_column

from bot.store.database import Moment
from bot.store.tables import Id, metadata

codes = Table(
    "codes",  # by which a stranger is let in, or a second chat is joined to a person
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String, nullable=False),  # pair, link
    Column("hash", String, nullable=False),  # the code itself is kept only in the words that show it
    Column("who", String, nullable=False),  # whom it was shown to: telegram:8
    Column("about", JSON, nullable=False),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),  # where it was shown
    Column("person_id", ForeignKey("people.id")),
    Column("question_id", ForeignKey("questions.id")),  # what somebody is asked about it
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("state", String, nullable=False),  # open, used, void
)
UNUSED = codes.c.state == literal_column("'open'")
Index("codes_hash", codes.c.hash)
Index("codes_open", codes.c.who, sqlite_where=UNUSED, postgresql_where=UNUSED)

tries = Table(
    "tries",  # what was typed as a code
    metadata,
    Column("who", String, nullable=False),
    Column("gesture", String, nullable=False),  # the message, so that one that comes twice is one try
    Column("is_right", Boolean, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("who", "gesture"),
)

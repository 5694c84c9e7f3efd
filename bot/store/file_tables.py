"""The tables of files; they stand in the house's database beside the others, so that every host finds their bytes."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    literal_column,
)

from bot.store.database import Moment
from bot.store.tables import Id, metadata

blobs = Table(
    "blobs",  # bytes, each once however many files hold them
    metadata,
    Column("sha256", String, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

files = Table(
    "files",  # that came with a message
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("inbox_id", ForeignKey("inbox.id"), nullable=False),
    Column("kind", String, nullable=False),  # photo, document, voice, …
    Column("name", Text, nullable=False),
    Column("media_type", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String),  # of its bytes, once they are kept
    Column("text", String),  # of its words, where it has any
    Column("length", Integer),  # characters of them
    Column("pages", Integer),
    Column("shown", JSON, nullable=False),  # what a model is shown of it: pictures, or a document
    Column("note", Text),  # what a reader should know of it, such as what was left out
    Column("state", String, nullable=False),  # wanted, kept, failed, gone
    Column("ref", JSON, nullable=False),  # how its vendor is asked for it
    Column("error", Text),  # why it failed, as its sender reads it
    Column("at", Moment, nullable=False),
)
WANTED = files.c.state == literal_column("'wanted'")
Index("files_wanted", files.c.conversation_id, sqlite_where=WANTED, postgresql_where=WANTED)
Index("files_inbox", files.c.inbox_id)
Index("files_conversation", files.c.conversation_id)

file_blobs = Table(
    "file_blobs",  # which bytes a file needs: its own, its words, and what is shown of it
    metadata,
    Column("file_id", ForeignKey("files.id"), nullable=False),
    Column("sha256", String, nullable=False),
    PrimaryKeyConstraint("file_id", "sha256"),
)
Index("file_blobs_sha256", file_blobs.c.sha256)

"""Files: their bytes, and those that come with a message."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "house_0011"
down_revision = "house_0010"

ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "files",
        sa.Column("id", ID, primary_key=True),
        sa.Column("conversation_id", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("inbox_id", ID, sa.ForeignKey("inbox.id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String()),
        sa.Column("text", sa.String()),
        sa.Column("length", sa.Integer()),
        sa.Column("pages", sa.Integer()),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ref", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("at", Moment(), nullable=False),
    )
    wanted = sa.text("state = 'wanted'")
    op.create_index("files_wanted", "files", ["conversation_id"], sqlite_where=wanted, postgresql_where=wanted)
    op.create_index("files_inbox", "files", ["inbox_id"])
    op.create_index("files_conversation", "files", ["conversation_id"])
    op.create_table(
        "file_blobs",
        sa.Column("file_id", ID, sa.ForeignKey("files.id"), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "sha256"),
    )
    op.create_index("file_blobs_sha256", "file_blobs", ["sha256"])

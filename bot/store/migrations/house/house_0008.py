"""Long conversations: what stands for the older part of one, and long results."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "house_0008"
down_revision = "house_0007"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    op.add_column("conversations", sa.Column("begun_from", ID, nullable=False, server_default="0"))
    op.add_column("conversations", sa.Column("summary_id", ID, nullable=True))
    op.execute("UPDATE conversations SET begun_from = prompt_from")
    strange = sa.text("origin = 'stranger'")
    columns = ["conversation_id", "id"]
    op.create_index("transcript_strange", "transcript", columns, sqlite_where=strange, postgresql_where=strange)
    op.create_table(
        "summaries",
        sa.Column("id", ID, primary_key=True),
        sa.Column("conversation_id", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("after_id", ID, nullable=False),
        sa.Column("until_id", ID, nullable=False),
        sa.Column("before_id", ID, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
    )
    op.create_index("summaries_conversation", "summaries", ["conversation_id", "until_id"])
    op.create_table(
        "compactions",
        sa.Column("conversation_id", ID, sa.ForeignKey("conversations.id"), primary_key=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("turn_id", ID, sa.ForeignKey("turns.id"), nullable=True),
        sa.Column("begun_at", Moment(), nullable=True),
        sa.Column("ready_id", ID, nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("asked_by", ID, sa.ForeignKey("people.id"), nullable=True),
        sa.Column("focus", sa.Text(), nullable=True),
        sa.Column("was_entries", sa.Integer(), nullable=True),
        sa.Column("was_characters", sa.Integer(), nullable=True),
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index("compactions_due", "compactions", ["due_at"], sqlite_where=due, postgresql_where=due)
    worked = sa.text("worker IS NOT NULL")
    op.create_index("compactions_worker", "compactions", ["worker"], sqlite_where=worked, postgresql_where=worked)
    op.create_table(
        "long_results",
        sa.Column("id", ID, primary_key=True),
        sa.Column("conversation_id", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("call_key", sa.String(), sa.ForeignKey("calls.key"), nullable=False, unique=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stranger", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
    )
    op.create_index("long_results_conversation", "long_results", ["conversation_id"])

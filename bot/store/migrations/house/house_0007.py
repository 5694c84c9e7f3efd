"""The switchboard's decisions, what people set right, and what butlers ask each other."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "house_0007"
down_revision = "house_0006"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    op.add_column("conversations", sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(sa.text("UPDATE conversations SET pinned = :yes WHERE butler IS NOT NULL").bindparams(yes=True))
    op.create_table(
        "decisions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("conversation_id", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("inbox_id", ID, sa.ForeignKey("inbox.id"), nullable=False),
        sa.Column("person_id", ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("butler", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
    )
    op.create_index("decisions_conversation", "decisions", ["conversation_id", "id"])
    op.create_index("decisions_inbox", "decisions", ["inbox_id"])
    op.create_table(
        "corrections",
        sa.Column("id", ID, primary_key=True),
        sa.Column("inbox_id", ID, sa.ForeignKey("inbox.id"), nullable=False, unique=True),
        sa.Column("person_id", ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("butler", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("corrections_person", "corrections", ["person_id"])
    op.add_column("inbox", sa.Column("ask_id", ID, nullable=True))
    _make_asks()


def _make_asks() -> None:
    op.create_table(
        "asks",
        sa.Column("id", ID, primary_key=True),
        sa.Column("root_id", ID, sa.ForeignKey("turns.id"), nullable=False),
        sa.Column("turn_id", ID, sa.ForeignKey("turns.id"), nullable=False),
        sa.Column("conversation_id", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("person_id", ID, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("asker", sa.String(), nullable=False),
        sa.Column("butler", sa.String(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, unique=True),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
    )
    is_open = sa.text("state = 'open'")
    op.create_index("asks_open", "asks", ["conversation_id"], sqlite_where=is_open, postgresql_where=is_open)
    op.create_index("asks_root", "asks", ["root_id"])
    op.create_index("asks_turn", "asks", ["turn_id"])

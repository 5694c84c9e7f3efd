"""Busy turns, and how their sessions are told."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "house_0010"
down_revision = "house_0009"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PASTED = sa.text("paste_id IS NOT NULL")


def upgrade() -> None:
    """Take the step."""
    op.add_column("people", sa.Column("verbose", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("inbox", sa.Column("number", sa.BigInteger(), nullable=True))
    op.add_column("inbox", sa.Column("units", sa.Integer(), nullable=True))
    op.add_column("inbox", sa.Column("paste_id", ID, nullable=True))
    op.add_column("inbox", sa.Column("held_until", Moment(), nullable=True))
    op.create_index("inbox_pasted", "inbox", ["conversation_id", "number"], sqlite_where=PASTED, postgresql_where=PASTED)
    op.add_column("turns", sa.Column("follows", ID, nullable=True))
    op.add_column("calls", sa.Column("doing", sa.String(), nullable=True))
    op.create_table(
        "passing",
        sa.Column("turn_id", ID, sa.ForeignKey("turns.id"), nullable=False),
        sa.Column("native_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", "native_id"),
    )
    op.create_table(
        "turn_events",
        sa.Column("id", ID, primary_key=True),
        sa.Column("turn_id", ID, sa.ForeignKey("turns.id"), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
    )
    op.create_index("turn_events_turn", "turn_events", ["turn_id"])

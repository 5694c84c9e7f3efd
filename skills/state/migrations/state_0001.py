"""A butler's own values, by key."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "state_0001"
down_revision = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "state",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("stranger", sa.Boolean(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
    )

"""Every butler's first table."""

import sqlalchemy as sa
from alembic import op

revision = "butler_0001"
down_revision = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "effects",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("result", sa.Text(), nullable=False),
    )

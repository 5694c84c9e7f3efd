"""Subjects for which nothing more is kept."""

import sqlalchemy as sa
from alembic import op

revision = "butler_0002"
down_revision = "butler_0001"


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "closed",
        sa.Column("subject", sa.String(), primary_key=True),
        sa.Column("into", sa.String(), nullable=True),
    )

"""Replies that carry a picture."""

import sqlalchemy as sa
from alembic import op

revision = "house_0005"
down_revision = "house_0004"


def upgrade() -> None:
    """Take the step."""
    op.add_column("outbox", sa.Column("picture", sa.JSON(), nullable=True))
    op.add_column("parts", sa.Column("picture", sa.Boolean(), nullable=False, server_default=sa.false()))

"""Files: their bytes, and those that come with a message."""

import sqlalchemy as sa
from alembic import op

revision = "house_0011"
down_revision = "house_0010"


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )

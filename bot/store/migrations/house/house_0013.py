"""Workers in several homes."""

import sqlalchemy as sa
from alembic import op

revision = "house_0013"
down_revision = "house_0012"


def upgrade() -> None:
    """Take the step."""
    op.add_column("workers", sa.Column("home", sa.String(), nullable=True))

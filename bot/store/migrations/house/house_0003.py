"""How far a chat's history has to be read."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "house_0003"
down_revision = "house_0002"


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "readings",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("channel"),
    )

"""Values belong to somebody: those kept so far to the first person, for whom the house was made."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "state_0002"
down_revision = "state_0001"


def upgrade() -> None:
    """Take the step."""
    op.rename_table("state", "state_of_all")
    op.create_table(
        "state",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("stranger", sa.Boolean(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key"),
    )
    op.execute(
        "INSERT INTO state (subject, key, value, stranger, updated_at) "
        "SELECT 'person:1', key, value, stranger, updated_at FROM state_of_all"
    )
    op.drop_table("state_of_all")

"""Facts know what they are about, how far they are to be believed, and what holds instead; their words stand in an index."""

import sqlalchemy as sa
from alembic import op

from bot.search.index import Entry
from bot.store.database import Moment
from skills.memory.facts import INDEX

revision = "memory_0002"
down_revision = "memory_0001"


def upgrade() -> None:
    """Take the step."""
    op.add_column("facts", sa.Column("about", sa.String(), nullable=False, server_default=""))
    op.add_column("facts", sa.Column("confidence", sa.String(), nullable=False, server_default="sure"))
    op.add_column("facts", sa.Column("turn_id", sa.Integer(), nullable=True))
    op.add_column("facts", sa.Column("replaced_by", sa.Integer(), nullable=True))
    op.add_column("facts", sa.Column("replaced_at", Moment(), nullable=True))
    op.execute("UPDATE facts SET confidence = 'unsure' WHERE stranger")
    tx = op.get_bind()
    if tx.dialect.name == "sqlite":
        for one in ("TRIGGER facts_told", "TRIGGER facts_forgotten", "TABLE facts_words"):
            op.execute(f"DROP {one}")
    else:
        op.execute("DROP INDEX facts_words")
    INDEX.make(tx)
    INDEX.add(tx, [Entry(*row) for row in tx.execute(sa.text("SELECT id, subject, text FROM facts"))])

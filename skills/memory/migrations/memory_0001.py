"""The facts that a butler was told, and the index that finds their words again."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "memory_0001"
down_revision = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "facts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("subject", sa.String(), nullable=False, index=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("stranger", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        _index_words()
    else:
        op.execute("CREATE INDEX facts_words ON facts USING gin (to_tsvector('simple', text))")


def _index_words() -> None:
    """Make the index, and keep it in line with the facts."""
    op.execute(
        "CREATE VIRTUAL TABLE facts_words USING fts5("
        "text, content=facts, content_rowid=id, tokenize='unicode61 remove_diacritics 2')"
    )
    op.execute(
        "CREATE TRIGGER facts_told AFTER INSERT ON facts BEGIN "
        "INSERT INTO facts_words(rowid, text) VALUES (new.id, new.text); END"
    )
    op.execute(
        "CREATE TRIGGER facts_forgotten AFTER DELETE ON facts BEGIN "
        "INSERT INTO facts_words(facts_words, rowid, text) VALUES ('delete', old.id, old.text); END"
    )

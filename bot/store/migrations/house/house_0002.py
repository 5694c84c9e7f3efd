"""People with several chats and settings of their own, and questions that are answered by a button."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "house_0002"
down_revision = "house_0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "questions",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("answer", sa.Integer(), nullable=True),
        sa.Column("answered_by", ID, nullable=True),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"]),
        sa.ForeignKeyConstraint(["answered_by"], ["people.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in ("zone", "language", "quiet", "mode", "owner_by"):
        op.add_column("people", sa.Column(name, sa.String(), nullable=True))
    # So far only the settings made somebody an owner.
    op.execute("UPDATE people SET owner_by = 'settings' WHERE role = 'owner'")
    op.add_column("identities", sa.Column("source", sa.String(), nullable=False, server_default="list"))
    for name in ("home", "short"):
        op.add_column("identities", sa.Column(name, sa.String(), nullable=True))
    op.add_column("identities", sa.Column("joined", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("identities_person", "identities", ["person_id"])
    # On Telegram the private chat with a person has the person's number.
    op.execute("UPDATE identities SET home = external_id")
    number = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(f"ALTER TABLE outbox ADD COLUMN question_id {number} REFERENCES questions (id)")
    op.add_column("outbox", sa.Column("replaces", sa.String(), nullable=True))
    op.add_column("outbox", sa.Column("hold_until", Moment(), nullable=True))
    op.create_index(
        "outbox_question",
        "outbox",
        ["question_id"],
        unique=False,
        sqlite_where=sa.text("question_id IS NOT NULL"),
        postgresql_where=sa.text("question_id IS NOT NULL"),
    )
    _make_codes()
    _make_moves()


def _make_codes() -> None:
    """Make the tables of one-time codes, and of what was typed as one."""
    op.create_table(
        "codes",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("question_id", ID, nullable=True),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"]),
        sa.ForeignKeyConstraint(["question_id"], ["questions.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("codes_hash", "codes", ["hash"])
    op.create_index(
        "codes_open",
        "codes",
        ["who"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "tries",
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("gesture", sa.String(), nullable=False),
        sa.Column("is_right", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("who", "gesture"),
    )


def _make_moves() -> None:
    """Make the table of what butlers are to hand over or forget."""
    op.create_table(
        "moves",
        sa.Column("id", ID, nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("into", sa.String(), nullable=True),
        sa.Column("calls", sa.JSON(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "moves_undone",
        "moves",
        ["id"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )

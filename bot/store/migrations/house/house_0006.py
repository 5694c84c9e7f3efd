"""Schedules, their runs, and what waits for the end of quiet hours."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "house_0006"
down_revision = "house_0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    op.add_column("inbox", sa.Column("run_id", ID, nullable=True))
    op.add_column("turns", sa.Column("run_id", ID, nullable=True))
    op.create_index(
        "turns_run",
        "turns",
        ["run_id"],
        sqlite_where=sa.text("run_id IS NOT NULL"),
        postgresql_where=sa.text("run_id IS NOT NULL"),
    )
    op.add_column("people", sa.Column("allowance", sa.Integer(), nullable=True))
    op.add_column("outbox", sa.Column("aside", sa.String(), nullable=True))
    op.create_index(
        "outbox_aside",
        "outbox",
        ["conversation_id"],
        sqlite_where=sa.text("aside IS NOT NULL"),
        postgresql_where=sa.text("aside IS NOT NULL"),
    )
    op.create_index(
        "questions_unanswered",
        "questions",
        ["expires_at"],
        sqlite_where=sa.text("answered_at IS NULL"),
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    _make_schedules()
    _make_runs()
    _make_held()
    op.create_table(
        "beats",
        sa.Column("butler", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("butler"),
    )


def _make_schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", ID, primary_key=True),
        sa.Column("butler", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("person_id", ID, sa.ForeignKey("people.id"), nullable=True),
        sa.Column("conversation_id", ID, sa.ForeignKey("conversations.id"), nullable=True),
        sa.Column("place_id", ID, sa.ForeignKey("conversations.id"), nullable=True),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("follows", sa.Boolean(), nullable=False),
        sa.Column("anchor", Moment(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("prompt_file", sa.String(), nullable=True),
        sa.Column("check", sa.JSON(), nullable=True),
        sa.Column("cursor", sa.JSON(), nullable=True),
        sa.Column("silent", sa.Boolean(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("exact", sa.Boolean(), nullable=False),
        sa.Column("catch_up", sa.String(), nullable=False),
        sa.Column("until", Moment(), nullable=True),
        sa.Column("max_cost", sa.BigInteger(), nullable=True),
        sa.Column("max_cost_month", sa.BigInteger(), nullable=True),
        sa.Column("root_id", ID, nullable=True),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("off_by", sa.String(), nullable=True),
        sa.Column("next_at", Moment(), nullable=True),
        sa.Column("fire_at", Moment(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=True, unique=True),
    )
    op.create_index(
        "schedules_due", "schedules", ["fire_at"], sqlite_where=sa.text("is_on IS 1"), postgresql_where=sa.text("is_on IS true")
    )
    op.create_index("schedules_name", "schedules", ["butler", "name"])
    op.create_index("schedules_person", "schedules", ["person_id", "next_at"])
    op.create_index("schedules_place", "schedules", ["place_id"])


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", ID, primary_key=True),
        sa.Column("schedule_id", ID, sa.ForeignKey("schedules.id"), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("through", Moment(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("tainted", sa.Boolean(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("retry_at", Moment(), nullable=True),
        sa.Column("fired_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("reply_id", ID, nullable=True),
        sa.Column("told", sa.String(), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=True),
        sa.UniqueConstraint("schedule_id", "due_at"),
    )
    open_states = "state IN ('checking', 'waiting', 'running', 'retrying')"
    op.create_index(
        "runs_checking",
        "runs",
        ["id"],
        sqlite_where=sa.text("state = 'checking'"),
        postgresql_where=sa.text("state = 'checking'"),
    )
    op.create_index(
        "runs_retrying",
        "runs",
        ["retry_at"],
        sqlite_where=sa.text("state = 'retrying'"),
        postgresql_where=sa.text("state = 'retrying'"),
    )
    op.create_index(
        "runs_open", "runs", ["schedule_id"], sqlite_where=sa.text(open_states), postgresql_where=sa.text(open_states)
    )
    op.create_index("runs_fired", "runs", ["fired_at"])


def _make_held() -> None:
    """Make the table of what waits for the end of quiet hours, and put into it what the outbox held back so far."""
    op.create_table(
        "held",
        sa.Column("id", ID, primary_key=True),
        sa.Column("conversation_id", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("person_id", ID, sa.ForeignKey("people.id"), nullable=True),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(), nullable=True),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("at", Moment(), nullable=False),
    )
    op.create_index("held_until", "held", ["until"])
    waits = "state = 'pending' AND hold_until IS NOT NULL"
    # Quiet hours are those of whose chat it is: a change of them, or of who they are in the house, concerns it too.
    whose = (
        "SELECT min(person_id) FROM identities JOIN conversations "
        "ON conversations.channel = identities.channel AND conversations.chat = identities.home "
        "WHERE conversations.id = outbox.conversation_id"
    )
    op.execute(
        "INSERT INTO held (conversation_id, person_id, until, title, text, at) "  # noqa: S608 - no value of anybody's
        f"SELECT conversation_id, ({whose}), hold_until, 'The house', text, created_at FROM outbox WHERE {waits} ORDER BY id"
    )
    op.execute(f"UPDATE outbox SET state = 'withdrawn' WHERE {waits}")  # noqa: S608
    op.drop_column("outbox", "hold_until")

"""Many keys of many providers, and budgets for whoever spends."""

import sqlalchemy as sa
from alembic import op

from bot.store.database import Moment

revision = "house_0004"
down_revision = "house_0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take the step."""
    for name in ("held_tokens", "spent_tokens", "unreported"):
        op.add_column("budgets", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    for name in ("told_usd", "told_tokens"):
        op.add_column("budgets", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("turns", sa.Column("root_id", ID, nullable=True))
    op.add_column("turns", sa.Column("job", sa.String(), nullable=True))
    op.add_column("reservations", sa.Column("provider", sa.String(), nullable=False, server_default="anthropic"))
    op.add_column("reservations", sa.Column("scopes", sa.Text(), nullable=False, server_default="\nhouse\n"))
    for name in ("tokens", "size", "said", "forms", "head"):
        op.add_column("reservations", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("ledger", sa.Column("tokens", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE ledger SET tokens = input + output + cache_write")
    op.create_index("ledger_key", "ledger", ["key_id", "id"])
    op.create_index("budgets_period", "budgets", ["period", "scope"])
    op.create_index("turns_conversation", "turns", ["conversation_id", "id"])
    _carry_over()
    _make_caps()
    _make_keys()


def _carry_over() -> None:
    """Let what was spent so far stand in the books of months, butlers and people too."""
    line = "char(10)" if op.get_bind().dialect.name == "sqlite" else "chr(10)"
    op.execute(
        f"UPDATE reservations SET scopes = (SELECT {line} || 'house' || {line} || 'butler:' || t.butler || {line} || "  # noqa: S608
        f"'person:' || t.person_id || {line} FROM turns t WHERE t.id = reservations.turn_id)"
    )
    op.execute("DELETE FROM budgets")  # the house's days, which the statement below makes anew beside the others'
    for whose in ("'house'", "'person:' || t.person_id", "'butler:' || t.butler"):
        op.execute(
            f"INSERT INTO budgets (scope, period, held, spent, spent_tokens, unreported) SELECT {whose}, r.period, "  # noqa: S608
            "sum(CASE WHEN r.state = 'held' THEN r.upper ELSE 0 END), sum(coalesce(l.cost, 0)), sum(coalesce(l.tokens, 0)), "
            "sum(CASE WHEN l.reported THEN 0 ELSE coalesce(l.cost, 0) END) "
            "FROM reservations r JOIN turns t ON t.id = r.turn_id LEFT JOIN ledger l ON l.reservation_id = r.id GROUP BY 1, 2"
        )
    op.execute(
        "INSERT INTO budgets (scope, period, held, spent, spent_tokens, unreported) SELECT scope, "
        "'month:' || substr(period, 5, 7), sum(held), sum(spent), sum(spent_tokens), sum(unreported) FROM budgets GROUP BY 1, 2"
    )


def _make_caps() -> None:
    op.create_table(
        "caps",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "period", "unit"),
    )
    op.create_table(
        "choices",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _make_keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=True),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("free", sa.BigInteger(), nullable=False),
        sa.Column("is_set", sa.Boolean(), nullable=False),
        sa.Column("probe_asked", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("probe_for", ID, nullable=True),
        sa.ForeignKeyConstraint(["probe_for"], ["conversations.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "keys_free",
        "keys",
        ["provider", sa.text("free DESC"), "position"],
        sqlite_where=sa.text("is_set"),
        postgresql_where=sa.text("is_set"),
    )
    op.create_table(
        "rests",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("until", Moment(), nullable=True),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("probe_id", ID, nullable=True),
        sa.PrimaryKeyConstraint("subject", "model"),
    )
    op.create_table(
        "sessions",
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=False),
        sa.Column("wanted_key", sa.String(), nullable=True),
        sa.Column("leave", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
        sa.PrimaryKeyConstraint("conversation_id"),
    )
    op.create_table(
        "key_history",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("to_key", sa.String(), nullable=True),
        sa.Column("conversation_id", ID, nullable=True),
        sa.Column("turn_id", ID, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("key_history_conversation", "key_history", ["conversation_id"])

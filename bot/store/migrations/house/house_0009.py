"""The index of all that was said, and what of it is to be forgotten."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from bot.search import history
from bot.search.index import Entry
from bot.store.database import Moment

revision = "house_0009"
down_revision = "house_0008"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MANY = 500  # rows that are read and written together


def upgrade() -> None:
    """Take the step, and let be found what was said before it."""
    said = op.create_table(
        "said",
        sa.Column("id", ID, primary_key=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=True),
        sa.Column("speaker", sa.String(), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"]),
    )
    op.create_index("said_subject", "said", ["subject", "id"])
    op.create_index("said_turn", "said", ["turn_id"])
    history.INDEX.make(op.get_bind())
    _make_forgettings()
    _carry_over(op.get_bind(), said)


def _make_forgettings() -> None:
    undone = sa.text("done_at IS NULL")
    op.create_table(
        "forgettings",
        sa.Column("id", ID, primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("butler", sa.String(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("turns", sa.JSON(), nullable=False),
        sa.Column("until_turn", ID, nullable=False),
        sa.Column("until_at", Moment(), nullable=False),
        sa.Column("reply_id", ID, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["reply_id"], ["outbox.id"]),
    )
    op.create_index("forgettings_undone", "forgettings", ["id"], sqlite_where=undone, postgresql_where=undone)


def _carry_over(tx: sa.Connection, said: sa.Table) -> None:
    """Keep what was said, in the order in which it was."""
    last = 0
    strange: set[int] = set()  # conversations in which a stranger's words stand, that butlers may have said again
    while rows := tx.execute(_ENTRIES, {"last": last, "many": MANY}).all():
        last = rows[-1].id
        found = [values for row in rows for values in _found(tx, row, strange)]
        if found:
            numbers = tx.execute(sa.insert(said).returning(said.c.id, sort_by_parameter_order=True), found).scalars().all()
            entries = (Entry(number, values["subject"], values["text"]) for number, values in zip(numbers, found, strict=True))
            history.INDEX.add(tx, entries)


def _found(tx: sa.Connection, row: sa.Row[Any], strange: set[int]) -> Iterator[dict[str, Any]]:
    """Give what an entry of a transcript says, with whose it is to find."""
    subject = f"person:{row.person_id}" if row.private else f"group:{row.channel}:{row.chat}"
    where = {"subject": subject, "conversation_id": row.conversation_id, "turn_id": row.turn_id, "at": row.at}
    content = json.loads(row.content)
    if row.origin == "stranger":
        strange.add(row.conversation_id)
    origin = "stranger" if row.role == "butler" and row.conversation_id in strange else row.origin
    if row.role == "butler":
        words = "".join(block["text"] for block in content if block["type"] == "text")
        said = [{"speaker": "butler", "name": row.butler, "person_id": None, "text": words}]
    else:
        has_results = any(block["type"] == "result" for block in content)
        tools = {call.call_id: call.tool for call in tx.execute(_TOOLS, {"turn": row.turn_id})} if has_results else {}
        said = [_heard(row, block, tools) for block in content if block["type"] in {"text", "result"}]
    for one in said:
        for piece in history.pieces(one["text"]):
            yield {**where, "origin": origin, **one, "text": piece}


def _heard(row: sa.Row[Any], block: dict[str, Any], tools: dict[str, str]) -> dict[str, Any]:
    """Return what a person wrote, without the line in which the house says who did, or what a tool gave."""
    if block["type"] == "result":
        tool = tools.get(block["call_id"], "a tool")
        return {"speaker": "tool", "name": tool, "person_id": None, "text": "" if tool in history.ECHOES else block["text"]}
    first, _, rest = block["text"].partition("\n")
    if first.startswith("[the house"):
        told = rest.removeprefix("<told>\n").removesuffix("\n</told>") if rest.startswith("<told>") else ""
        return {"speaker": "house", "name": None, "person_id": None, "text": told}
    return {
        "speaker": "person",
        "name": None,
        "person_id": row.person_id,
        "text": rest if first.startswith("[") else block["text"],
    }


_ENTRIES = sa.text(
    "SELECT t.id, t.conversation_id, t.turn_id, t.role, CAST(t.content AS VARCHAR) AS content, t.origin, t.at, "
    "u.person_id, u.butler, c.channel, c.chat, c.private FROM transcript t JOIN turns u ON u.id = t.turn_id "
    "JOIN conversations c ON c.id = t.conversation_id WHERE t.id > :last AND NOT t.withdrawn ORDER BY t.id LIMIT :many"
).columns(at=Moment())
_TOOLS = sa.text("SELECT call_id, tool FROM calls WHERE turn_id = :turn")

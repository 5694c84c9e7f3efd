"""Files that go out with a reply."""

import sqlalchemy as sa
from alembic import op

revision = "house_0012"
down_revision = "house_0011"


def upgrade() -> None:
    """Let a reply carry a file as it carried a picture, be written once by a call, and wait for the end of quiet hours."""
    op.execute("ALTER TABLE outbox RENAME COLUMN picture TO enclosure")
    op.execute("ALTER TABLE parts RENAME COLUMN picture TO enclosed")
    op.add_column("outbox", sa.Column("made_by", sa.String(), nullable=True))
    by_a_call = sa.text("made_by IS NOT NULL")
    for name, column, is_unique in (("outbox_made_by", "made_by", True), ("outbox_sent_in", "turn_id", False)):
        op.create_index(name, "outbox", [column], unique=is_unique, sqlite_where=by_a_call, postgresql_where=by_a_call)
    op.add_column("held", sa.Column("enclosure", sa.JSON(), nullable=True))
    op.add_column("held", sa.Column("made_by", sa.String(), nullable=True))
    _name_sources()


def _name_sources() -> None:
    """Let the pictures that were not sent yet say where their bytes come from."""
    parts = sa.table("parts", sa.column("reply_id"), sa.column("position"), sa.column("payload", sa.JSON()), sa.column("state"))
    waiting = sa.select(parts).where(sa.column("enclosed", sa.Boolean()).is_(True), parts.c.state != "sent")
    for row in op.get_bind().execute(waiting).all():
        payload = {name: value for name, value in row.payload.items() if name not in ("chart", "file")}
        payload["source"] = {"draw": row.payload.get("chart")}
        if "file" in row.payload:
            payload["name"] = row.payload["file"]
        here = (parts.c.reply_id == row.reply_id, parts.c.position == row.position)
        op.execute(sa.update(parts).where(*here).values(payload=payload))

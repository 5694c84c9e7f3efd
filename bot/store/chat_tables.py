"""The table of what a chat still has to read of its vendor's history."""

from sqlalchemy import Column, String, Table

from bot.store.database import Moment
from bot.store.tables import metadata

readings = Table(
    "readings",  # a row only while something may have been missed
    metadata,
    Column("channel", String, primary_key=True),
    Column("since", Moment, nullable=False),
)

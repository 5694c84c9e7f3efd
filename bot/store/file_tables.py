"""The tables of files; they stand in the house's database beside the others, so that every host finds their bytes."""

from sqlalchemy import Column, LargeBinary, String, Table

from bot.store.tables import metadata

blobs = Table(
    "blobs",  # bytes, each once however many files hold them
    metadata,
    Column("sha256", String, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

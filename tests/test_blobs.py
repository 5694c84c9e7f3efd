"""Blobs: bytes are kept once, and found by what they are."""

import pytest

from bot import blobs
from bot.store.database import Database
from bot.store.file_tables import blobs as table

pytestmark = pytest.mark.both_stores


def test_bytes_are_kept_once(database: Database) -> None:
    """The same bytes twice are one row, and come back as they were."""
    with database.write() as tx:
        name = blobs.keep(tx, b"\x00\xffa picture")
        assert blobs.keep(tx, b"\x00\xffa picture") == name
        assert len(tx.execute(table.select()).all()) == 1
        assert blobs.read(tx, name) == b"\x00\xffa picture"


def test_bytes_that_are_gone_are_said_to_be(database: Database) -> None:
    """Whoever asks for bytes that nobody kept hears so."""
    with database.read() as tx, pytest.raises(LookupError, match="not kept"):
        blobs.read(tx, "0" * 64)

"""Blobs: the bytes of files, kept in the house's database by what they are."""

from hashlib import sha256

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from bot.store.file_tables import blobs


def keep(tx: Connection, content: bytes) -> str:
    """Keep bytes, unless they are kept already, and return their SHA-256 in hexadecimal."""
    name = sha256(content).hexdigest()
    tx.execute(insert(blobs).values(sha256=name, data=content).on_conflict_do_nothing())
    return name


def find(tx: Connection, name: str) -> bytes | None:
    """Return the bytes with this SHA-256, unless there are none any more."""
    found = tx.scalar(select(blobs.c.data).where(blobs.c.sha256 == name))
    return None if found is None else bytes(found)


def read(tx: Connection, name: str) -> bytes:
    """Return the bytes with this SHA-256. Raises LookupError when there are none any more."""
    found = find(tx, name)
    if found is None:
        raise LookupError(f"the bytes {name} are not kept")
    return found

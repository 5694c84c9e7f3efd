"""What becomes of files after a while: their bytes go, when nobody needs them any more."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update

from bot.store.file_tables import blobs, file_blobs, files

KEPT_FOR = timedelta(days=90)
MOST_AT_ONCE = 200


def is_due(tx: Connection, now: datetime) -> bool:
    """Tell whether there are files that were sent long ago."""
    return tx.scalar(select(files.c.id).where(*_old(now)).limit(1)) is not None


def _old(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return files.c.state == "kept", files.c.at < now - KEPT_FOR


def expire(tx: Connection, now: datetime) -> int:
    """Let the bytes of files go that were sent long ago; what they were and when stays. Return how many there were."""
    ids = list(tx.scalars(select(files.c.id).where(*_old(now)).limit(MOST_AT_ONCE)))
    if ids:
        gone: dict[str, Any] = {"state": "gone", "sha256": None, "text": None, "length": None, "shown": [], "ref": {"id": ""}}
        tx.execute(update(files).where(files.c.id.in_(ids)).values(gone))
        _release(tx, ids)
    return len(ids)


def forget(tx: Connection, conversation_ids: Collection[int]) -> None:
    """Delete the files that were sent in these conversations, and their bytes where nobody else needs them."""
    ids = list(tx.scalars(select(files.c.id).where(files.c.conversation_id.in_(conversation_ids))))
    _release(tx, ids)
    tx.execute(delete(files).where(files.c.id.in_(ids)))


def _release(tx: Connection, file_ids: Sequence[int]) -> None:
    of_these = file_blobs.c.file_id.in_(file_ids)
    freed = list(tx.scalars(select(file_blobs.c.sha256).where(of_these)))
    tx.execute(delete(file_blobs).where(of_these))
    still = set(tx.scalars(select(file_blobs.c.sha256).where(file_blobs.c.sha256.in_(freed))))
    tx.execute(delete(blobs).where(blobs.c.sha256.in_(set(freed) - still)))

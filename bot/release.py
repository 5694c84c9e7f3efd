"""What becomes of files after a while: their bytes go, when nobody needs them any more."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, Table, cast, delete, null, select, update

from bot.store.file_tables import blobs, file_blobs, files
from bot.store.schedule_tables import held
from bot.store.tables import outbox

KEPT_FOR = timedelta(days=90)
MOST_AT_ONCE = 200
KEPT = "kept"  # the state of a file whose bytes there are
SENDERS = (outbox, held)  # whose rows may be a file that a butler sends


def is_due(tx: Connection, now: datetime) -> bool:
    """Tell whether there are files that were sent long ago."""
    return any(tx.scalar(select(table.c.id).where(*old).limit(1)) is not None for table, old in _old(now).items())


def _old(now: datetime) -> dict[Table, tuple[ColumnElement[bool], ...]]:
    """Return which files are too old: those of people, and those of butlers."""
    limit = now - KEPT_FOR
    return {
        files: (files.c.state == KEPT, files.c.at < limit),
        outbox: (*is_file(outbox), outbox.c.state != "pending", outbox.c.created_at < limit),
    }


def is_file(table: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions for rows that are files."""
    return table.c.made_by.is_not(None), table.c.enclosure.is_not(None)


def expire(tx: Connection, now: datetime) -> int:
    """Let the bytes of files go that were sent long ago; what they were and when stays. Return how many there were."""
    old = _old(now)
    ids = list(tx.scalars(select(files.c.id).where(*old[files]).limit(MOST_AT_ONCE)))
    let_go(tx, ids)
    sent = list(tx.scalars(select(outbox.c.id).where(*old[outbox]).limit(MOST_AT_ONCE)))
    take_out(tx, outbox, outbox.c.id.in_(sent))
    return len(ids) + len(sent)


def let_go(tx: Connection, file_ids: Sequence[int], why: str | None = None) -> None:
    """Let the bytes and the words of files go; `why` goes on after the name of one that somebody asks for."""
    if file_ids:
        gone: dict[str, Any] = {"state": "gone", "sha256": None, "text": None, "length": None, "shown": [], "ref": {"id": ""}}
        tx.execute(update(files).where(files.c.id.in_(file_ids)).values(**gone, error=why))
        _release(tx, file_ids)


def forget(tx: Connection, conversation_ids: Collection[int]) -> None:
    """Delete the files of these conversations, people's and butlers', and their bytes where nobody else needs them."""
    ids = list(tx.scalars(select(files.c.id).where(files.c.conversation_id.in_(conversation_ids))))
    _release(tx, ids)
    tx.execute(delete(files).where(files.c.id.in_(ids)))
    for table in SENDERS:
        take_out(tx, table, table.c.conversation_id.in_(conversation_ids))


def _release(tx: Connection, file_ids: Sequence[int]) -> None:
    of_these = file_blobs.c.file_id.in_(file_ids)
    freed = list(tx.scalars(select(file_blobs.c.sha256).where(of_these)))
    tx.execute(delete(file_blobs).where(of_these))
    _drop_unused(tx, freed)


def take_out(tx: Connection, table: Table, which: ColumnElement[bool]) -> None:
    """Let rows that are files be none any more."""
    mine = (*is_file(table), which)
    freed = [one.get(name) for one in tx.scalars(select(table.c.enclosure).where(*mine)) for name in ("sha256", "text")]
    tx.execute(update(table).where(*mine).values(enclosure=null()))
    _drop_unused(tx, filter(None, freed))


def _drop_unused(tx: Connection, freed: Iterable[str]) -> None:
    """Delete bytes that nobody sent and nobody is sent any more."""
    names = set(freed)
    received = set(tx.scalars(select(file_blobs.c.sha256).where(file_blobs.c.sha256.in_(names))))
    unused = {one for one in names - received if not _is_sent(tx, one)}
    tx.execute(delete(blobs).where(blobs.c.sha256.in_(unused)))


def _is_sent(tx: Connection, sha256: str) -> bool:
    """Tell whether a butler sent the same bytes elsewhere, or is going to."""
    return any(
        tx.scalar(select(table.c.id).where(*is_file(table), cast(table.c.enclosure, String).contains(sha256)).limit(1))
        is not None
        for table in SENDERS
    )

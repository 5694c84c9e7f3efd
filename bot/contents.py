"""Contents: the bytes of what a chat sends beside words, drawn, written or read right before."""

from bot import blobs
from bot.errors import BadFormat
from bot.pictures import draw
from bot.ports import Json
from bot.store.async_database import AsyncDatabase
from bot.tables import Table

SOURCE = "source"  # the key of a payload that says where its bytes come from, by one of these:
DRAWN, KEPT, WRITTEN = "draw", "blob", "csv"


def drawn(drawing: Json) -> Json:
    """Return the source of a picture that is still to be drawn."""
    return {DRAWN: drawing}


def kept(sha256: str) -> Json:
    """Return the source of a file whose bytes are kept."""
    return {KEPT: sha256}


def written(table: Table) -> Json:
    """Return the source of a table as a file of comma-separated values."""
    return {WRITTEN: table.model_dump(mode="json")}


async def content_of(payload: Json, database: AsyncDatabase) -> bytes | None:
    """Return the bytes that a payload is sent with, if it is. Raises BadFormat, so that it is sent in words."""
    source: Json | None = payload.get(SOURCE)
    if source is None:
        return None
    if DRAWN in source:
        return await draw(source[DRAWN])
    if WRITTEN in source:
        return Table.model_validate(source[WRITTEN]).csv
    name = source[KEPT]
    try:
        return await database.read(lambda tx: blobs.read(tx, name))
    except LookupError as error:
        raise BadFormat(str(error)) from error

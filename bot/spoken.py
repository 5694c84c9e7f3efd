"""Speech in messages: which is still to be heard, what was heard, and how that is shown to who spoke."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bot import blobs
from bot.messages import SPEECH
from bot.names import plain
from bot.store.file_tables import files
from bot.store.tables import inbox

LONGEST_QUOTE = 140  # characters of what was heard that stand above an answer
_OF_TURN = (inbox.c.turn_id == bindparam("turn"), files.c.kind.in_(SPEECH))
_UNHEARD = (
    select(files.c.id, files.c.sha256, inbox.c.person_id, inbox.c.origin, inbox.c.sent_at)
    .join(inbox, inbox.c.id == files.c.inbox_id)
    .where(*_OF_TURN, files.c.state == "kept", files.c.length.is_(None))
    .order_by(files.c.id)
)
_HEARD = (
    select(files.c.text)
    .join(inbox, inbox.c.id == files.c.inbox_id)
    .where(*_OF_TURN, files.c.length > 0, files.c.text.is_not(None))
    .order_by(files.c.id)
)


def unheard(tx: Connection, turn_id: int) -> Sequence[Any]:
    """Return the recordings of a turn's messages to which nobody has listened, as rows."""
    return tx.execute(_UNHEARD, {"turn": turn_id}).all()


def quotes(tx: Connection, turn_id: int) -> str:
    """Return how speech was heard, as the beginning of the answer to it; nothing where none was."""
    heard = [blobs.read(tx, text).decode() for text in tx.scalars(_HEARD, {"turn": turn_id}).all()]
    return "".join(f"> 🎙 {_beginning(words)}\n\n" for words in heard)


def _beginning(words: str) -> str:
    line = " ".join(words.split())
    if len(line) <= LONGEST_QUOTE:
        return plain(line)
    short = line[:LONGEST_QUOTE]
    return f"{plain(short.rpartition(' ')[0] or short)} …"

"""Speech in messages: which is still to be heard, what was heard, and how that is shown to who spoke."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, select, update

from bot import blobs
from bot.messages import SPEECH
from bot.names import plain
from bot.store.file_tables import files
from bot.store.tables import inbox

LONGEST_QUOTE = 140  # characters of what was heard that stand above an answer
_OF_TURN = (inbox.c.turn_id == bindparam("turn"), files.c.kind.in_(SPEECH))
_UNHEARD = (
    select(files.c.id, files.c.sha256, files.c.inbox_id, inbox.c.butler, inbox.c.person_id, inbox.c.origin, inbox.c.sent_at)
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


_OF_MESSAGE = (
    select(files.c.text)
    .where(files.c.inbox_id == bindparam("message"), files.c.kind.in_(SPEECH), files.c.length > 0, files.c.text.is_not(None))
    .order_by(files.c.id)
)
_ADD = (
    update(inbox)
    .where(inbox.c.id == bindparam("message"))
    .values(text=case((inbox.c.text == "", bindparam("words")), else_=inbox.c.text + "\n" + bindparam("words")))
)


def unheard(tx: Connection, turn_id: int) -> Sequence[Any]:
    """Return the recordings of a turn's messages to which nobody has listened, as rows."""
    return tx.execute(_UNHEARD, {"turn": turn_id}).all()


def quotes(tx: Connection, turn_id: int) -> str:
    """Return how speech was heard, as the beginning of the answer to it; nothing where none was."""
    heard = _words(tx, tx.scalars(_HEARD, {"turn": turn_id}).all())
    return "".join(f"> 🎙 {_beginning(words)}\n\n" for words in heard)


def add_to_message(tx: Connection, inbox_id: int, words: str) -> None:
    """Let what was heard in a message be its words, as if it had been written: by these it is placed, found and learnt from."""
    if words:
        tx.execute(_ADD, {"message": inbox_id, "words": words})


def with_heard(tx: Connection, inbox_id: int, text: str) -> str:
    """Return an edited text of a message with what was heard in that, which no edit changes."""
    return "\n".join(filter(None, [text, *_words(tx, tx.scalars(_OF_MESSAGE, {"message": inbox_id}).all())]))


def _words(tx: Connection, texts: Sequence[str]) -> list[str]:
    return [blobs.read(tx, text).decode() for text in texts]


def _beginning(words: str) -> str:
    line = " ".join(words.split())
    if len(line) <= LONGEST_QUOTE:
        return plain(line)
    short = line[:LONGEST_QUOTE]
    return f"{plain(short.rpartition(' ')[0] or short)} …"

"""Files that come with messages: what is wanted of them, what was kept, and what is said of those that could not be."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_once

from bot import attachments, blobs, conversations, outbox
from bot.conversion import Reading
from bot.converting.results import Picture
from bot.messages import FileKind, IncomingMessage, ReplyKind
from bot.ports import CONTENT, Content, Document, Image
from bot.redaction import Redactor
from bot.store.file_tables import WANTED, file_blobs, files
from bot.store.tables import conversations as places
from bot.store.tables import inbox, turns

_OF_MESSAGES = (
    select(files).where(files.c.inbox_id.in_(bindparam("messages", expanding=True))).order_by(files.c.inbox_id, files.c.id)
)


@dataclass(frozen=True)
class File:
    """A file that came with a message."""

    id: int
    conversation_id: int
    inbox_id: int
    kind: FileKind
    name: str
    media_type: str
    size: int
    sha256: str | None
    text: str | None
    length: int | None
    pages: int | None
    shown: Content
    note: str
    state: str
    ref: Mapping[str, str]
    error: str | None
    at: datetime

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return attachments.title(self.kind, self.name)


def want(tx: Connection, conversation_id: int, inbox_id: int, message: IncomingMessage, now: datetime) -> None:
    """Note the files of a message; one that an edit brings again is known already."""
    known = _refs(tx, conversation_id)
    others = 0
    for one in message.attachments:
        if _same(one.ref) in known and (message.is_edit or one.is_quoted):
            continue
        others += 1
        error = attachments.refusal(one, others)
        tx.execute(
            insert(files).values(
                conversation_id=conversation_id,
                inbox_id=inbox_id,
                kind=one.kind,
                name=attachments.file_name(one.name),
                media_type=one.media_type[:100],
                size=min(one.size, 2**62),
                shown=[],
                state="wanted" if error is None else "failed",
                ref={**one.ref, **({"album": one.album} if one.album else {})},
                error=error,
                at=now,
            )
        )


def _refs(tx: Connection, conversation_id: int) -> set[str]:
    rows = tx.scalars(select(files.c.ref).where(files.c.conversation_id == conversation_id, files.c.state != "failed"))
    return {_same(ref) for ref in rows}


def _same(ref: Mapping[str, str]) -> str:
    """Return what is the same whenever a vendor tells of a file."""
    return ref.get("unique") or ref["id"]


def wanted(tx: Connection, channels: Sequence[str]) -> list[tuple[str, File]]:
    """Return the files that are still to be fetched from these channels, each with its channel."""
    rows = tx.execute(
        select(files, places.c.channel)
        .join(places, places.c.id == files.c.conversation_id)
        .where(WANTED, places.c.channel.in_(channels))
        .order_by(files.c.id)
    )
    return [(row.channel, _file(row)) for row in rows]


def of_messages(tx: Connection, inbox_ids: Sequence[int]) -> dict[int, list[File]]:
    """Return the files that came with messages, by message."""
    found: dict[int, list[File]] = defaultdict(list)
    for row in tx.execute(_OF_MESSAGES, {"messages": inbox_ids}):
        found[row.inbox_id].append(_file(row))
    return found


def visible(tx: Connection, turn_id: int, person_id: int, file_id: int) -> File | None:
    """Return a file with this number, if who is served in a turn may see it."""
    row = tx.execute(select(files).where(files.c.id == file_id, _may_be_seen(turn_id, person_id))).first()
    return None if row is None else _file(row)


def lately(tx: Connection, turn_id: int, person_id: int, most: int) -> list[File]:
    """Return the newest files that who is served in a turn may see."""
    rows = tx.execute(select(files).where(_may_be_seen(turn_id, person_id)).order_by(files.c.id.desc()).limit(most))
    return [_file(row) for row in rows]


def _may_be_seen(turn_id: int, person_id: int) -> ColumnElement[bool]:
    """A file is seen where it was sent; in private, what a person sent in any private chat of theirs."""
    here = select(turns.c.conversation_id).where(turns.c.id == turn_id).scalar_subquery()
    private = select(places.c.id).where(places.c.private.is_(True))
    theirs = select(inbox.c.id).where(inbox.c.person_id == person_id)
    own = and_(here.in_(private), files.c.inbox_id.in_(theirs), files.c.conversation_id.in_(private))
    return or_(files.c.conversation_id == here, own)


def add_pictures(tx: Connection, file: File, drawn: Sequence[tuple[Picture, bytes]]) -> tuple[Image, ...]:
    """Keep more pictures of a file, such as pages that were not shown before; none where it went meanwhile."""
    if tx.scalar(select(files.c.state).where(files.c.id == file.id)) != "kept":
        return ()
    made = tuple(_image(tx, *one) for one in drawn)
    _note_blobs(tx, file.id, (one.sha256 for one in made))
    return made


def keep(tx: Connection, file: File, content: bytes, reading: Reading, redactor: Redactor) -> None:
    """Keep a file's bytes and what was read in it; nothing where that was forgotten meanwhile."""
    if not _is_wanted(tx, file.id):
        return
    converted, text = reading.converted, redactor.clean(reading.text)
    sha256 = blobs.keep(tx, content)
    words = blobs.keep(tx, text.encode()) if text else None
    shown: list[Image | Document] = [_image(tx, *one) for one in reading.pictures]
    if converted.is_document and words is not None:
        size, length = len(content), len(text.encode())
        name, pages = file.name or "document.pdf", converted.pages or 1
        shown.append(Document(sha256=sha256, size=size, name=name, pages=pages, text=words, length=length))
    _note_blobs(tx, file.id, (sha256, *filter(None, [words]), *(block.sha256 for block in shown)))
    tx.execute(
        update(files)
        .where(files.c.id == file.id)
        .values(
            state="kept",
            sha256=sha256,
            size=len(content),
            media_type=converted.media_type or file.media_type,
            text=words,
            length=len(text) if words else None,
            pages=converted.pages,
            shown=CONTENT.dump_python(tuple(shown), mode="json"),
            note=converted.note or None,
            error=None,
        )
    )


def _note_blobs(tx: Connection, file_id: int, needed: Iterable[str]) -> None:
    for one in set(needed):
        tx.execute(insert_once(file_blobs).values(file_id=file_id, sha256=one).on_conflict_do_nothing())


def _image(tx: Connection, picture: Picture, drawn: bytes) -> Image:
    told = {"media_type": picture.media_type, "size": len(drawn), "width": picture.width, "height": picture.height}
    return Image.model_validate({**told, "sha256": blobs.keep(tx, drawn)})


def fail(tx: Connection, file: File, sentence: str) -> None:
    """Note that a file cannot be had or read; the sentence goes on after its name."""
    if _is_wanted(tx, file.id):
        tx.execute(update(files).where(files.c.id == file.id).values(state="failed", error=sentence))


def note_words(tx: Connection, file_id: int, words: str) -> None:
    """Note what was heard in a file."""
    kept = blobs.keep(tx, words.encode()) if words else None
    if kept is not None:
        tx.execute(insert_once(file_blobs).values(file_id=file_id, sha256=kept).on_conflict_do_nothing())
    tx.execute(update(files).where(files.c.id == file_id).values(text=kept, length=len(words)))


def _is_wanted(tx: Connection, file_id: int) -> bool:
    return tx.scalar(select(files.c.id).where(files.c.id == file_id, WANTED)) is not None


@dataclass(frozen=True)
class Told:
    """What was said of files that failed, and whether it answers their message, of which nothing else is left."""

    reply_id: int
    is_answer: bool


def conclude(tx: Connection, inbox_id: int, now: datetime) -> Told | None:
    """When all files of a message are there or failed, tell its sender of those that failed."""
    attached = of_messages(tx, [inbox_id]).get(inbox_id, [])
    failed = [file for file in attached if file.state == "failed"]
    message = tx.execute(select(inbox).where(inbox.c.id == inbox_id)).one()
    if message.state != "waiting" or not failed or any(file.state == "wanted" for file in attached):
        return None
    text = "\n".join(f"{file.title} {file.error}" for file in failed)
    private = conversations.get(tx, message.conversation_id).address.private
    is_answer = not message.text and len(failed) == len(attached)
    kind = ReplyKind.COMMAND if is_answer else ReplyKind.NOTICE
    reply_to = None if private else message.native_id
    reply_id = outbox.add(tx, message.conversation_id, kind, text, now, reply_to=reply_to)
    if is_answer:
        tx.execute(update(inbox).where(inbox.c.id == inbox_id).values(state="answered", reply_id=reply_id))
    return Told(reply_id, is_answer)


def _file(row: Row[Any]) -> File:
    return File(
        id=row.id,
        conversation_id=row.conversation_id,
        inbox_id=row.inbox_id,
        kind=FileKind(row.kind),
        name=row.name,
        media_type=row.media_type,
        size=row.size,
        sha256=row.sha256,
        text=row.text,
        length=row.length,
        pages=row.pages,
        shown=CONTENT.validate_python(row.shown),
        note=row.note or "",
        state=row.state,
        ref=row.ref,
        error=row.error,
        at=row.at,
    )

"""Sending: what a butler sends into the chat of its turn beside its answer, once for each call."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from mimetypes import guess_extension, guess_type
from typing import Any

from sqlalchemy import Connection, func, select

from bot import blobs, conversations, files, names, outbox, transcript, unasked
from bot.conversations import Conversation
from bot.enclosures import File, spoken_size
from bot.messages import Origin, ReplyKind
from bot.ports import Json
from bot.schedules import runs
from bot.schedules.runs import HOUSE, Run
from bot.silence import private_conversations
from bot.store.database import Database
from bot.store.schedule_tables import held
from bot.store.tables import MADE_BY_A_CALL, turns
from bot.store.tables import outbox as replies
from bot.tools import Context
from bot.unasked import Word

MOST = 10  # of a turn: who reads strangers' words must not be made to flood a chat
LONGEST_NAME = 80
TEXT, UNKNOWN = "text/plain", "application/octet-stream"
_TYPES = {"md": "text/markdown", "csv": "text/csv", "ics": "text/calendar", "html": "text/html", "json": "application/json"}
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')  # on some system; what separates folders is cut off before
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}$")
_SIGNS = re.compile(r"[\\`*_~\[\]<>|!$&#]")
_NUMBER = re.compile(r"[-+–−]?[\d.,'\s]*\d[\d.,']*\s?[%€$£¥]?|[$€£¥]\s?[\d.,']+")  # noqa: RUF001 - the signs that people write
NOTHING = "Nothing was sent."


@dataclass(frozen=True)
class Sending:
    """Serves the tools of any turn."""

    database: Database

    def file(self, context: Context, name: str, content: bytes, media_type: str | None = None) -> str:
        """Send a file and say how it is called. Raises ValueError with what is wrong."""
        name = clean_name(name)
        if not content:
            raise ValueError(f"The file has no content. {NOTHING}")
        with self.database.write() as tx:
            kind = media_type or type_of(name)
            file = File(name=name, media_type=kind, size=len(content), sha256=blobs.keep(tx, content))
            is_held = _send(tx, context, f"📎 {names.escaped(name)}", file.model_dump(mode="json"))
        return f"{_told(is_held=is_held)} as {name} ({spoken_size(len(content))})."

    def again(self, context: Context, number: int, name: str = "") -> str:
        """Send a file that came, as it came, and say how it is called. Raises ValueError with what is wrong."""
        with self.database.write() as tx:
            found = files.visible(tx, context.turn_id, context.person_id, number)
            if found is None or not _may_go(tx, context, found):
                raise ValueError(f"There is no file {number} to be sent here. list_files tells which there are. {NOTHING}")
            file = _as_it_came(found, name)
            is_held = _send(tx, context, f"📎 {names.escaped(file.name)}", file.model_dump(mode="json"))
        return f"{_told(is_held=is_held)} as {file.name} ({spoken_size(file.size)})."

    def table(self, context: Context, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """Send a table, which each chat shows as it can. Raises ValueError with what is wrong."""
        for number, row in enumerate(rows, start=1):
            if len(row) != len(columns):
                raise ValueError(f"Row {number} has {len(row)} cells where there are {len(columns)} columns. {NOTHING}")
        with self.database.write() as tx:
            is_held = _send(tx, context, markdown(title, columns, rows), None)
        return f"{_told(is_held=is_held)}, {len(rows)} rows."


def clean_name(name: str, usual: str = ".txt") -> str:
    """Return a name without folders, and without what some system forbids; `usual` is the ending of one that has none.

    Raises ValueError when nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = names.one_line(_FORBIDDEN.sub("_", last), 10 * LONGEST_NAME).strip(". ")
    if not kept.strip("_"):
        raise ValueError(f"“{names.one_line(name)}” is no name for a file; give one such as report.md. {NOTHING}")
    found = _ENDING.search(kept)
    ending = found[0] if found else usual
    return kept.removesuffix(ending)[: LONGEST_NAME - len(ending)].rstrip(". ") + ending


def type_of(name: str) -> str:
    """Return the media type of a text file by its name."""
    ending = name.rpartition(".")[2].lower()
    guessed = _TYPES.get(ending) or guess_type(name, strict=True)[0] or TEXT
    return guessed if guessed.startswith(("text/", "application/")) else TEXT


def markdown(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown that shows the very letters of its cells, numbers to the right."""
    aligns = ["--:" if _is_numeric([row[at] for row in rows]) else ":--" for at in range(len(columns))]
    lines = [_line(map(_cell, columns)), _line(aligns), *(_line(map(_cell, row)) for row in rows)]
    head = f"{names.bold(title)}\n\n" if title.strip() else ""
    return head + "\n".join(lines)


def _line(cells: "Sequence[str] | map[str]") -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Return a cell's letters; what is escaped in an address is still the address."""
    return "<br>".join(_SIGNS.sub(r"\\\g<0>", line.strip()) for line in text.strip().splitlines())


def _is_numeric(cells: Sequence[str]) -> bool:
    written = [cell.strip() for cell in cells if cell.strip()]
    return bool(written) and all(_NUMBER.fullmatch(cell) for cell in written)


def _told(*, is_held: bool) -> str:
    return "It is sent when their quiet hours are over," if is_held else "Sent, before your answer,"


def _may_go(tx: Connection, context: Context, file: files.File) -> bool:
    """Tell whether a file that the turn may see goes to nobody else: into the chat that it came in, or its sender's own."""
    place, _ = _place(tx, context)
    return file.conversation_id == place.id or place.id in set(tx.scalars(private_conversations(context.person_id)))


def _as_it_came(file: files.File, name: str) -> File:
    """Return what is sent of a file that came, under its own name where no other is given. Raises ValueError."""
    if file.sha256 is None:
        raise ValueError(f"File {file.id} {file.error or 'is no longer kept.'} {NOTHING}")
    found = _ENDING.search(file.name)
    ending = found[0] if found else guess_extension(file.media_type) or ""
    called = clean_name(name or file.name or f"{file.kind}-{file.id}", ending)
    kind = file.media_type or UNKNOWN
    return File(name=called, media_type=kind, size=file.size, sha256=file.sha256, came=True, text=file.text)


def _send(tx: Connection, context: Context, text: str, enclosure: Json | None) -> bool:
    """Put a reply where the turn's answer goes, unless this call did; tell whether it waits for the end of quiet hours."""
    if tx.execute(select(replies.c.id).where(replies.c.made_by == context.key)).first() is not None:
        return False
    if tx.execute(select(held.c.id).where(held.c.made_by == context.key)).first() is not None:
        return True
    place, run = _place(tx, context)
    _refuse_more(tx, context, place)
    more: dict[str, Any] = {"turn_id": context.turn_id, "enclosure": enclosure, "made_by": context.key}
    if run is None:
        outbox.add(tx, place.id, ReplyKind.ANSWER, text, context.now, **more)
        return False
    origin = Origin.STRANGER if transcript.stranger_in(tx, context.turn_id) else Origin.HOUSE
    word = Word(run.schedule.name, text, origin, ReplyKind.ANSWER, run.is_urgent, **more)
    return unasked.say(tx, runs.person_of(tx, run.schedule), place, word, context.now) is None


def _refuse_more(tx: Connection, context: Context, place: Conversation) -> None:
    """Raise ValueError when a turn has sent as much as it may."""
    of_turn = (replies.c.turn_id == context.turn_id, MADE_BY_A_CALL)
    sent = tx.scalar(select(func.count()).select_from(replies).where(*of_turn)) or 0
    waiting = (held.c.conversation_id == place.id, held.c.made_by.is_not(None))
    sent += tx.scalar(select(func.count()).select_from(held).where(*waiting)) or 0
    if sent >= MOST:
        raise ValueError(f"A turn sends {MOST} files and tables at most. {NOTHING} Put the rest into your answer.")


def _place(tx: Connection, context: Context) -> tuple[Conversation, Run | None]:
    """Return where the answer of a turn goes, and the run of a schedule that it is. Raises ValueError where nobody hears it."""
    row = tx.execute(select(turns.c.conversation_id, turns.c.run_id).where(turns.c.id == context.turn_id)).one()
    own = conversations.get(tx, row.conversation_id)
    if row.run_id is None:
        return own, None
    frame = runs.frame(tx, row.run_id, own)
    if frame.run.schedule.silent or frame.place.address.channel == HOUSE:
        raise ValueError(f"Nobody is told what this schedule does. {NOTHING}")
    return frame.place, frame.run

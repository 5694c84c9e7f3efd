"""The first two checks: a file that changed, and what was said in a person's chats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select

from bot import conversations, people, transcript
from bot.checks import CheckContext, Finding, check, checks_of
from bot.messages import Origin
from bot.ports import CONTENT
from bot.store import tables
from bot.store.database import Database
from bot.store.tables import OPEN, turns

LONGEST = 4_000  # characters of one conversation: the newest are kept
CUT = "[what was said before is left out]\n\n"
BY_A_MESSAGE = "message"  # what began a turn in which somebody was answered
_said = tables.transcript.c


@dataclass(frozen=True)
class Looks:
    """What the house itself can look at."""

    database: Database
    household: Path

    @check
    def changed_file(self, context: CheckContext, cursor: Any, path: str) -> Finding:  # noqa: ANN401 - any JSON
        """Look whether a file holds something else than before: one in the butler's folder, or at an absolute path."""
        file = self.household / context.butler / path
        known = cursor or {}
        try:
            stands = file.stat()
            found = {"mtime": stands.st_mtime_ns, "size": stands.st_size, "hash": known.get("hash")}
            if found == known:
                return Finding(new=False, cursor=known)
            with file.open("rb") as opened:
                found["hash"] = file_digest(opened, "sha256").hexdigest()
        except (FileNotFoundError, NotADirectoryError):
            return Finding(new=False, cursor=known)  # it may be about to be written anew
        is_new = cursor is not None and found["hash"] != known.get("hash")
        return Finding(new=is_new, cursor=found, note=f"{path} was changed; it has {stands.st_size} bytes now.")

    @check
    def new_message(
        self,
        context: CheckContext,
        cursor: Any,  # noqa: ANN401 - any JSON
        conversation: Literal["main", "any"] = "main",
    ) -> Finding:
        """Look whether a person wrote to the butler: in their main chat, or in any private one."""
        if context.person_id is None:
            return Finding(new=False, cursor=cursor)
        with self.database.read() as tx:
            until = _until(tx, context.person_id, context.butler)
            if cursor is None or cursor >= until:
                return Finding(new=False, cursor=until)
            place_id = _main(tx, context.person_id) if conversation == "main" else None
            if conversation == "main" and place_id is None:
                return Finding(new=False, cursor=until)
            rows = _rows(tx, context, (int(cursor), until), place_id)
            if not any(_is_written(row) for row in rows):
                return Finding(new=False, cursor=until)
            places = {row.conversation_id for row in rows}
            stranger = any(transcript.stranger_was_read(tx, place) for place in places)
        stranger = stranger or any(row.origin == Origin.STRANGER for row in rows)
        return Finding(new=True, cursor=until, note=_digest(rows, context.butler), stranger=stranger)


FORMS = checks_of(Looks)


def _until(tx: Connection, person_id: int, butler: str) -> int:
    """Return up to where all is said: before the turn that is not over yet."""
    at_work = select(turns.c.id).where(turns.c.person_id == person_id, turns.c.butler == butler, OPEN)
    first = tx.scalar(select(func.min(_said.id)).where(_said.turn_id.in_(at_work)))
    return int(first) - 1 if first is not None else int(tx.scalar(select(func.max(_said.id))) or 0)


def _main(tx: Connection, person_id: int) -> int | None:
    homes = people.homes(tx, person_id)
    found = conversations.find(tx, homes[0]) if homes else None
    return None if found is None else found.id


def _rows(tx: Connection, context: CheckContext, span: tuple[int, int], place_id: int | None) -> Sequence[Row[Any]]:
    """Return what was said between a person and a butler in private; what schedules do is said in nobody's chat."""
    after, until = span
    place = tables.conversations.c
    mine = [turns.c.person_id == context.person_id, turns.c.butler == context.butler, turns.c.trigger == BY_A_MESSAGE]
    mine += [place.id == place_id] if place_id is not None else [place.private.is_(True)]
    said = (
        select(tables.transcript)
        .join(turns, turns.c.id == _said.turn_id)
        .join(tables.conversations, place.id == _said.conversation_id)
    )
    between = (_said.id > after, _said.id <= until, _said.withdrawn.is_(False))
    return tx.execute(said.where(*between, *mine).order_by(_said.conversation_id, _said.id)).all()


def _is_written(row: Row[Any]) -> bool:
    """Tell whether the person wrote an entry; what tools found has no words."""
    return row.role == "user" and row.origin in (Origin.PERSON, Origin.STRANGER) and bool(_words(row))


def _words(row: Row[Any]) -> str:
    return transcript.words_of(CONTENT.validate_python(row.content))


def _digest(rows: Sequence[Row[Any]], butler: str) -> str:
    return "\n\n---\n\n".join(
        _newest("\n\n".join(_lines(said, butler))) for _, said in groupby(rows, lambda row: row.conversation_id)
    )


def _lines(rows: Iterator[Row[Any]], butler: str) -> Iterator[str]:
    for row in rows:
        if words := _words(row):
            yield words if row.role == "user" else f"[{butler}]\n{words}"


def _newest(text: str) -> str:
    return text if len(text) <= LONGEST else CUT + text[len(CUT) - LONGEST :]

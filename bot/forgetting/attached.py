"""Attached: files that people sent and butlers send, of which nothing is left where they say what is to be forgotten.

A file goes as a whole, with all that has the same bytes: no sentence can be taken out of a PDF. That is why a fact of one word
without a number is not looked for in what people sent, which anybody may have written about anything.
"""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Row, Select, String, Table, cast, delete, false, or_, select, update

from bot import blobs, release
from bot.enclosures import File
from bot.forgetting import wishes
from bot.forgetting.places import Scope
from bot.forgetting.wishes import Wish
from bot.messages import SPEECH
from bot.outbox import GIVE_UP_AFTER
from bot.store.database import Database
from bot.store.file_tables import WANTED, files
from bot.store.schedule_tables import held
from bot.store.tables import PENDING, inbox, outbox, parts

AT_A_TIME = 10  # files whose words are read together: they may be long
_KEY = "attached:{}"  # of the progress, beside that of the tables themselves


def go_on(database: Database, wish: Wish, scope: Scope, deadline: float) -> bool:
    """Erase files until some moment at most; tell whether none says it any more, as far as they are there already."""
    for table in (files, *release.SENDERS):
        while wish.progress.get(_KEY.format(table.name)) != "":
            if monotonic() > deadline:
                return False
            wish.progress[_KEY.format(table.name)] = _stretch(database, wish, table, scope)
    return True


def are_there(tx: Connection, scope: Scope, now: datetime) -> bool:
    """Tell whether every file is there that was sent before; one that no chat gives out for a day is not waited for."""
    coming = (WANTED, files.c.at <= scope.until_at, files.c.at > now - GIVE_UP_AFTER)
    return tx.execute(select(files.c.id).where(files.c.conversation_id.in_(scope.here), *coming).limit(1)).first() is None


def is_quiet(tx: Connection, wish: Wish, scope: Scope) -> bool:
    """Tell whether every file is delivered that says it."""
    waiting = select(outbox).where(outbox.c.conversation_id.in_(scope.here), *release.is_file(outbox), PENDING)
    return not any(_is_said_by_sent(tx, wish, row) for row in tx.execute(waiting).all())


def _stretch(database: Database, wish: Wish, table: Table, scope: Scope) -> Any:  # noqa: ANN401 - a key
    """Go through the next files of a table; return the key of the last, or nothing when there are no more."""
    key = _KEY.format(table.name)
    last = wish.progress.get(key)
    more = () if last is None else (table.c.id > last,)
    with database.read() as tx:
        found = tx.execute(_rows(table, scope).where(*more).order_by(table.c.id).limit(AT_A_TIME)).all()
        says = _is_said_by_received if table is files else _is_said_by_sent
        said = [row.id for row in found if says(tx, wish, row)]
    reached = found[-1].id if len(found) == AT_A_TIME else ""
    with database.write() as tx:
        cleaned = sum(_erase(tx, wish, table, number, scope) for number in said)
        wishes.note_progress(tx, wish, {**wish.progress, key: reached}, cleaned)
    return reached


def _rows(table: Table, scope: Scope) -> Select[Any]:
    if table is files:
        with_message = select(files, inbox.c.text.label("caption"), inbox.c.turn_id).join(inbox, inbox.c.id == files.c.inbox_id)
        return with_message.where(files.c.conversation_id.in_(scope.here), files.c.at <= scope.until_at, ~WANTED)
    if table is held:
        return select(held).where(*release.is_file(held), held.c.conversation_id.in_(scope.here), held.c.at <= scope.until_at)
    return select(outbox).where(*release.is_file(outbox), ~PENDING, scope.of(outbox, outbox.c.turn_id, outbox.c.created_at))


def _is_said_by_received(tx: Connection, wish: Wish, row: Row[Any]) -> bool:
    """Tell whether a file says it that somebody sent; what cannot be read does where its message does, or told it."""
    if wish.traces.strict.says(row.name):
        return True
    if row.state != release.KEPT:
        return False
    if row.kind in SPEECH:  # the person's own words
        return wish.traces.says(_words(tx, row.text), told_there=row.turn_id in wish.what.turns)
    if row.text is not None:
        return wish.traces.strict.says(_words(tx, row.text))
    return row.turn_id in wish.what.turns or wish.traces.strict.says(row.caption)


def _is_said_by_sent(tx: Connection, wish: Wish, row: Row[Any]) -> bool:
    """Tell whether a file says it that a butler wrote, or sent once more."""
    file = File.model_validate(row.enclosure)
    if file.came:
        return wish.traces.strict.says(file.name) or wish.traces.strict.says(_words(tx, file.text))
    told_there = row._mapping.get("turn_id") in wish.what.turns  # noqa: SLF001 - a held one knows no turn
    return wish.traces.says(file.name) or wish.traces.says(_words(tx, file.sha256), told_there=told_there)


def _words(tx: Connection, sha256: str | None) -> str:
    content = None if sha256 is None else blobs.find(tx, sha256)
    return "" if content is None else content.decode(errors="replace")


def _erase(tx: Connection, wish: Wish, table: Table, number: int, scope: Scope) -> int:
    """Erase a file, and all that have the same bytes; return how many there were, none where it was done before."""
    row = tx.execute(select(table).where(table.c.id == number)).first()
    if row is None:
        return 0
    sha256 = row.sha256 if table is files else (row.enclosure or {}).get("sha256")
    own = files.c.id == number if table is files else false()
    same = _rows(files, scope).where(or_(own, files.c.sha256 == (sha256 or "")))
    cleaned = _erase_received(tx, wish, tx.execute(same).all())
    if sha256 is None:
        return cleaned
    return cleaned + sum(_erase_sent(tx, wish, sender, sha256, scope) for sender in release.SENDERS)


def _erase_received(tx: Connection, wish: Wish, rows: Sequence[Row[Any]]) -> int:
    """Keep of files only that there were some, and when they were forgotten."""
    kept = [row.id for row in rows if row.state == release.KEPT]
    release.let_go(tx, kept, f"was forgotten on {wish.traces.day}, as the person wished.")
    named = {row.id: name for row in rows if (name := wish.traces.strict.clean(row.name)) != row.name}
    for number, name in named.items():
        # How its chat is asked for it may be a path that ends in the name.
        tx.execute(update(files).where(files.c.id == number).values(name=name, ref={"id": ""}))
    return len(named.keys() | kept)


def _erase_sent(tx: Connection, wish: Wish, table: Table, sha256: str, scope: Scope) -> int:
    """Let rows be files no more that have these bytes, and say in their words that these were forgotten."""
    same = _rows(table, scope).where(cast(table.c.enclosure, String).contains(sha256))
    numbers = [row.id for row in tx.execute(same).all()]
    if numbers:
        release.take_out(tx, table, table.c.id.in_(numbers))
        tx.execute(update(table).where(table.c.id.in_(numbers)).values(text=table.c.text + f" {wish.traces.mark}"))
    if table is outbox:
        tx.execute(delete(parts).where(parts.c.reply_id.in_(numbers)))
    return len(numbers)

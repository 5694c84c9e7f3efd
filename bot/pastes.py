"""Long pastes: a text that its writer's client split into several messages is put together again before a turn begins.

A message that is long enough to have been cut holds its conversation for a moment. How long is kept in its row, so that a crash
neither loses a part nor leaves a conversation waiting.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, func, select, update

from bot import conversations
from bot.messages import IncomingMessage, Origin, Part
from bot.people import owner_of
from bot.redaction import Redactor
from bot.store.tables import OPEN, PASTED, WAITING, inbox, turns
from bot.store.tables import conversations as places

HOLD = timedelta(seconds=1.5)
WRITTEN_WITHIN = timedelta(seconds=3)  # one part after the other, by the vendor's clock
MOST_PARTS = 25
LOOKS_BACK = 300  # characters within which clients prefer the end of a line to a space
GOES_ON = "(This goes on where my message before it was cut off:)"
_BEFORE = (
    select(inbox)
    .where(
        inbox.c.conversation_id == bindparam("conversation"),
        inbox.c.number < bindparam("before"),
        inbox.c.person_id == bindparam("by"),
        PASTED,
    )
    .order_by(inbox.c.number.desc())
    .limit(1)
)
_COUNT = select(func.count()).where(
    inbox.c.conversation_id == bindparam("conversation"), inbox.c.paste_id == bindparam("paste")
)
_KEEP = (
    update(inbox)
    .where(inbox.c.id == bindparam("row"))
    .values(
        number=bindparam("number"),
        units=bindparam("units"),
        paste_id=bindparam("paste"),
        held_until=bindparam("until"),
    )
)
_FOR = update(inbox).where(inbox.c.id == bindparam("row")).values(butler=bindparam("butler_of_all"))
_SET_TEXT = update(inbox).where(inbox.c.id == bindparam("row")).values(text=bindparam("words"))
_HOLD = (
    update(places)
    .where(
        places.c.id == bindparam("conversation"),
        places.c.claim.is_(None),
        ~exists().where(turns.c.conversation_id == bindparam("conversation"), OPEN),
    )
    .values(wake_at=bindparam("until"))
)
_HELD = select(func.max(inbox.c.held_until)).where(inbox.c.conversation_id == bindparam("conversation"), WAITING)


@dataclass(frozen=True)
class Rest:
    """A message that goes on with a text which was split: the part before it, and its text with what stood at the cut."""

    before: Row[Any]
    text: str


def may_go_on(part: Part) -> bool:
    """Tell whether a text is long enough for its client to have cut it there: some look for a good place from the middle on."""
    return part.units > part.most // 2


def trimmed(message: IncomingMessage) -> str:
    """Return a message's text without the space around it, unless more of it may come."""
    return message.text if message.part is not None and may_go_on(message.part) else message.text.strip()


def rest(
    tx: Connection, conversation_id: int, person_id: int, message: IncomingMessage, *, is_command: bool = False
) -> Rest | None:
    """Return a message as the rest of one that was split; None where it is none, such as a command that is no long text."""
    part = message.part
    if part is None or message.origin is not Origin.PERSON or (is_command and not may_go_on(part)):
        return None
    key = {"conversation": conversation_id, "by": person_id, "before": part.number}
    found = tx.execute(_BEFORE, key).first()
    if found is None or found.held_until is None or message.sent_at - found.sent_at > WRITTEN_WITHIN:
        return None
    counted = tx.scalar(_COUNT, {"conversation": conversation_id, "paste": found.paste_id}) or 0
    return Rest(found, joined(found.text, found.units, message.text, part.most)) if counted < MOST_PARTS else None


def goes_on(tx: Connection, message: IncomingMessage) -> bool:
    """Tell whether what was said to nobody by name is the rest of what was said to a butler."""
    place, writer = conversations.find(tx, message.address), owner_of(tx, message.sender)
    return place is not None and writer is not None and rest(tx, place.id, writer.id, message) is not None


def joined(before: str, before_units: int, text: str, most: int) -> str:
    """Return a part's text as it follows the one before it: vendors take away the space or the end of line at the cut."""
    if before[-1:].isspace() or text[:1].isspace() or before_units >= most or not text:
        return text  # nothing was taken away; or there was nothing to cut at, and the cut is inside a word
    word = text.split(None, 1)[0]
    had_room = before_units + 1 + units(word) < most
    return ("\n" if "\n" in before[-LOOKS_BACK:] or had_room else " ") + text


def corrected(original: Any, text: str) -> str:  # noqa: ANN401 - a row
    """Return the text of an edit of a part, with what stood at the cut."""
    return text if original.paste_id is None else original.text[: -len(original.text.lstrip()) or None] + text


def units(text: str) -> int:
    """Return the length of a text in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def hold(
    tx: Connection, row_id: int, conversation_id: int, message: IncomingMessage, goes_on: Rest | None, now: datetime
) -> datetime | None:
    """Note that a message is a part, and return until when its conversation waits for more; None where it does not wait."""
    part = message.part
    if part is None or message.origin is not Origin.PERSON:
        return None
    until = now + HOLD if may_go_on(part) else None
    if goes_on is None and until is None:
        return None
    paste = row_id
    if goes_on is not None:
        paste = goes_on.before.paste_id
        tx.execute(_FOR, {"row": row_id, "butler_of_all": goes_on.before.butler})
    tx.execute(_KEEP, {"row": row_id, "number": part.number, "units": part.units, "paste": paste, "until": until})
    tx.execute(_HOLD, {"conversation": conversation_id, "until": until})
    return until


def mask(tx: Connection, redactor: Redactor, goes_on: Rest, row_id: int, text: str) -> None:
    """Mask a secret that the cut went through: then the earlier part holds both."""
    whole = goes_on.before.text + text
    if (clean := redactor.clean(whole)) != whole:
        tx.execute(_SET_TEXT, {"row": goes_on.before.id, "words": clean})
        tx.execute(_SET_TEXT, {"row": row_id, "words": ""})


def in_order(messages: Iterable[IncomingMessage]) -> list[IncomingMessage]:
    """Return messages in which the parts of one writer stand as their vendor numbered them."""
    found = list(messages)
    places: dict[tuple[str, str, str, str], list[int]] = {}
    for position, message in enumerate(found):
        if message.part is not None:
            key = (message.address.channel, message.address.chat, message.address.thread, message.sender.id)
            places.setdefault(key, []).append(position)
    for positions in places.values():
        ordered = sorted((found[position] for position in positions), key=lambda one: one.part.number if one.part else 0)
        for position, message in zip(positions, ordered, strict=True):
            found[position] = message
    return found


def together(rows: Sequence[Row[Any]], now: datetime) -> list[Row[Any]]:
    """Return messages in which the parts of a paste follow each other, up to the first paste that is still held."""
    pastes: dict[int, list[Row[Any]]] = {}
    for row in rows:
        if row.paste_id is not None:
            pastes.setdefault(row.paste_id, []).append(row)
    ready: list[Row[Any]] = []
    for row in rows:
        if row.paste_id is None:
            ready.append(row)
            continue
        parts = sorted(pastes.pop(row.paste_id, ()), key=lambda one: one.number)
        if parts and parts[-1].held_until is not None and parts[-1].held_until > now:
            break
        ready += parts
    return ready


def held_until(tx: Connection, conversation_id: int) -> datetime | None:
    """Return when the last paste that a conversation waits for will be whole."""
    found: datetime | None = tx.scalar(_HELD, {"conversation": conversation_id})
    return found


def whole(rows: Sequence[Row[Any]]) -> Iterator[tuple[Row[Any], str]]:
    """Give each text that was written, with the row of its first part."""
    texts: dict[int, list[Row[Any]]] = {}
    for row in rows:
        texts.setdefault(row.id if row.paste_id is None else row.paste_id, []).append(row)
    for parts in texts.values():
        text = "".join(part.text for part in parts).strip()
        is_rest = all(part.paste_id not in (None, part.id) for part in parts)
        yield parts[0], f"{GOES_ON}\n{text}" if is_rest else text

"""How a session's story is told: step by step at a shell of any width, and in short in a chat."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bot import transcript, verbose
from bot.names import escaped, one_line
from bot.sessions import story
from bot.sessions.listing import Session, in_a_line
from bot.sessions.story import Event
from bot.store.tables import inbox, outbox

NARROW = 70  # columns: below that what happened stands under the time, and not beside it
LONGEST_WORDS = 1_200  # characters of a text
LONGEST_ASKED, LONGEST_REPLY = 200, 400
_TIME, _WHAT = 13, 12  # columns


def heading(one: Session, now: datetime, zone: ZoneInfo, *, costs: bool) -> list[str]:
    """Return what a session is, in lines."""
    where = f"{one.channel}, {'in private' if one.private else 'in a group'}"
    lines = [
        f"Session {one.id}, for {one.person} (person {one.person_id}) on {where}",
        f"{one.butler}, {one.trigger}, began {one.began_at.astimezone(zone):%a %Y-%m-%d %H:%M:%S} ({zone})",
        f"{one.outcome} after {one.took(now)}",
        one.used(costs=costs),
    ]
    if one.follows is not None:
        lines.append(f"goes on with what session {one.follows} was asked, which was interrupted")
    return lines


def in_steps(events: Sequence[Event], zone: ZoneInfo, width: int, clean: Callable[[str], str]) -> Iterator[str]:
    """Give the lines of a story, for a terminal of this width; secrets are masked."""
    day = ""
    for event in events:
        local = event.at.astimezone(zone)
        if day and day != f"{local:%Y-%m-%d}":
            yield f"-- {local:%A %Y-%m-%d} --"
        day = f"{local:%Y-%m-%d}"
        time = f"{local:%H:%M:%S}.{local.microsecond // 1000:03d}"
        words = shortened(clean(event.words))
        if width < NARROW:
            yield f"{time} {event.what}"
            yield from _wrapped(clean(event.head), "  ", width)
            yield from _wrapped(words, "    ", width)
            continue
        indent = " " * (_TIME + _WHAT)
        first, *more = [*_wrapped(clean(event.head), indent, width), *_wrapped(words, indent, width)] or [""]
        yield (f"{time:<{_TIME}}{event.what:<{_WHAT}}" + first.removeprefix(indent)).rstrip()
        yield from more


def shortened(text: str, longest: int = LONGEST_WORDS) -> str:
    """Return a text, or its beginning and how much more of it there is."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more characters)"


def _wrapped(text: str, indent: str, width: int) -> Iterator[str]:
    for line in text.splitlines():
        pieces = textwrap.wrap(line, max(width - len(indent), 20), break_long_words=True, replace_whitespace=False) or [""]
        for piece in pieces:
            yield f"{indent}{piece}".rstrip()


def in_short(tx: Connection, one: Session, now: datetime, zone: ZoneInfo, *, costs: bool, private: bool) -> str:
    """Return a session in short, as Markdown for a chat; what tools were given is told in private only."""
    lines = [
        f"**{one.id}** · {one.began_at.astimezone(zone):%a %d %b %H:%M:%S} · {one.butler}",
        f"- {escaped(one.trigger)}: {escaped(one.outcome, LONGEST_ASKED)} after {one.took(now)}",
        f"- {one.used(costs=costs)}",
    ]
    used = verbose.tools(tx, one.id, with_arguments=private)
    if used:
        lines.append(f"- {' · '.join(used)}")
    told = story.of_session(tx, one, costs=costs)
    waits = [event for event in told if event.what in ("waits", "taken over", "refused")][:5]
    times = [f"{event.at.astimezone(zone):%H:%M:%S} {event.what}" for event in waits]
    lines += [f"- {time}: {escaped(event.words, LONGEST_ASKED)}" for time, event in zip(times, waits, strict=True)]
    lines += [f"- asked: {escaped(text, LONGEST_ASKED)}" for text in _asked(tx, one.id)]
    lines += [f"- said: {escaped(text, LONGEST_REPLY)}" for text in _said(tx, one.id)]
    return "\n".join(lines)


def for_butler(tx: Connection, one: Session, now: datetime, zone: ZoneInfo, *, costs: bool) -> tuple[str, bool]:
    """Return a session as its person's butler reads it, and whether a stranger's words are in it."""
    told = [in_a_line(one, now, zone, costs=costs)]
    for event in story.of_session(tx, one, costs=costs):
        what = " ".join(filter(None, (f"{event.at.astimezone(zone):%H:%M:%S}", event.what, event.head)))
        told.append(": ".join(filter(None, (what, one_line(event.words, LONGEST_REPLY)))))
    return "\n".join(told), transcript.stranger_in(tx, one.id)


def _asked(tx: Connection, turn_id: int) -> list[str]:
    wanted = select(inbox.c.text).where(inbox.c.turn_id == turn_id, inbox.c.origin == "person").order_by(inbox.c.id)
    return [text for text in tx.scalars(wanted.limit(3)) if text.strip()]


def _said(tx: Connection, turn_id: int) -> list[str]:
    return list(tx.scalars(select(outbox.c.text).where(outbox.c.turn_id == turn_id).order_by(outbox.c.id.desc()).limit(1)))

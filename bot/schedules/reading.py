"""Reading when something is to be done from a person's words, by a grammar of our own: small and exact."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.schedules.clock_words import TIME, day
from bot.schedules.forms import FORMS, FURTHEST, Asked, read_cron, too_far
from bot.schedules.when import When
from bot.zones import find_zone, looks_like_zone, read_zone

LONGEST = 200  # characters of a WHEN
MOST_WORDS = 14  # of a WHEN
EXAMPLES = "`in 20 minutes`, `tomorrow 8:00`, `2026-11-23 08:00`, `every 2h`, `every weekday 7:30` or `30 7 * * 1-5`"
MISSING = f"A time is missing. Write {EXAMPLES}."
_CRON_LIKE = re.compile(r"[\d*/,#?lw-]*\*[\d*/,#?lw\s-]*", re.IGNORECASE)


def read_when(words: str, now: datetime, zone: ZoneInfo) -> When:
    """Return the times that words mean, read in a zone, unless they name another. Raises ValueError with a sentence."""
    text = " ".join(words.split())
    if not text:
        raise ValueError(MISSING)
    if len(text) > LONGEST:
        raise ValueError(f"That is too long for a time. Write {EXAMPLES}.")
    rest, _, last = text.rpartition(" ")
    if rest and looks_like_zone(last.strip("()")):
        zone, text = read_zone(last.strip("()")), re.sub(r"(?<=.)\s+in$", "", rest, flags=re.IGNORECASE)
    asked = Asked(text.lower(), now, zone)
    return _in_future(asked, _read(asked) or _read_at(asked))


def split_when(text: str, now: datetime, zone: ZoneInfo) -> tuple[When, str]:
    """Return the times that a text begins with, and what comes after them. Raises ValueError with a sentence."""
    words = text.split()
    if not words:
        raise ValueError(MISSING)
    for count in range(min(len(words), MOST_WORDS), 0, -1):
        if len(head := " ".join(words[:count]).rstrip(",:")) > LONGEST:
            continue
        last = words[count - 1].strip("(),:")
        here = find_zone(last) if count > 1 else None
        bare = head if here is None else " ".join(words[: count - 1])
        asked = Asked(bare.lower(), now, here or zone)
        if (found := _read(asked)) is not None:
            return _in_future(asked, found), _after(text, count, head)
    start = " ".join(words[:4])
    raise ValueError(f"“{start}” does not begin with a time, and the time comes first: {EXAMPLES}, then what it is about.")


def _after(text: str, count: int, head: str) -> str:
    rest = text.split(maxsplit=count)[count:]
    what = rest[0].strip() if rest else ""
    if re.match(rf"(?:{TIME})(?:\s|$)", what.lower()) and what.lower().startswith("at "):
        raise ValueError(
            f"“{head}” says when, and “{what[:20]}” does, too. Put :: between the time and the rest, or leave one out."
        )
    return what


def _read(asked: Asked) -> When | None:
    """Return what the grammar makes of words; None when they have no form that it knows."""
    for pattern, reader in FORMS:
        match = pattern.fullmatch(asked.words)
        if match:
            try:
                return reader(asked, match)
            except OverflowError:
                raise ValueError(too_far()) from None
    return None


def _read_at(asked: Asked) -> When:
    """Read what ends with a bare hour as if "at" stood before it; else say that nothing was understood."""
    head, _, last = asked.words.rpartition(" ")
    if re.fullmatch(r"\d{1,2}", last):
        found = _read(Asked(f"{head} at {last}".strip(), asked.now, asked.zone))
        if found is not None:
            return found
    if _CRON_LIKE.fullmatch(asked.words):
        return read_cron(asked, asked.words)
    raise ValueError(f"I do not understand “{asked.words}” as a time. Write {EXAMPLES}.")


def _in_future(asked: Asked, when: When) -> When:
    at = when.after(asked.now)
    if at is None:
        local = asked.local
        then = datetime.fromisoformat(when.spec).astimezone(asked.zone)
        raise ValueError(
            f"{day(then.date())} {then:%H:%M} is past: in {asked.zone} it is {day(local.date())} {local:%H:%M}. "
            "Write a time to come, such as `tomorrow 8:00`."
        )
    if at.year > asked.now.year + FURTHEST:
        raise ValueError(too_far())
    return when

"""Names of schedules that people make: the first words of what is to be done, by which they are known again."""

import re

from sqlalchemy import Connection, func, select

from bot.names import one_line
from bot.schedules.book import LISTED, OffBy
from bot.store.schedule_tables import schedules

LONGEST = 40
MOST_WORDS = 6
MOST_LIVE = 500  # schedules of one person
LONGEST_PROMPT = 4_000
MORE = "…"  # at the end of a name that is not all of its sentence
_STOPS = ".,:;!? "
LIVE = LISTED & schedules.c.off_by.is_distinct_from(OffBy.DONE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]*\)")
# What Markdown, or a model, could take for more than a name; inside a word, as in an address, such signs are its own.
_SIGNS = re.compile(r"[\\`*<>\[\]]|~~+|\|\|+|(?<!\S)#+\s|(?<!\w)_+|_+(?!\w)")
_END = re.compile(r"(?<=\w)[.!?;:]\s")


def name_for(tx: Connection, person_id: int, prompt: str) -> str:
    """Return a name for what is to be done that no other schedule of this person has."""
    first = short_name(prompt)
    taken = set(tx.scalars(select(schedules.c.name).where(schedules.c.person_id == person_id, LIVE)))
    names = [first, *(f"{first} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def short_name(prompt: str) -> str:
    """Return the first words of what is to be done, as far as its first sentence goes."""
    name = ""
    sentence = _END.split(_SIGNS.sub("", _LINK.sub(r"\1", one_line(prompt, LONGEST_PROMPT))), maxsplit=1)[0]
    words = sentence.split()
    for word in words[:MOST_WORDS]:
        if name and len(name) + len(word) >= LONGEST:
            break
        name = f"{name} {word}".strip()
    whole = " ".join(words).rstrip(_STOPS)
    name = name[:LONGEST].rstrip(_STOPS) or "schedule"
    return name if len(name) >= len(whole) else f"{name}{MORE}"


def is_name_of(name: str, prompt: str) -> bool:
    """Tell whether a name is the first words of what is to be done, with a number or without."""
    return re.fullmatch(rf"{re.escape(short_name(prompt))}(?: \d+)?", name) is not None


def is_called(name: str, words: str) -> bool:
    """Tell whether somebody who writes these words means that name."""
    return name.replace(MORE, "").casefold() == words.replace(MORE, "").rstrip().casefold()


def refuse_long(prompt: str) -> None:
    """Refuse words that are missing or too many. Raises ValueError with a sentence."""
    if not prompt.strip():
        raise ValueError("What is to be done is missing; it stands after the time: `/remind in 20 minutes take out the bread`.")
    if len(prompt) > LONGEST_PROMPT:
        long = f"{len(prompt):,} characters"
        raise ValueError(f"That is {long} long, and a schedule keeps {LONGEST_PROMPT:,}; say it shorter, please.")


def refuse_more(tx: Connection, person_id: int) -> None:
    """Refuse one schedule more to somebody who has as many as one may have. Raises ValueError with a sentence."""
    live = tx.scalar(select(func.count()).select_from(schedules).where(schedules.c.person_id == person_id, LIVE)) or 0
    if live >= MOST_LIVE:
        raise ValueError(f"You have {live} schedules, and {MOST_LIVE} is the most. `/schedule remove ID` makes room.")

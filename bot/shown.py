"""Shown: pictures and PDFs in a prompt, of which the older ones make room after a while."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, update

from bot.ports import CONTENT, Content, Document, Image, Text
from bot.store.tables import transcript
from bot.transcript import Entry

# A prompt is read from the cache as far as it is the same as the last one, so that what makes room does so in steps.
FRESH, STEP = 8, 8  # turns for which all is shown, and after how many more the older ones make room
MOST, MOST_PAGES, LARGEST = 20, 60, 14 * 2**20  # of what is shown at once; providers take a hundred pictures and 32 MB
A_FEW = 5  # pictures that make room together
_AGAIN = Text(text="[the house] It is no longer shown here; open_file shows it again.")
_NOT_TAKEN = Text(text="[the house] The model took nothing of what was shown here; of some files read_file gives the words.")


class _Weight(NamedTuple):
    pictures: int
    pages: int
    size: int


def make_room(entries: Sequence[Entry]) -> list[Entry]:
    """Leave out of a prompt what was shown long ago, and what is too much; the same entries always give the same prompt."""
    turns = list(dict.fromkeys(entry.turn_id for entry in entries))
    old = set(turns[: max(0, len(turns) - FRESH) // STEP * STEP])
    left_out = _too_many([_weight(entry.content) for entry in entries if entry.turn_id not in old])
    made: list[Entry] = []
    for entry in entries:
        weight = _weight(entry.content)
        if weight.pictures and (entry.turn_id in old or left_out > 0):
            left_out -= 0 if entry.turn_id in old else weight.pictures
            entry = entry._replace(content=_without(entry.content, _AGAIN))  # noqa: PLW2901 - the same one
        made.append(entry)
    return made


def take_away(tx: Connection, entries: Sequence[Entry]) -> bool:
    """Show nothing of these entries again, since a provider refuses it; tell whether anything was shown.

    The files can still be read and opened.
    """
    found = [entry for entry in entries if _weight(entry.content).pictures]
    for entry in found:
        content = CONTENT.dump_python(_without(entry.content, _NOT_TAKEN), mode="json")
        tx.execute(update(transcript).where(transcript.c.id == entry.id).values(content=content))
    return bool(found)


def _weight(content: Content) -> _Weight:
    shown = [block for block in content if isinstance(block, Image | Document)]
    pages = sum(block.pages for block in shown if isinstance(block, Document))
    return _Weight(len(shown), pages, sum(block.size for block in shown))


def _too_many(weights: Sequence[_Weight]) -> int:
    """Return how many of the oldest pictures make room for the others."""
    left_out = 0
    rest = [weight for weight in weights if weight.pictures]
    while rest and (
        sum(weight.pictures for weight in rest) > MOST
        or sum(weight.pages for weight in rest) > MOST_PAGES
        or sum(weight.size for weight in rest) > LARGEST
    ):
        dropped = 0
        while rest and dropped < A_FEW:
            dropped += rest.pop(0).pictures
        left_out += dropped
    return left_out


def _without(content: Content, instead: Text) -> Content:
    kept = tuple(block for block in content if not isinstance(block, Image | Document))
    return (*kept, instead) if len(kept) < len(content) else content

"""How facts are put into words, and what is noted when one is forgotten."""

from datetime import datetime, tzinfo
from typing import NamedTuple

from sqlalchemy import Connection

from bot.forgetting import wishes
from bot.forgetting.wishes import Forgotten
from bot.store.database import Database
from skills.memory import facts
from skills.memory.facts import Confidence, Fact


class Traced(NamedTuple):
    """A butler's store, and whose it is."""

    store: Database
    butler: str


def in_words(fact: Fact, zone: tzinfo) -> str:
    """Return a fact with where it comes from, and how far it is to be believed."""
    notes = [f"told by {fact.source} on {fact.at.astimezone(zone):%Y-%m-%d}"]
    notes += [] if fact.confidence is Confidence.SURE else [str(fact.confidence)]
    notes += ["read in somebody else’s text"] * fact.stranger
    if fact.replaced_at is not None:
        notes.append(f"held until {fact.replaced_at.astimezone(zone):%Y-%m-%d}, when fact {fact.replaced_by} took its place")
    return f"{fact.text} ({', '.join(notes)})"


def forgotten(
    tx: Connection, traced: Traced, subject: str, number: int, key: str, now: datetime, reply_id: int | None = None
) -> list[Fact]:
    """Note in the house that a fact is to be forgotten, with all that it replaced; return what that is, nothing if unknown."""
    with traced.store.read() as reading:
        chain = facts.chain(reading, subject, number)
    if number in wishes.pending(tx, subject, traced.butler) and not wishes.is_noted(tx, key):
        return []
    if chain:
        numbers, texts = [one.id for one in chain], [one.text for one in chain]
        in_turns = [one.turn_id for one in chain if one.turn_id is not None]
        wishes.note(tx, key, Forgotten(subject, traced.butler, numbers, texts, in_turns), now, reply_id)
    return chain

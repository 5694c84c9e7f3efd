"""Follow-ups: how likely a message goes on with what was just talked about, by how it is worded and what came before it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from math import exp

from bot.switchboard.words import content, pieces, points_back, stem

SOON, LATER = timedelta(minutes=30), timedelta(hours=6)
SHORT, MIDDLE, LONG = 2, 4, 12  # words
END = 200  # characters at the end of what was said last, where a question stands
_BEGINNINGS = re.compile(
    r"""(
    and|or|but|also|so|then|ok(ay)?|yes|yeah|yep|no|nope|sure|please|thanks?|thank\ you|thx|great|perfect|good|fine
    |nice|right|exactly|maybe|why|really|instead|actually|what\ about|how\ about|the\ (first|second|third|last|other)
    |both|neither|none|same|make\ (it|that)|can\ you\ (say|make|do)\ (it|that)|a\ (bit|little)|go\ on|more|less|not
    |und|oder|aber|auch|dann|ja|nein|nee|doch|gern|gerne|bitte|danke|super|gut|genau|warum|wieso|wirklich|stattdessen
    |was\ ist\ mit|wie\ w[äa]re|de[rmn]|die|das|beide|mach|lieber|mehr|weniger|nicht|weiter
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Before:
    """What came last in a conversation: with which butler, the words of both sides, and how long ago."""

    butler: str
    asked: str
    answered: str
    age: timedelta
    is_vague: bool = False  # this butler had it only because nobody knew better


def goes_on(text: str, before: Before) -> float:
    """Return how likely a message goes on with what came before, by everything but its subject."""
    subject = content(text)
    odds = 0.6 if before.age <= SOON else 0.0 if before.age <= LATER else -1.5
    odds += 1.5 * bool(_BEGINNINGS.match(text.strip()))
    odds += 1.2 * points_back(text)
    odds += 1.0 if len(subject) <= SHORT else 0.5 if len(subject) <= MIDDLE else -0.6 if len(subject) > LONG else 0.0
    odds += 1.0 * (len(pieces(text)) <= SHORT * 3 and "?" in before.answered[-END:])
    odds += 2.0 * _shared(subject, f"{before.asked} {before.answered}")
    odds -= 1.2 * before.is_vague
    return 1 / (1 + exp(-odds))


def subject_matters(text: str) -> float:
    """Return how much of a subject a message has, from 0 to 1: “yes, the second” has none that could be for somebody else."""
    return min(1.0, (len(content(text)) + 0.5) / (MIDDLE - 1))


def says_little(text: str) -> bool:
    """Tell whether a message has so few words that asking anybody what it is about would be of no use."""
    return len(content(text)) < SHORT


def _shared(subject: list[str], before: str) -> float:
    """Return which part of a message's words stood in what came before."""
    said = {stem(word) for word in pieces(before)}
    return sum(stem(word) in said for word in subject) / len(subject) if subject else 0.0

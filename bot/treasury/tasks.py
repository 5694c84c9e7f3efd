"""What a task is expected to take, by its text: the seed's formula as the start, corrected by this house's own history."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from sqlalchemy import Connection, String, cast, func, literal, select

from bot.store.tables import inbox, turns
from bot.store.treasury_tables import budgets
from bot.treasury.periods import ALL

LOOKS_AT = 200  # tasks of before
ENOUGH = 5  # like ones, from which something can be told
ALIKE = 4.0  # times as long or as short by the formula
UNSURE = 4.0  # without a history: as many times more or less, and above that
FIXED = 20_000  # tokens, since each request carries the house's own prompt, of which the formula knows nothing
_WORDS_PER_TOKEN = 0.75
_BLANKS = re.compile(r"\s+")
_MOST_SURE = 0.95
_LONG_LINES, _LONG_WORDS = 500, 5_000
# What the seed's formula adds for what a text speaks of; each word counts as it stands there, in this case of letters.
_ADDS = (
    (("```",), 2.0),
    (("API", "endpoint"), 1.5),
    (("integration", "integrate"), 1.5),
    (("sub-agent", "spawn"), 1.0),
    (("P0", "CRITICAL"), 0.5),
)


@dataclass(frozen=True)
class Guess:
    """The seed's formula for a text: tokens, and how sure it is of them."""

    tokens: int
    confidence: float


@dataclass(frozen=True)
class Estimate:
    """What a task is expected to take in tokens, with bounds between which four of five fall, and from how many like tasks."""

    tokens: int
    low: int
    high: int
    confidence: float
    like_tasks: int


def formula(text: str) -> Guess:
    """Return what the seed's formula says: a token for three quarters of a word, times what the text speaks of."""
    words = len(_BLANKS.split(text))  # as the seed counts: what follows the last line's end is a word, too
    factor = 1.0 + sum(added for names, added in _ADDS if any(name in text for name in names))
    factor += (len(text.splitlines()) > _LONG_LINES) + (words > _LONG_WORDS)
    confidence = 0.6 + 0.1 * any(name in text for name in ("```", "API", "endpoint"))
    confidence += 0.1 * any(name in text for name in ("integration", "integrate"))
    return Guess(math.ceil(math.ceil(words / _WORDS_PER_TOKEN) * factor), min(confidence, _MOST_SURE))


def estimate(tx: Connection, text: str) -> Estimate:
    """Return what a task is expected to take, from what like requests took in this house."""
    guess = formula(text)
    tokens = max(guess.tokens, 1)
    ratios = _ratios(tx, tokens)
    if len(ratios) < ENOUGH:
        return Estimate(tokens, int(tokens / UNSURE), int(tokens * UNSURE) + FIXED, guess.confidence, 0)
    low, *_, high = quantiles(ratios, n=10, method="inclusive")
    return Estimate(max(int(tokens * median(ratios)), 1), int(tokens * low), int(tokens * high), guess.confidence, len(ratios))


def _ratios(tx: Connection, tokens: int) -> Sequence[float]:
    """Return how many times more than the formula said requests of before took: like ones, or all if these are too few."""
    spent = budgets.c.spent_tokens
    rows = tx.execute(
        select(func.aggregate_strings(inbox.c.text, "\n"), func.max(spent))
        .select_from(turns)
        .join(budgets, budgets.c.scope == literal("root:") + cast(turns.c.id, String))
        .join(inbox, inbox.c.turn_id == turns.c.id)
        .where(turns.c.root_id.is_(None), turns.c.state == "answered", budgets.c.period == ALL, spent > 0)
        .group_by(turns.c.id)
        .order_by(turns.c.id.desc())
        .limit(LOOKS_AT)
    ).all()
    found = [(max(formula(words or "").tokens, 1), taken) for words, taken in rows]
    alike = [(guess, taken) for guess, taken in found if 1 / ALIKE <= guess / tokens <= ALIKE]
    return [taken / guess for guess, taken in (alike if len(alike) >= ENOUGH else found)]

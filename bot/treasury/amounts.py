"""Amounts and names as people write them in commands about money."""

import re
from decimal import Decimal

from sqlalchemy import Connection, select

from bot import names
from bot.household import Household
from bot.nearest import did_you_mean
from bot.roles import Role
from bot.store.tables import people
from bot.treasury.budgets import HOUSE, Unit
from bot.treasury.prices import nano

MOST_USD = Decimal(1_000_000)
MOST_TOKENS = 10**13
FORM = "Write an amount like 5 or 0.50 (dollars), or like 200000 tokens."
_USD = re.compile(r"\$?\s*(\d{1,7}(?:\.\d{1,3})?)\s*(?:\$|usd|dollars?)?", re.IGNORECASE)
_TOKENS = re.compile(r"(\d{1,13}|\d{1,3}(?:[, _]\d{3})+|\d{1,6}(?:\.\d{1,3})?\s*[km])\s*tokens?", re.IGNORECASE)
_FACTORS = {"k": 1_000, "m": 1_000_000}


def read_amount(text: str) -> tuple[Unit, int]:
    """Read an amount of dollars or tokens, in nano-dollars or tokens. Raises ValueError with what is wrong."""
    words = text.strip()
    if found := _USD.fullmatch(words):
        amount = Decimal(found[1])
        if amount > MOST_USD:
            raise ValueError(f"${amount:,} is more than this house keeps books for. {FORM}")
        return "usd", nano(amount)
    if found := _TOKENS.fullmatch(words):
        digits = re.sub(r"[, _]", "", found[1].lower())
        factor = _FACTORS.get(digits[-1], 1)
        tokens = int(Decimal(digits.rstrip("km")) * factor)
        if tokens > MOST_TOKENS:
            raise ValueError(f"{tokens:,} tokens are more than this house keeps books for. {FORM}")
        return "tokens", tokens
    raise ValueError(f"“{words}” is no amount. {FORM}" if words else f"An amount is missing. {FORM}")


def read_scope(tx: Connection, household: Household, kind: str, name: str) -> tuple[str, str]:
    """Return the budget that somebody names, and how to speak of it. Raises ValueError with what is wrong."""
    if kind == HOUSE:
        return HOUSE, "the house"
    if kind == "butler":
        if name.lower() not in household.butlers:
            raise ValueError(f"There is no butler {name}.{did_you_mean(name.lower(), household.butlers)} `/butlers` lists all.")
        return f"butler:{name.lower()}", f"butler {name.lower()}"
    found = _people(tx, name)
    if len(found) == 1:
        return f"person:{found[0][0]}", names.escaped(found[0][1])
    if not found:
        meant = did_you_mean(name, [known for _, known in _served(tx)])
        raise ValueError(f"There is no person {name}.{meant} `/people` lists everybody; a number of that list will do.")
    numbers = ", ".join(str(number) for number, _ in found)
    raise ValueError(f"Several people are called {name}: {numbers}. Name one by the number; `/people` lists them.")


def _served(tx: Connection) -> list[tuple[int, str]]:
    served = people.c.role != Role.REMOVED.value
    return [(row.id, row.name) for row in tx.execute(select(people.c.id, people.c.name).where(served).order_by(people.c.id))]


def _people(tx: Connection, name: str) -> list[tuple[int, str]]:
    rows = _served(tx)
    if name.isascii() and name.isdecimal():
        return [row for row in rows if str(row[0]) == name.lstrip("0")]
    return [row for row in rows if row[1].casefold() == name.casefold()]

"""The chart of the last thirty days: what each butler spent, and the caps."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row

from bot.charts import Chart, Day, Slice
from bot.treasury import budgets, figures
from bot.treasury.budgets import HOUSE
from bot.treasury.caps import raised
from bot.treasury.periods import day_of, month_of
from bot.treasury.prices import dollars
from bot.treasury.treasury import Treasury

DAYS = 30
OTHERS = "others"  # what was spent before butlers had budgets of their own


def spending_chart(tx: Connection, treasury: Treasury, now: datetime) -> Chart:
    """Return the chart."""
    day = day_of(now)
    rows = figures.by_day(tx, now, DAYS)
    limits = budgets.limits(tx, treasury.caps, [HOUSE], day)
    caps = {limit.period: dollars(limit.amount) for limit in limits if limit.unit == "usd"}
    usual = caps[day] - dollars(raised(tx, now)) if day in caps else None  # a raise is of today only, and the line of all days
    days = tuple(Day(date=date.fromisoformat(when), slices=_slices(found)) for when, found in rows.items())
    month = dollars(figures.of(tx, HOUSE, now).month)
    this_month = sum((one.total for one in days if (one.date.year, one.date.month) == (now.year, now.month)), dollars(0))
    return Chart(
        name="budget",
        title="Spending of the last 30 days",
        days=days,
        cap=usual,
        month_cap=caps.get(month_of(day)),
        month_before=max(month - this_month, dollars(0)),
    )


def _slices(found: Mapping[str, Row[Any]]) -> tuple[Slice, ...]:
    """Return who spent how much on a day; what nobody reported stands by itself."""
    slices = []
    for scope, row in sorted(found.items()):
        if scope != HOUSE:
            name = scope.removeprefix("butler:")
            slices += [
                Slice(butler=name, amount=dollars(row.spent - row.unreported)),
                Slice(butler=name, amount=dollars(row.unreported), estimated=True),
            ]
    rest = (found[HOUSE].spent if HOUSE in found else 0) - sum(row.spent for scope, row in found.items() if scope != HOUSE)
    if rest > 0:
        slices.append(Slice(butler=OTHERS, amount=dollars(rest)))
    return tuple(one for one in slices if one.amount)

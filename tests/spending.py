"""Thirty days of spending, as charts show them."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from bot.charts import Chart, Day, Slice

TODAY = date(2026, 11, 21)
NOTHING = Decimal()


def spending(
    amounts: Mapping[int, Mapping[str, str]],
    *,
    today: date = TODAY,
    estimated: str = "",
    cap: Decimal | None = None,
    month_cap: Decimal | None = None,
    month_before: Decimal = NOTHING,
) -> Chart:
    """Return a chart: what butlers spent so many days ago; of the one that is named, nobody reported it."""
    days = tuple(
        Day(
            date=today - timedelta(days=ago),
            slices=tuple(
                Slice(butler=butler, amount=Decimal(amount), estimated=butler == estimated)
                for butler, amount in amounts.get(ago, {}).items()
            ),
        )
        for ago in range(29, -1, -1)
    )
    title = "Spending of the last 30 days"
    return Chart(name="budget", title=title, days=days, cap=cap, month_cap=month_cap, month_before=month_before)


CHART = spending(
    {0: {"assistant": "0.41"}, 1: {"assistant": "0.80", "general": "0.25"}, 20: {"assistant": "3.20"}, 25: {"travel": "1.10"}},
    estimated="general",
    cap=Decimal(5),
    month_cap=Decimal(60),
)

"""Periods of budgets: days and months, which begin at 00:00 UTC."""

from datetime import UTC, datetime, timedelta

ALL = "all"  # the period of budgets that end with what they are for


def day_of(now: datetime) -> str:
    """Return the day of a time, such as day:2026-11-21."""
    return f"day:{now.astimezone(UTC).date()}"


def month_of(day: str) -> str:
    """Return the month of a day, such as month:2026-11."""
    return f"month:{day.removeprefix('day:')[:7]}"


def end_of(period: str) -> datetime:
    """Return when a day or a month ends. Raises ValueError for what is neither."""
    kind, _, date = period.partition(":")
    begun = datetime.fromisoformat(date if kind == "day" else f"{date}-01").replace(tzinfo=UTC)
    if kind == "day":
        return begun + timedelta(days=1)
    return (begun + timedelta(days=32)).replace(day=1)

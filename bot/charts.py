"""Charts: what the house shows of money by a picture, as a value that is drawn elsewhere."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from bot.messages import Value

MOST_DAYS = 31
A_CENT = Decimal("0.01")


class Slice(Value):
    """What one butler spent on a day; `estimated` where nobody reported it, so that the most it can be is charged."""

    butler: str = Field(min_length=1)
    amount: Decimal = Field(ge=0)
    estimated: bool = False


class Day(Value):
    """A day's spending."""

    date: date
    slices: tuple[Slice, ...] = ()

    @property
    def total(self) -> Decimal:
        """All of it."""
        return sum((one.amount for one in self.slices), Decimal())


class Chart(Value):
    """The spending of some days in a row, the last of which is today, beside what may be spent."""

    type: Literal["chart"] = "chart"
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")  # of its file, such as budget
    title: str = Field(min_length=1, max_length=40)
    unit: str = Field("$", max_length=3)
    days: tuple[Day, ...] = Field(min_length=1, max_length=MOST_DAYS)
    cap: Decimal | None = Field(None, ge=0)  # of a day
    month_cap: Decimal | None = Field(None, ge=0)
    month_before: Decimal = Field(Decimal(), ge=0)  # what this month had cost before the first of the days

    @model_validator(mode="after")
    def _in_a_row(self) -> Self:
        if any(later.date - day.date != timedelta(days=1) for day, later in pairwise(self.days)):
            raise ValueError("the days do not follow one another")
        return self

    @property
    def today(self) -> date:
        """The last day."""
        return self.days[-1].date

    @property
    def file_name(self) -> str:
        """What a file with the picture is called."""
        return f"{self.name}-{self.today}.png"

    @property
    def month(self) -> Decimal:
        """What this month has cost so far."""
        days = (day for day in self.days if (day.date.year, day.date.month) == (self.today.year, self.today.month))
        return sum((day.total for day in days), self.month_before)

    @property
    def estimated(self) -> Decimal:
        """How much of it nobody reported."""
        return sum((one.amount for day in self.days for one in day.slices if one.estimated), Decimal())

    @property
    def words(self) -> str:
        """The picture in words, for who cannot see it."""
        first, highest = self.days[0].date, max(self.days, key=lambda day: day.total)
        total = sum((day.total for day in self.days), Decimal())
        told = [f"{self.title}, {spoken(first)} to {spoken(self.today)}: {self.money(total)} in all"]
        if total:
            told.append(
                f", {self.money(self.days[-1].total)} today, the most {self.money(highest.total)} on {spoken(highest.date)}"
            )
        told.append(".")
        if self.estimated:
            told.append(f" {self.money(self.estimated)} of it nobody reported, so it is charged in full.")
        if self.cap is not None:
            told.append(f" The cap of a day is {self.money(self.cap)}.")
        if self.month_cap is not None:
            told.append(f" {self.today:%B} so far: {self.money(self.month)} of {self.money(self.month_cap)}.")
        return "".join(told)

    def money(self, amount: Decimal) -> str:
        """Return an amount as people read it; what is something is never shown as nothing."""
        return f"under {self.unit}0.01" if 0 < amount < A_CENT else f"{self.unit}{amount:,.2f}"


def spoken(day: date) -> str:
    """Return a day as in "21 November"."""
    return f"{day.day} {day:%B}"

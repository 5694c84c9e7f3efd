"""Tables: rows and columns as a value, which a chat shows as text, as a picture or as a file."""

import csv
import re
from collections.abc import Sequence
from io import StringIO
from itertools import pairwise
from typing import Literal

from pydantic import Field

from bot.messages import Value

Align = Literal["left", "center", "right"]
MOST_COLUMNS = 10  # of a picture: with more, a telephone shows nothing that can be read
MOST_PAGES = 3
LONGEST_PAGE = 36  # lines: a taller picture is made smaller by whoever carries it
BETWEEN = 0.6  # of a line, between two rows
LONGEST_ROW = 14  # lines: a longer cell is no cell of a table
ROOM = 84  # characters beside each other in the widest picture
LEAST, WIDEST_WORD = 5, 22  # characters of a column
LONGEST_NAME = 40
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.,]+%?$)")  # what a spreadsheet would carry out
_NO_NAME = re.compile(r"[^a-z0-9]+")


class Table(Value):
    """Cells as plain text; `shown` are the same cells without the addresses of their links, as far as that differs."""

    type: Literal["table"] = "table"
    title: str = ""
    header: tuple[str, ...] = Field(min_length=1)
    rows: tuple[tuple[str, ...], ...]
    aligns: tuple[Align, ...]
    shown: tuple[tuple[str, ...], ...] | None = None

    @property
    def file_name(self) -> str:
        """What a file with it is called, without its ending."""
        return _NO_NAME.sub("-", self.title.casefold())[:LONGEST_NAME].strip("-") or "table"

    @property
    def size_in_words(self) -> str:
        """How many rows and columns it has."""
        return f"{_counted(len(self.rows), 'row')}, {_counted(len(self.header), 'column')}"

    @property
    def words(self) -> str:
        """All of it, for who cannot see it: a line for each row, which names the columns."""
        return "\n".join(
            "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(self.header, row, strict=True) if cell)
            for row in self.rows
        ) or ", ".join(self.header)

    @property
    def csv(self) -> bytes:
        """All of it as comma-separated values, as spreadsheets read them; nothing in it is carried out there."""
        out = StringIO()
        writer = csv.writer(out)
        writer.writerows([harmless(cell) for cell in row] for row in (self.header, *self.rows))
        return out.getvalue().encode("utf-8-sig")  # without this mark Excel spoils every umlaut

    def part(self, first: int, last: int) -> "Table":
        """Return the same table with some of its rows."""
        shown = None if self.shown is None else self.shown[first:last]
        return self.model_copy(update={"rows": self.rows[first:last], "shown": shown})

    def pages(self) -> "tuple[Table, ...]":
        """Return what is drawn on a picture each; nothing when it takes too many, or has too many columns to be read."""
        if len(self.header) > MOST_COLUMNS or not self.rows:
            return ()
        heights = self._heights()
        if max(heights) > LONGEST_ROW + BETWEEN or sum(heights[1:]) > MOST_PAGES * (LONGEST_PAGE - heights[0]):
            return ()
        cuts, used = [0], heights[0]
        for number, height in enumerate(heights[1:]):
            if used + height > LONGEST_PAGE:
                cuts.append(number)
                used = heights[0]
            used += height
        cuts.append(len(self.rows))
        found = tuple(self.part(first, last) for first, last in pairwise(cuts))
        return found if len(found) <= MOST_PAGES else ()

    def _heights(self) -> list[float]:
        """Guess how many lines the header and each row take in a picture."""
        rows = (self.header, *(self.shown or self.rows))
        columns = list(zip(*rows, strict=True))
        natural = [float(max(map(_widest_line, column))) for column in columns]
        least = [float(min(max(map(_longest_word, column)), WIDEST_WORD)) for column in columns]
        widths = allot(natural, [max(one, LEAST) for one in least], ROOM - 2 * len(columns))
        return [BETWEEN + max(_lines(cell, width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def allot(natural: Sequence[float], least: Sequence[float], room: float) -> list[float]:
    """Return widths of columns: those that need little get it, the others share the rest, none less than its least."""
    widths = list(least)
    spare = room - sum(widths)
    wanting = sorted(range(len(widths)), key=lambda column: natural[column] - least[column])
    for left, column in zip(range(len(wanting), 0, -1), wanting, strict=True):
        more = min(max(0.0, natural[column] - least[column]), max(0.0, spare / left))
        widths[column] += more
        spare -= more
    return widths


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _widest_line(cell: str) -> int:
    return max(len(line) for line in cell.split("\n"))


def _longest_word(cell: str) -> int:
    return max(map(len, cell.split()), default=0)


def _lines(cell: str, width: float) -> int:
    """Guess how many lines a cell takes: words are not cut, so that each line loses a little."""
    return sum(max(1, -(-len(line) * 11 // (10 * int(width))) if len(line) > width else 1) for line in cell.split("\n"))

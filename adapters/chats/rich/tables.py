"""Tables of Markdown: a grid where it fits, otherwise a record for each row, or what stands for a table that is shown apart."""

import re
from collections.abc import Sequence

from wcwidth import wcswidth

from adapters.chats.rich.text import Edit, RichText, edited, spelled
from adapters.chats.rich.writer import Writer
from bot.tables import Table

WIDEST_GRID = 60
LEAST_APART = 3  # columns: with fewer, a record for each row is read as well
APART = "\ufffc"  # stands for a table that is shown apart from the text
# A header stands in every record: a long one over many rows would multiply the text.
_LONGEST_HEADER = 40
_BREAK = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)

Rows = Sequence[Sequence[RichText]]


def write_table(writer: Writer, rows: Rows, aligns: Sequence[str], widest: int | None = None) -> None:
    """Write a table whose first row is its header; one that is wider than `widest` is only marked, to be shown apart."""
    broken = [[_with_breaks(cell) for cell in row] for row in rows]
    plain = [[_plain(cell).split("\n") for cell in row] for row in broken]
    widths = [max(_width(line) for row in plain for line in row[column]) for column in range(len(aligns))]
    if sum(widths) + 3 * (len(widths) - 1) <= (widest or WIDEST_GRID):
        writer.pre(_grid(plain, widths, aligns))
    elif widest and len(aligns) >= LEAST_APART and len(rows) > 1:
        writer.open("table", _kept(broken, aligns).model_dump_json())
        writer.write(APART)
        writer.close()
    elif len(rows) > 1 and all(len(cell.text) <= _LONGEST_HEADER for cell in broken[0]):
        _write_records(writer, broken)
    else:
        _write_rows(writer, broken)


def _kept(rows: Rows, aligns: Sequence[str]) -> Table:
    header, *cells = [tuple(_plain(cell).strip() for cell in row) for row in rows]
    shown = tuple(tuple(cell.text.strip() for cell in row) for row in rows[1:])
    known = {"aligns": [align or "left" for align in aligns], "shown": None if shown == tuple(cells) else shown}
    return Table.model_validate({"header": header, "rows": cells, **known})


def _with_breaks(cell: RichText) -> RichText:
    """Let <br> break the line: in a cell there is no other way to write it."""
    return edited(cell, [Edit(found.start(), found.end(), "\n") for found in _BREAK.finditer(cell.text)])


def _plain(cell: RichText) -> str:
    return spelled(cell, lambda _: False).text.replace("\t", " ")


def _width(text: str) -> int:
    return max(0, wcswidth(text))


def _grid(rows: list[list[list[str]]], widths: list[int], aligns: Sequence[str]) -> str:
    lines = [line for row in rows[:1] for line in _row(row, widths, aligns)]
    if any(line.strip(" |") for line in lines):
        lines.append("-+-".join("-" * width for width in widths))
    else:
        lines = []
    lines += (line for row in rows[1:] for line in _row(row, widths, aligns))
    return "\n".join(lines)


def _row(cells: list[list[str]], widths: list[int], aligns: Sequence[str]) -> list[str]:
    height = max(len(cell) for cell in cells)
    padded = [
        [_pad(cell[line] if line < len(cell) else "", width, align) for line in range(height)]
        for cell, width, align in zip(cells, widths, aligns, strict=True)
    ]
    return [" | ".join(line).rstrip() for line in zip(*padded, strict=True)]


def _pad(text: str, width: int, align: str) -> str:
    missing = width - _width(text)
    left = {"right": missing, "center": missing // 2}.get(align, 0)
    return " " * left + text + " " * (missing - left)


def _write_records(writer: Writer, rows: Rows) -> None:
    header = rows[0]
    for number, row in enumerate(rows[1:]):
        writer.gap(2)
        for name, value in zip(header, row, strict=True):
            if not value.text and (number or not name.text):
                continue  # the first record names every column, the others only what they have
            if name.text:
                writer.open("bold")
                writer.write(_plain(name).replace("\n", " "))
                writer.close()
                writer.write(": " if value.text else ":")
            writer.append(value)
            writer.gap(1)


def _write_rows(writer: Writer, rows: Rows) -> None:
    for row in rows:
        writer.gap(1)
        for number, cell in enumerate(row):
            writer.write(" | " if number else "")
            writer.append(cell)

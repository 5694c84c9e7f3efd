"""Sheets of Excel and OpenDocument programs, as rows of text."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from bot.converting.kinds import PASSWORD
from bot.converting.results import LONGEST_TEXT, Unreadable
from bot.converting.texts import tidy

Cell = int | float | str | bool | time | date | datetime | timedelta


def sheet_text(content: bytes) -> str:
    """Return what stands in each sheet, the cells of a row parted by tabs. Raises Unreadable."""
    try:
        with CalamineWorkbook.from_filelike(BytesIO(content)) as book:
            parts: list[str] = []
            length = 0
            for name in book.sheet_names:
                for line in _lines(book, name):
                    parts.append(line)
                    length += len(line) + 1
                    if length > LONGEST_TEXT:
                        return "\n".join(parts)
    except PasswordError as error:
        raise Unreadable(PASSWORD) from error
    except CalamineError as error:
        raise Unreadable("is damaged: I cannot open it as a sheet. Please save it again, as .xlsx or .csv.") from error
    return "\n".join(parts)


def _lines(book: CalamineWorkbook, name: str) -> Iterator[str]:
    sheet = book.get_sheet_by_name(name)
    yield f"\n[sheet “{tidy(name)}”]"
    empty = 0
    for row in sheet.iter_rows():
        line = "\t".join(map(_spelled, row)).rstrip("\t")
        if not line:
            empty += 1
            continue
        yield "\n" * min(empty, 1) + line
        empty = 0


def _spelled(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if cell.time() != time() else cell.date().isoformat()
    return " ".join(tidy(str(cell)).split())

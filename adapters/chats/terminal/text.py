"""Text as a terminal shows it: with styles and wrapped lines, or plain for a pipe."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from wcwidth import iter_graphemes, wcswidth

from adapters.chats.rich.text import Edit, Kind, RichText, Span, address, edited, neutral, spelled

_RESET = "\x1b[0m"
_DIM = "2"
_STYLES: dict[Kind, str] = {
    "spoiler": "7",
    "link": "4",
    "bold": "1",
    "strike": "9",
    "italic": "3",
    "code": "36",
    "pre": "36",
}

_NARROWEST = 20
_TAB = 4
_CODE_INDENT = " " * 4
_QUOTE_BAR = "│ "
# A line goes on below the text of its list item, not below the marker.
_MARKER = re.compile(r" *(?:(?:[•◦▪▫☐☑]|\d{1,9}[.)](?: [☐☑])?) )?")


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    style: str


@dataclass(slots=True)
class _Line:
    quoted: bool = False
    code: bool = False
    runs: list[_Run] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Cell:
    char: str  # what a person takes for one character
    width: int
    style: str


def to_plain(rich: RichText) -> str:
    """Write a text for a pipe: no escape sequences, links as "text (url)", quotes behind "> "."""
    rich = spelled(RichText(neutral(rich.text), rich.spans), lambda _: False)
    quotes = [span for span in rich.spans if span.kind == "quote"]
    starts = [at for quote in quotes for at in _line_starts(rich.text, quote)]
    return edited(rich, [Edit(at, at, "> ") for at in starts]).text


def to_ansi(rich: RichText, width: int) -> str:
    """Write a text for a terminal of this width; nothing in it but these styles drives the terminal."""
    neutralised = RichText(neutral(rich.text), rich.spans)
    return "\n".join(row for line in _lines(neutralised) for row in _rows(line, max(width, _NARROWEST)))


def _line_starts(text: str, span: Span) -> Iterator[int]:
    yield span.start
    yield from (at + 1 for at in range(span.start, span.end - 1) if text[at] == "\n")


def _lines(rich: RichText) -> Iterator[_Line]:
    """Gather what stands on each line; quotes and blocks of code have lines of their own."""
    line = _Line()
    active: list[Span] = []
    coming = list(reversed(rich.spans))
    points = sorted({0, len(rich.text), *(s.start for s in rich.spans), *(s.end for s in rich.spans)})
    for start, end in pairwise(points):
        active = [span for span in active if span.end > start]
        while coming and coming[-1].start <= start:
            active.append(coming.pop())
        text = rich.text[start:end]
        quoted, block = _has(active, "quote"), _has(active, "pre")
        if (quoted, block) != (line.quoted, line.code):
            if line.runs:
                yield line
                text = text.removeprefix("\n")  # this line is over already
            line = _Line(quoted, block)
            if block and active[-1].detail:
                yield _Line(quoted, block, [_Run(neutral(active[-1].detail), _DIM)])
        style = ";".join(_STYLES[span.kind] for span in active if span.kind in _STYLES)
        for number, part in enumerate(text.split("\n")):
            if number:
                yield line
                line = _Line(quoted, block)
            line.runs += [_Run(part, style)] if part else []
        line.runs += (_url(rich.text, span) for span in active if span.kind == "link" and span.end == end)
    yield line


def _has(spans: Sequence[Span], kind: Kind) -> bool:
    return any(span.kind == kind for span in spans)


def _url(text: str, link: Span) -> _Run:
    shown = neutral(address(link.detail)).replace("\n", " ")
    same = text[link.start : link.end].strip() in {shown, link.detail}
    return _Run("" if same else f" ({shown})", _DIM)


def _rows(line: _Line, width: int) -> Iterator[str]:
    bar = _styled(_QUOTE_BAR, _DIM) if line.quoted else ""
    if line.code:
        code = "".join(_styled(run.text.expandtabs(_TAB), run.style) for run in line.runs)
        yield bar + (_CODE_INDENT + code if code else "")
        return
    room = width - (len(_QUOTE_BAR) if line.quoted else 0)
    marker = _MARKER.match("".join(run.text for run in line.runs))
    hang = min(marker.end() if marker else 0, room // 2)
    cells = [
        _Cell(char, max(0, wcswidth(char)), run.style)
        for run in line.runs
        for char in iter_graphemes(run.text.replace("\t", " " * _TAB))
    ]
    for row in _wrapped(cells, room, hang):
        yield bar + "".join(
            _styled("".join(cell.char for cell in group), style)
            for style, group in groupby(_stripped(row), key=lambda cell: cell.style)
        )


def _wrapped(cells: Sequence[_Cell], room: int, hang: int) -> Iterator[list[_Cell]]:
    """Break a line at spaces, or within a word that is wider than the room."""
    pad = [_Cell(" ", 1, "")] * hang
    row: list[_Cell] = []
    used = word = 0  # `word` is where the last word of the row begins, 0 while there is only one
    for cell in cells:
        if used + cell.width > room and cell.char == " ":
            yield row
            row, used, word = list(pad), hang, 0
            continue  # the end of the row stands for the space
        while used + cell.width > room and used > hang:
            cut = word or len(row)
            yield row[:cut]
            row, word = pad + row[cut:], 0
            used = sum(kept.width for kept in row)
        row.append(cell)
        used += cell.width
        if cell.char == " " and used > hang:
            word = len(row)
    yield row


def _stripped(row: Sequence[_Cell]) -> Sequence[_Cell]:
    # A style at the end of a row would show its space.
    return row[: max((at for at, cell in enumerate(row, 1) if cell.char != " "), default=0)]


def _styled(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}{_RESET}" if text and style else text

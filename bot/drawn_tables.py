"""Drawn tables: a page of a table as PNG, to be read on a telephone, by day and by night; bot/drawing.py runs it."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.tables import Align, Table, allot

SCALE = 3  # pixels of the picture for one of a telephone, which is about 390 of them wide
SIZE, LEADING = 13, 17  # of the letters and of their lines
MARGIN, ACROSS, DOWN = 10, 7, 5  # around the table, and around what stands in a cell
ROOMS = (390, 450, 520, 600, 700, 820)  # widths of pictures: the first is read as it is, wider ones are made smaller
FEW_LINES, STEEP = 7, 1.5  # of the tallest cell, and of the picture: then it is wide enough
LONGEST_WORD = 92  # longer ones are cut
INK, PAGE, HEAD, STRIPE, RULE = "#1F2328", "#FBFBF9", "#E4E1D6", "#F1F0EB", "#C9CCD1"
# Signs that no font of letters has, and that people put into tables.
_SIGNS = str.maketrans({"✅": "✔", "❌": "✘", "❎": "✘", "⭐": "★", "🌟": "★", "👍": "✔", "👎": "✘", "❗": "!", "❓": "?"})
_JOINERS = re.compile("[\u200b-\u200f\u2060-\u2069\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
_NUMBER = re.compile(r"[-+–−~≈]?\s?[$€£¥]?\s?\d[\d.,'\s]*\s?[%$€£¥]?")  # noqa: RUF001 - the signs that people write
_SEAMS = "-/_.,@="  # where a long word is cut best
_SYMBOLS = ("So", "Sk", "Cn", "Co")
_FROM_THE_RIGHT = ("R", "AL")
_PLACES = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/System/Library/Fonts"), Path("/Library/Fonts"))
_OTHERS = ("NotoSansCJK-Regular.*", "NotoSans-Regular.*", "PingFang.ttc", "Arial Unicode.ttf", "wqy-*.ttc", "FreeSans.*")


class CannotDraw(Exception):
    """The table has letters for which there is no font here."""


@dataclass(frozen=True)
class _Fonts:
    plain: ImageFont.FreeTypeFont
    bold: ImageFont.FreeTypeFont


@dataclass(frozen=True)
class _Layout:
    """Where everything stands; all measures in pixels of the picture."""

    widths: tuple[float, ...]
    rows: tuple[tuple[tuple[str, ...], ...], ...]  # lines of cells, the header first
    aligns: tuple[Align, ...]

    @cached_property
    def heights(self) -> tuple[int, ...]:
        """How tall each row is."""
        return tuple(SCALE * (LEADING * max(map(len, row)) + 2 * DOWN) for row in self.rows)

    @property
    def size(self) -> tuple[int, int]:
        """How large the picture is."""
        across = sum(self.widths) + SCALE * 2 * (ACROSS * len(self.widths) + MARGIN)
        return round(across), sum(self.heights) + SCALE * 2 * MARGIN

    @property
    def tallest(self) -> int:
        """How many lines the tallest cell has, that of the header left out."""
        return max((len(cell) for row in self.rows[1:] for cell in row), default=0)


def picture(table: Table) -> bytes:
    """Draw a table and return it as PNG, the same for the same table. Raises CannotDraw."""
    cells = [[_drawable(cell) for cell in row] for row in (table.header, *(table.shown or table.rows))]
    fonts = _fonts("".join("".join(row) for row in cells))
    cells = [[_known(cell, fonts.plain) for cell in row] for row in cells]
    layout = _laid_out(cells, table.aligns, fonts)
    image = Image.new("RGB", layout.size, PAGE)
    _draw(ImageDraw.Draw(image), layout, fonts)
    out = BytesIO()
    image.quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(out, format="png", optimize=True)
    return out.getvalue()


def _drawable(cell: str) -> str:
    """Return what of a cell can be drawn: signs that have a letter's form, none that only turn others."""
    return _JOINERS.sub("", cell.translate(_SIGNS)).replace("\t", " ")


def _fonts(letters: str) -> _Fonts:
    """Return fonts that have these letters. Raises CannotDraw."""
    if any(unicodedata.bidirectional(letter) in _FROM_THE_RIGHT for letter in letters):
        raise CannotDraw("what is written from the right is not drawn")
    spec = find_spec("matplotlib")  # which brings the fonts along, and is not imported for them
    if spec is None or spec.submodule_search_locations is None:
        raise CannotDraw("matplotlib, which brings the fonts along, is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    own = _Fonts(_font(folder / "DejaVuSans.ttf"), _font(folder / "DejaVuSans-Bold.ttf"))
    missing = _missing(letters, own.plain)
    if not missing:
        return own
    for path in (path for place in _PLACES for name in _OTHERS for path in sorted(place.rglob(name))):
        other = _font(path)
        if not _missing(letters, other):
            return _Fonts(other, other)
    raise CannotDraw(f"no font here has {missing[0]!r}")


def _font(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, SIZE * SCALE)


def _missing(letters: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """Return the letters that a font does not have; symbols may be left out, letters may not."""
    wanted = sorted(letter for letter in set(letters) if not letter.isspace() and unicodedata.category(letter) not in _SYMBOLS)
    return [letter for letter in wanted if not _has(font, letter)]


def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    nothing = font.getmask("\uffff")
    mask = font.getmask(letter)
    return mask.size != nothing.size or bytes(mask) != bytes(nothing)


def _known(cell: str, font: ImageFont.FreeTypeFont) -> str:
    """Return a cell without the symbols that a font does not have."""
    left = "".join(letter for letter in cell if letter.isspace() or letter.isascii() or _has(font, letter))
    return "\n".join(" ".join(line.split()) for line in left.split("\n")) or ("•" if cell.strip() else "")


def _laid_out(cells: Sequence[Sequence[str]], aligns: Sequence[Align], fonts: _Fonts) -> _Layout:
    """Find the narrowest picture in which no cell is tall."""
    columns = list(zip(*cells, strict=True))
    natural = [max(_widest(column[0], fonts.bold), *(_widest(cell, fonts.plain) for cell in column)) for column in columns]
    least = [
        min(SCALE * LONGEST_WORD, max(fonts.bold.getlength(word) for cell in column for word in ("", *cell.split())))
        for column in columns
    ]
    turned = tuple("right" if _is_numeric(column[1:]) else align for column, align in zip(columns, aligns, strict=True))
    layout = None
    for room in ROOMS:
        inner = SCALE * (room - 2 * MARGIN - 2 * ACROSS * len(columns))
        widths = allot(natural, least, inner)
        rows = [
            tuple(tuple(_wrapped(cell, width, font)) for cell, width in zip(row, widths, strict=True))
            for row, font in zip(cells, (fonts.bold, *[fonts.plain] * len(cells)), strict=False)
        ]
        layout = _Layout(tuple(widths), tuple(rows), turned)
        width, height = layout.size
        if sum(least) <= inner and layout.tallest <= FEW_LINES and height <= STEEP * width:
            break
    assert layout is not None  # noqa: S101 - there are rooms
    return layout


def _widest(cell: str, font: ImageFont.FreeTypeFont) -> float:
    return max(font.getlength(line) for line in cell.split("\n")) + 1


def _is_numeric(cells: Sequence[str]) -> bool:
    written = [cell for cell in cells if cell not in ("", "-", "–", "—")]  # noqa: RUF001 - what stands for nothing
    return bool(written) and all(_NUMBER.fullmatch(cell) for cell in written)


def _wrapped(cell: str, width: float, font: ImageFont.FreeTypeFont) -> Iterator[str]:
    """Break a cell's lines at spaces, and words that are wider than the column anywhere."""
    for line in cell.split("\n"):
        row = ""
        for word in line.split():
            longer = f"{row} {word}" if row else word
            if font.getlength(longer) <= width:
                row = longer
                continue
            if row:
                yield row
            *whole, row = _cut(word, width, font)
            yield from whole
        yield row


def _cut(word: str, width: float, font: ImageFont.FreeTypeFont) -> Iterator[str]:
    while len(word) > 1 and font.getlength(word) > width:
        end = next((end for end in range(len(word) - 1, 1, -1) if font.getlength(word[:end]) <= width), 1)
        seam = max(word.rfind(sign, 0, end) for sign in _SEAMS) + 1
        end = seam if seam > end // 3 else end
        yield word[:end]
        word = word[end:]
    yield word


def _draw(draw: ImageDraw.ImageDraw, layout: _Layout, fonts: _Fonts) -> None:
    width, _ = layout.size
    left, right = SCALE * MARGIN, width - SCALE * MARGIN
    top: float = SCALE * MARGIN
    for number, (row, height) in enumerate(zip(layout.rows, layout.heights, strict=True)):
        if number == 0 or number % 2 == 0:
            draw.rectangle((left, top, right, top + height), fill=STRIPE if number else HEAD)
        _draw_row(draw, layout, row, top, fonts.plain if number else fonts.bold)
        top += height
        draw.line((left, top, right, top), fill=INK if number == 0 else RULE, width=SCALE)


def _draw_row(
    draw: ImageDraw.ImageDraw, layout: _Layout, row: Sequence[Sequence[str]], top: float, font: ImageFont.FreeTypeFont
) -> None:
    left: float = SCALE * (MARGIN + ACROSS)
    for cell, width, align in zip(row, layout.widths, layout.aligns, strict=True):
        for number, line in enumerate(cell):
            spare = width - font.getlength(line)
            shift = {"right": spare, "center": spare / 2}.get(align, 0.0)
            draw.text((left + shift, top + SCALE * (DOWN + LEADING * number + 1)), line, font=font, fill=INK)
        left += width + SCALE * 2 * ACROSS

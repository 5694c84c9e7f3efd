"""Cutting a rich text into pieces that a chat takes, at the places where a reader would cut."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from heapq import nlargest

from wcwidth import grapheme_boundary_before

from adapters.chats.rich.text import RichText, Span, clipped

Measure = Callable[[str], int]

MAX_SPANS = 100

_SENTENCE = re.compile(r"""[.!?…]["'»”’)\]]*(?=\s)|[。！？](?=\w)""")  # noqa: RUF001 - full-width marks are meant
_SPACE = re.compile(r"\s(?=\S)")
_BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")
_SEAM = re.compile(r"(?:[^\S\n]*\n)+|[^\S\n]*")
_LOOK = 32  # how far around a cut a single visible character is looked for


def split(rich: RichText, limit: int, measure: Measure = len, max_spans: int = MAX_SPANS) -> list[RichText]:
    """Cut a text into pieces that measure no more than `limit`, each with its own part of the spans.

    Only white space at a cut is lost. `measure` must grow with the text; if it counts a single character as more than
    `limit`, that character makes a piece all the same.
    """
    return list(_pieces(rich, limit, measure, max_spans))


def tail(rich: RichText, limit: int, measure: Measure = len, max_spans: int = MAX_SPANS) -> RichText:
    """Take the last part that measures no more than `limit`, from the beginning of a line where one is near."""
    text = rich.text.rstrip()
    low, high = max(0, len(text) - limit), len(text)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if measure(text[middle:]) <= limit else (middle + 1, high)
    start = low
    if len(rich.spans) > max_spans:
        start = max(start, nlargest(max_spans + 1, (span.end for span in rich.spans))[-1])
    if 0 < start < len(text):
        start = _beginning(text, start)
    return RichText(text[start:], clipped(rich.spans, start, len(text)))


def _beginning(text: str, start: int) -> int:
    early = start + (len(text) - start) // 4
    line = text.find("\n", start - 1, early)
    if line >= 0:
        return _end(_BLANK_LINES, text, line + 1)
    if space := _SPACE.search(text, start, early):
        return space.end()
    first = max(0, start - _LOOK)
    window = text[first : start + _LOOK]
    ahead = (at for at in range(start - first, len(window)) if grapheme_boundary_before(window, at + 1) == at)
    return first + next(ahead, start - first)


def _pieces(rich: RichText, limit: int, measure: Measure, max_spans: int) -> Iterator[RichText]:
    text, spans = rich.text, rich.spans
    cuts = _Cuts(rich)
    held: list[Span] = []  # those that began before `start` and go on
    upcoming = 0  # the first of the others
    start = _end(_BLANK_LINES, text, 0)
    while start < len(text):
        crowd = _crowd(spans, upcoming + max(0, max_spans - len(held)), start)
        reach = min(_reach(text, start, limit, measure), crowd if crowd is not None else len(text))
        cut = len(text) if reach == len(text) else cuts.best(start, reach)
        while upcoming < len(spans) and spans[upcoming].start < cut:
            held.append(spans[upcoming])
            upcoming += 1
        end = start + len(text[start:cut].rstrip())
        if end > start:
            yield RichText(text[start:end], clipped(held, start, end)[:max_spans])
        start = _end(_SEAM, text, cut)
        held = [span for span in held if span.end > start]


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _reach(text: str, start: int, limit: int, measure: Measure) -> int:
    """Find the furthest end of a piece that still fits."""
    end = min(len(text), start + max(limit, 1))
    if measure(text[start:end]) <= limit:
        return end
    low, high = start + 1, end  # one character goes even if it does not fit, or there would be no end
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if measure(text[start:middle]) <= limit else (low, middle)
    return low


def _crowd(spans: tuple[Span, ...], index: int, start: int) -> int | None:
    """Find where the first span begins for which a piece has no room."""
    while index < len(spans) and spans[index].start <= start:
        index += 1  # to cut before this one would make an empty piece
    return spans[index].start if index < len(spans) else None


class _Cuts:
    """The places where a text may be cut, the best of them first."""

    def __init__(self, rich: RichText) -> None:
        self._text = rich.text
        blocks = [span for span in rich.spans if span.kind == "pre"]
        self._starts = [span.start for span in blocks]
        self._ends = [span.end for span in blocks]
        # A line that is bold to its end is a heading, which belongs to what follows it.
        self._headings = {
            span.end for span in rich.spans if span.kind == "bold" and (span.start == 0 or rich.text[span.start - 1] == "\n")
        }

    def best(self, start: int, reach: int) -> int:
        """Choose a cut after `start` and not after `reach`."""
        half = start + (reach - start + 1) // 2  # a piece is at least half full, or there would be too many
        for low in (half, start + 1):
            for find in (self._blank_line, self._newline, self._sentence, self._space):
                cut = find(low, reach)
                if cut > start:
                    return cut
        boundary = start + grapheme_boundary_before(self._text[start : reach + 1], reach + 1 - start)
        return boundary if boundary > start else reach

    def _blank_line(self, low: int, reach: int) -> int:
        cut = self._text.rfind("\n\n", low, reach + 2)
        while cut >= low and (cut in self._headings or self._in_block(cut)):
            cut = self._text.rfind("\n\n", low, cut + 1)
        return cut

    def _newline(self, low: int, reach: int) -> int:
        return self._text.rfind("\n", low, reach + 1)

    def _sentence(self, low: int, reach: int) -> int:
        ends = [found.end() for found in _SENTENCE.finditer(self._text, low, reach + 1)]
        return next((end for end in reversed(ends) if low <= end <= reach and not self._in_block(end)), -1)

    def _space(self, low: int, reach: int) -> int:
        spaces = [found.start() for found in _SPACE.finditer(self._text, low, reach + 2)]
        return next((space for space in reversed(spaces) if space <= reach and self._apart(space)), -1)

    def _apart(self, space: int) -> bool:
        # A mark after a space is drawn on the space.
        return grapheme_boundary_before(self._text[space : space + 2], 2) == 1

    def _in_block(self, at: int) -> bool:
        index = bisect_right(self._starts, at) - 1
        return index >= 0 and self._starts[index] < at < self._ends[index]

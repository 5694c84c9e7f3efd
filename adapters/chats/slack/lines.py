"""The lines of a rich text as both of Slack's languages write them: formatting never crosses from one to the next."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from adapters.chats.rich.mentions import JOINER, defused
from adapters.chats.rich.text import RichText, Span, neutral, ordered, plausible, spelled

_BARE_URL = re.compile(r"https?://[^\s<>\"`|\\^{}\u2060]+", re.IGNORECASE)
_AFTER_URL = ".,;:!?'*_~…"
_BRACKETS = {")": "(", "]": "["}
# What notifies people or a channel, where Slack reads it; in code it is not escaped, and so must be split.
_TOKEN = re.compile(r"<(?=(?:[@#][A-Z0-9]{2,}|!(?:here|channel|everyone|subteam\^|date\^))[^\s<>]*>)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text with its formatting, or a block of code; lines of the same quote have the same `quote`."""

    text: str
    quote: int | None = None
    spans: tuple[Span, ...] = ()
    code: Span | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """What comes next on a line: a text, a stretch of code, or the beginning or the end of a span."""

    what: Literal["text", "code", "open", "close"]
    text: str = ""
    span: Span | None = None


def fitted(rich: RichText) -> RichText:
    """Do everything that changes the length of a text, so that it can be cut afterwards."""
    rich = spelled(RichText(neutral(rich.text), rich.spans), _accepts)
    return _linked(defused(rich, spared=("code", "pre")))


def harmless(code: str) -> str:
    """Split the tokens in code by which Slack notifies people."""
    return _TOKEN.sub(f"<{JOINER}", code)


def lines(rich: RichText) -> Iterator[Line]:
    """Read a text line by line."""
    blocks = [span for span in rich.spans if span.kind in {"quote", "pre"}]
    inline = list(reversed([span for span in rich.spans if span.kind not in {"quote", "pre"}]))
    points = sorted({0, len(rich.text), *(span.start for span in blocks), *(span.end for span in blocks)})
    waiting = list(reversed(blocks))
    around: list[Span] = []
    active: list[Span] = []
    for start, end in pairwise(points):
        around = [span for span in around if span.end > start]
        while waiting and waiting[-1].start <= start:
            around.append(waiting.pop())
        quote = next((span.start for span in around if span.kind == "quote"), None)
        code = next((span for span in around if span.kind == "pre"), None)
        if code:
            yield Line(rich.text[start:end], quote, code=code)
            continue
        for first, last in _rows(rich.text, start, end):
            active = [span for span in active if span.end > first]
            while inline and inline[-1].start < last:
                active.append(inline.pop())
            yield Line(rich.text[first:last], quote, tuple(_trimmed(rich.text, active, first, last)))


def marks(line: Line) -> list[Mark]:
    """Take a line apart."""
    found: list[Mark] = []
    opened: list[Span] = []
    at = 0

    def text(until: int) -> None:
        nonlocal at
        if until > at:
            found.append(Mark("text", line.text[at:until]))
            at = until

    def close(before: int) -> None:
        while opened and opened[-1].end <= before:
            text(opened[-1].end)
            found.append(Mark("close", span=opened.pop()))

    for span in line.spans:
        close(span.start)
        text(span.start)
        if span.kind == "code":
            found.append(Mark("code", line.text[span.start : span.end], span))
            at = span.end
        else:
            opened.append(span)
            found.append(Mark("open", line.text[span.start : span.end], span))
    close(len(line.text))
    text(len(line.text))
    return found


def _accepts(url: str) -> bool:
    return plausible(url) and url.partition(":")[0].lower() in {"http", "https", "mailto"}


def _rows(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    if start and text[start] == "\n":
        start += 1  # it ended the line before
        if start == end:
            return
    if end < len(text) and end > start and text[end - 1] == "\n":
        end -= 1  # what follows begins a line of its own
    while True:
        newline = text.find("\n", start, end)
        if newline < 0:
            yield start, end
            return
        yield start, newline
        start = newline + 1


def _trimmed(text: str, spans: Iterable[Span], first: int, last: int) -> Iterator[Span]:
    """Cut spans to a line and to what is visible in it, and count from the beginning of the line."""
    for span in spans:
        start, end = max(span.start, first), min(span.end, last)
        covered = text[start:end]
        if span.kind != "code":
            end = start + len(covered.rstrip())
            start = end - len(covered.strip())
        if end > start and covered.strip():
            yield Span(span.kind, start - first, end - first, span.detail)


def _linked(rich: RichText) -> RichText:
    """Make links of bare URLs: their stars and underscores are neither formatting nor to be escaped."""
    if "://" not in rich.text:
        return rich
    edges = sorted({edge for span in rich.spans if span.kind != "quote" for edge in (span.start, span.end)})
    taken = [span for span in rich.spans if span.kind in {"code", "pre", "link"}]
    starts = [span.start for span in taken]
    found: list[Span] = []
    for match in _BARE_URL.finditer(rich.text):
        start, url = match.start(), _without_period(match.group())
        edge, last = bisect_right(edges, start), bisect_right(starts, start) - 1
        crossed = edge < len(edges) and edges[edge] < start + len(url)
        if plausible(url) and not crossed and (last < 0 or taken[last].end <= start):
            found.append(Span("link", start, start + len(url), url))
    return RichText(rich.text, ordered([*rich.spans, *found]))


def _without_period(url: str) -> str:
    url = url.rstrip(_AFTER_URL)
    while url and url[-1] in _BRACKETS and url.count(url[-1]) > url.count(_BRACKETS[url[-1]]):
        url = url[:-1].rstrip(_AFTER_URL)
    return url

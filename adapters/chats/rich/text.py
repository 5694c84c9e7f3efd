"""Rich text: a flat text and the spans over it, which belong to no vendor and which every chat can show."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

Kind = Literal["bold", "italic", "strike", "spoiler", "code", "pre", "quote", "link", "table"]

# At the same place a quote holds everything and code holds nothing; the order between the others only has to be fixed.
_RANK: dict[Kind, int] = {
    "quote": 0,
    "spoiler": 1,
    "link": 2,
    "bold": 3,
    "strike": 4,
    "italic": 5,
    "code": 6,
    "pre": 7,
    "table": 8,
}

# Beyond this a URL is shown rather than hidden behind a text: no vendor says how long a link may be.
LONGEST_URL = 2048


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, counted in code points; `detail` is a link's URL or the language of a block of code.

    A table is one character, and its `detail` the table itself (rich/wide.py).
    """

    kind: Kind
    start: int
    end: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RichText:
    """A text and its spans, outer ones first, properly nested and never empty; code and pre hold no other span."""

    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """One change to a text: what stands between `start` and `end` becomes `text`."""

    start: int
    end: int
    text: str


def _table(bidi: str | None) -> dict[int, str | None]:
    # Telegram turns C0 into spaces and its JSON cannot carry lone surrogates; terminals obey C0 and C1; U+FFFE and
    # U+FFFF are no characters at all. The mark in their place says that something was there.
    refused = (*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
    table: dict[int, str | None] = dict.fromkeys(refused, "\ufffd")
    del table[ord("\n")], table[ord("\t")]
    # Every one of these ends a line for some chat or some terminal.
    table.update(dict.fromkeys(map(ord, "\r\x0b\x0c\x85\u2028\u2029"), "\n"))
    # These reorder what a person reads, and Telegram drops them; the isolates U+2066-2069 do the honest work.
    table.update(dict.fromkeys(range(0x202A, 0x202F), bidi))
    return table


_RING = "\u030a"  # Telegram drops it, and with it what makes an å of a decomposed name
_CLEAN = _table(bidi=None)
_NEUTRAL = _table(bidi="\ufffd")
_UNCLEAN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """Rid a text of the characters that a chat refuses or a terminal obeys."""
    if _RING in text:
        text = normalize("NFC", text)
    if not _UNCLEAN.search(text):
        return text
    # Halves of a pair that arrived apart are one character; a half without its other one becomes U+FFFD.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\r\n", "\n").translate(_CLEAN)


def neutral(text: str) -> str:
    """Do the same as `clean`, one character for one, so that spans over the text stay right."""
    return text.translate(_NEUTRAL) if _UNCLEAN.search(text) else text


def ordered(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sort spans, outer ones first."""
    return tuple(sorted(spans, key=lambda span: (span.start, -span.end, _RANK[span.kind])))


def clipped(spans: Iterable[Span], start: int, end: int) -> tuple[Span, ...]:
    """Cut spans to the stretch from `start` to `end` and count from there; what lies outside goes."""
    return tuple(
        Span(span.kind, max(span.start, start) - start, min(span.end, end) - start, span.detail)
        for span in spans
        if span.start < end and span.end > start
    )


def edited(rich: RichText, edits: Sequence[Edit]) -> RichText:
    """Apply edits, which are sorted and apart; an insertion at the end of a span belongs to the span."""
    if not edits:
        return rich
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += rich.text[at : edit.start], edit.text
        at = edit.end
    parts.append(rich.text[at:])
    ends = [edit.end for edit in edits]
    shifts = [0, *accumulate(len(edit.text) - (edit.end - edit.start) for edit in edits)]

    def moved(offset: int) -> int:
        return offset + shifts[bisect_right(ends, offset)]

    spans = (replace(span, start=moved(span.start), end=moved(span.end)) for span in rich.spans)
    return RichText("".join(parts), tuple(span for span in spans if span.end > span.start))


def plausible(url: str) -> bool:
    """Tell whether a person could follow this URL from a chat."""
    if len(url) > LONGEST_URL or any(char.isspace() for char in url):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # an impossible port or IPv6 address
        return False
    match parts.scheme:
        case "http" | "https" | "tg":
            return any(char.isalnum() for char in host)
        case "mailto":
            name, _, domain = parts.path.partition("@")
            return bool(name and domain)
        case "tel":
            return any(char.isdigit() for char in parts.path)
        case _:
            return False


def address(url: str) -> str:
    """Say a URL as a person would write it: mail addresses and telephone numbers without their scheme."""
    for scheme in ("mailto:", "tel:"):
        if url[: len(scheme)].lower() == scheme:
            return unquote(url[len(scheme) :])
    return url


def spelled(rich: RichText, keeps: Callable[[str], bool]) -> RichText:
    """Write the URL of every link that the chat does not keep behind its text: "text (url)"."""
    edits: list[Edit] = []
    spans: list[Span] = []
    for span in rich.spans:
        if span.kind != "link" or keeps(span.detail):
            spans.append(span)
            continue
        shown = neutral(address(span.detail)).replace("\n", " ")
        if rich.text[span.start : span.end].strip() not in {shown, span.detail}:
            edits.append(Edit(span.end, span.end, f" ({shown})"))
    edits.sort(key=lambda edit: edit.end)
    return edited(RichText(rich.text, tuple(spans)), edits)

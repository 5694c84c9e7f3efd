"""Text as Slack takes it: its Markdown, its mrkdwn, pieces of a message's length, and streams that only grow."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.split import split, tail
from adapters.chats.rich.text import Edit, RichText, clipped, edited
from adapters.chats.rich.unfinished import is_within_code, parse_unfinished, without_open_link
from adapters.chats.slack.lines import fitted
from adapters.chats.slack.markdown import markdown as _markdown
from adapters.chats.slack.mrkdwn import mrkdwn as _mrkdwn

# `markdown_text` and all `markdown` blocks of a message together take 12,000 characters, `text` takes 40,000.
LIMIT = 11_000
MRKDWN_LIMIT = 40_000

_ELLIPSIS = "…\n"
_INVISIBLE = re.compile(r"[\s\u00ad\u180e\u200b-\u200f\u2060\u2800\ufeff\ufffc]*")
_COSTLY = re.compile(r"[\\`*_\[\]~|<>&\n]")
_MOST_SPANS = 1_000_000
_ITEM = re.compile(r"^ *(?:[•◦▪▫☐☑]|\d{1,9}[.)]) ", re.MULTILINE)
_WORD = re.compile(r"\s\S*$")
# What may yet begin a formatting, a link, a formula or a table.
_UNSETTLED = re.compile(r"\*(?=\S)|(?<!\w)_(?=\S)|~~|[`\[|$]")
_FORMULAS = (("\\(", "\\)"), ("\\[", "\\]"))


@dataclass(frozen=True, slots=True)
class Piece:
    """One message in both of Slack's languages."""

    markdown: str
    mrkdwn: str


def to_markdown(rich: RichText) -> str:
    """Write a text in Slack's Markdown."""
    return _markdown(fitted(rich))


def to_mrkdwn(rich: RichText) -> str:
    """Write a text in Slack's mrkdwn."""
    return _mrkdwn(fitted(rich))


def pieces(markdown: str, limit: int = LIMIT) -> list[Piece]:
    """Turn Markdown into messages; there is none if nothing would be seen."""
    return pieces_of(parse(markdown), limit)


def pieces_of(rich: RichText, limit: int = LIMIT) -> list[Piece]:
    """Turn a rich text into messages; there is none if nothing would be seen."""
    return [piece for _, piece in _pieces(fitted(rich), limit)]


def preview(markdown: str, limit: int = LIMIT) -> Piece:
    """Turn Markdown that still arrives into one message: all of it, or its end after an ellipsis."""
    rich = fitted(parse_unfinished(markdown))
    piece, room = _piece(rich), limit
    while not _fits(piece, limit) and room:
        room = room * 9 // 10
        piece = _piece(edited(tail(rich, room, _measure, _MOST_SPANS), [Edit(0, 0, _ELLIPSIS)]))
    return Piece("", "") if _INVISIBLE.fullmatch(rich.text) else piece


def grown(sent: str, markdown: str, limit: int = LIMIT, *, whole: bool = False) -> str | None:
    """Return what to append to a stream of which `sent` is there, or None where that is not how the text begins.

    Of an answer that still arrives only what is settled is streamed, and no more than its first piece. When it is
    `whole`, the rest of that piece follows: the stream is then what `pieces` would send.
    """
    if whole:
        first = next((piece.markdown for _, piece in _pieces(fitted(parse(markdown)), limit)), "")
        return first[len(sent) :] if first.startswith(sent) else None
    settled = _settled(markdown, limit)
    if settled.startswith(sent):
        return settled[len(sent) :]
    return "" if sent.startswith(settled) else None


def _pieces(rich: RichText, limit: int, room: int | None = None) -> Iterator[tuple[RichText, Piece]]:
    room = limit if room is None else room
    for part in split(rich, room, _measure, _MOST_SPANS):
        piece = _piece(part)
        if not _fits(piece, limit) and room > 1:
            # Formatting and long URLs cost what no measure of the text can know.
            yield from _pieces(part, limit, room * 2 // 3)
        elif not _INVISIBLE.fullmatch(part.text):
            yield part, piece


def _piece(rich: RichText) -> Piece:
    return Piece(_markdown(rich), _mrkdwn(rich))


def _fits(piece: Piece, limit: int) -> bool:
    return len(piece.markdown) <= limit and len(piece.mrkdwn) <= MRKDWN_LIMIT


def _measure(text: str) -> int:
    return len(text) + len(_COSTLY.findall(text))


def _settled(markdown: str, limit: int) -> str:
    """Write that part of an unfinished answer which nothing that follows is likely to change."""
    markdown = without_open_link(markdown)
    rich = fitted(parse_unfinished(markdown))
    within_code = is_within_code(markdown)
    end = _end(rich, markdown, within_code=within_code)
    first = next(_pieces(rich, limit), None)
    if first and len(first[0].text) < len(rich.text.rstrip()):
        if len(first[0].text) <= end:
            return first[1].markdown
    elif end > 2 * limit // 5:
        # Where a longer text will be cut is not known yet, but it is never within the first half of what fits.
        end = _outside(rich, max(rich.text.rfind(" ", 0, 2 * limit // 5), 0))
    return _beginning(rich, end, within_code=within_code)


def _end(rich: RichText, markdown: str, *, within_code: bool) -> int:
    """Find where a text begins that might still change: its last word, and what is open before it."""
    text = rich.text
    last = rich.spans[-1] if rich.spans else None
    if last and last.kind == "pre" and last.end == len(text):
        return max(last.start, text.rfind("\n", last.start)) if within_code else last.start
    word = _WORD.search(text)
    end = _outside(rich, word.start()) if word else 0
    start = max([text.rfind("\n\n", 0, end), *(found.start() for found in _ITEM.finditer(text, 0, end))], default=0)
    paragraph = markdown[markdown.rfind("\n\n") + 1 :]
    if any(paragraph.count(opening) > paragraph.count(closing) for opening, closing in _FORMULAS):
        return max(start, 0)
    exact = [span for span in rich.spans if span.kind in {"code", "pre", "link"} and span.end > start]
    for found in _UNSETTLED.finditer(text, max(start, 0), end):
        if not any(span.start <= found.start() < span.end for span in exact):
            return _outside(rich, found.start())
    return end


def _outside(rich: RichText, at: int) -> int:
    around = (span for span in rich.spans if span.kind != "quote" and span.start < at)
    return min((span.start for span in around if span.end > at or span.end == len(rich.text)), default=at)


def _beginning(rich: RichText, end: int, *, within_code: bool) -> str:
    text = rich.text[:end].rstrip()
    written = _markdown(RichText(text, clipped(rich.spans, 0, len(text))))
    opened = within_code and any(span.kind == "pre" and span.start < end < span.end for span in rich.spans)
    return written.rpartition("\n")[0] if opened else written  # the code goes on: its fence is not to be closed

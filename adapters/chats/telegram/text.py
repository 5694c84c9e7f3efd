"""Text as Telegram takes it: UTF-16 offsets, message entities, and pieces of at most 4096 units."""

import re
from itertools import pairwise
from textwrap import dedent
from urllib.parse import urlsplit

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.mentions import defused
from adapters.chats.rich.split import MAX_SPANS, split, tail
from adapters.chats.rich.text import Edit, Kind, RichText, Span, clipped, edited, neutral, plausible, spelled
from adapters.chats.rich.unfinished import parse_unfinished

Entity = dict[str, object]

LIMIT = 4096

_TYPES: dict[Kind, str] = {
    "bold": "bold",
    "italic": "italic",
    "strike": "strikethrough",
    "spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "quote": "blockquote",
    "link": "text_link",
    "table": "code",  # which is shown apart, so that none is left here
}

_ELLIPSIS = "…\n"
_TAB = 4  # Telegram shows a tab as one space
_LONG_QUOTE = 15  # lines, each of which is
_LINE = 45  # characters on a telephone

# A no-break space is not white space to Telegram, which trims entities: it holds the indent of a block of code.
_NBSP = "\u00a0"
_SPACE = re.compile(rf"[^\S{_NBSP}]*")
_INDENT = re.compile(r"(?:[^\S\n]*\n)*(?P<indent>[^\S\n]+)(?=\S)")
# Telegram refuses a message that shows nothing, and these show nothing (TDLib's is_empty_string).
_INVISIBLE = re.compile(r"[\s\u180e\u200b-\u200f\u2800\ufeff\ufffc\U000e0000-\U000e007f]*")
# One URL that Telegram does not take makes it refuse the whole message (TDLib's parse_url and check_link): a host
# needs a dot. Names, passwords and IPv6 addresses would pass, but are better read before they are followed.
_WEB = re.compile(r"(?:[\w-]+\.)+[\w-]+\.?(?::0*[1-9]\d{0,4})?", re.IGNORECASE)
_TG = re.compile(r"(?!user$)[a-z0-9_-]+", re.IGNORECASE)  # to mention somebody whom the bot never met is refused too


def utf16(text: str) -> int:
    """Measure a text as Telegram does, in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def to_entities(rich: RichText) -> tuple[str, list[Entity]]:
    """Turn a rich text into the text and entities of one message; both are empty if nothing would be seen."""
    return _entities(_fitted(rich))


def pieces(markdown: str, limit: int = LIMIT) -> list[tuple[str, list[Entity]]]:
    """Turn Markdown into messages; there is none if nothing would be seen."""
    return pieces_of(parse(markdown), limit)


def pieces_of(rich: RichText, limit: int = LIMIT) -> list[tuple[str, list[Entity]]]:
    """Turn a rich text into messages; there is none if nothing would be seen."""
    messages = (_entities(piece) for piece in split(_fitted(rich), limit, utf16))
    return [message for message in messages if message[0]]


def preview(markdown: str, limit: int = LIMIT) -> tuple[str, list[Entity]]:
    """Turn Markdown that still arrives into one message: all of it, or its end after an ellipsis."""
    rich = _fitted(parse_unfinished(markdown))
    text, entities = _entities(rich)
    if utf16(text) <= limit and len(entities) <= MAX_SPANS:
        return text, entities
    end = tail(rich, limit - len(_ELLIPSIS), utf16)
    return _entities(edited(end, [Edit(0, 0, _ELLIPSIS)]))


def accepts(url: str) -> bool:
    """Tell whether Telegram takes this URL behind a text."""
    if not plausible(url):
        return False
    parts = urlsplit(url)
    if parts.scheme == "tg":
        return bool(_TG.fullmatch(parts.netloc))
    return parts.scheme in {"http", "https"} and bool(_WEB.fullmatch(parts.netloc))


def _fitted(rich: RichText) -> RichText:
    """Do everything that changes the length of a text, so that it can be cut afterwards."""
    rich = defused(spelled(RichText(neutral(rich.text), rich.spans), accepts))
    blocks = [span for span in rich.spans if span.kind == "pre"]
    code = (dedent(rich.text[block.start : block.end].expandtabs(_TAB)) for block in blocks)
    rich = edited(rich, [Edit(block.start, block.end, text) for block, text in zip(blocks, code, strict=True)])
    return RichText(rich.text.replace("\t", " "), rich.spans)  # as Telegram would


def _entities(rich: RichText) -> tuple[str, list[Entity]]:
    rich = _indented(rich)
    first, last = _end_of_space(rich.text, 0), len(rich.text.rstrip())
    text = rich.text[first:last]
    if _INVISIBLE.fullmatch(text):
        return "", []
    spans = [_trimmed(text, span) for span in clipped(rich.spans, first, last)]
    spans = [span for span in spans if span.end > span.start]
    points = sorted({0, *(span.start for span in spans), *(span.end for span in spans)})
    units = {0: 0}
    for before, after in pairwise(points):
        units[after] = units[before] + utf16(text[before:after])
    return text, [_entity(text, span, units) for span in spans]


def _indented(rich: RichText) -> RichText:
    """Hold the indent of the first line of code, which Telegram would trim and so put the lines out of line."""
    edits = []
    for span in rich.spans:
        found = _INDENT.match(rich.text, span.start, span.end) if span.kind == "pre" else None
        if found:
            edits.append(Edit(*found.span("indent"), _NBSP * len(found["indent"])))
    return edited(rich, edits)


def _end_of_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _trimmed(text: str, span: Span) -> Span:
    covered = text[span.start : span.end]
    end = span.start + len(covered.rstrip())
    # Only what may begin with code keeps an indent.
    start = _end_of_space(text, span.start) if span.kind in {"pre", "quote"} else span.end - len(covered.lstrip())
    return Span(span.kind, min(start, end), end, span.detail)


def _entity(text: str, span: Span, units: dict[int, int]) -> Entity:
    kind = _TYPES[span.kind]
    if span.kind == "quote":
        lines = sum(1 + len(line) // _LINE for line in text[span.start : span.end].split("\n"))
        kind = "expandable_blockquote" if lines > _LONG_QUOTE else kind
    entity: Entity = {"type": kind, "offset": units[span.start], "length": units[span.end] - units[span.start]}
    if span.kind == "link":
        entity["url"] = span.detail
    elif span.kind == "pre" and span.detail:
        entity["language"] = span.detail
    return entity

"""Slack's Markdown, which it takes as `markdown_text`, in streams and in `markdown` blocks."""

import re
from collections.abc import Sequence
from unicodedata import category

from adapters.chats.rich.mentions import JOINER
from adapters.chats.rich.text import RichText
from adapters.chats.slack.lines import Line, Mark, harmless, lines, marks

_NBSP = "\u00a0"
_TAB = 4
_SPECIAL = re.compile(r"[\\`*_\[\]~|<>&]")
# Slack decodes these without reading them again as a mention or a link (measured in PostHog/posthog#95054).
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
# What would begin a heading, a list, an underline or the second row of a table.
_OPENING = re.compile(r"#+|[-+=:|]+(?=\s|$)|\d{1,9}(?=[.)](?:\s|$))")
_URL_ESCAPES = str.maketrans({"(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C", "|": "%7C"})
_URL_ENTITY = re.compile(r"&(?=#?\w+;)")
_AUTOLINK = re.compile(r"https?://[^\s<>|]+", re.IGNORECASE)
_BACKTICKS = re.compile("`+")
_LANGUAGE = re.compile(r"[\w+#.-]*")
_NOTHING = Mark("text", " ")
_DELIMITERS = {"bold": "**", "strike": "~~", "spoiler": "||"}


def markdown(rich: RichText) -> str:
    """Write a fitted text."""
    written: list[str] = []
    before: Line | None = None
    for line in lines(rich):
        blank = not line.code and not line.text.strip()
        if before and before.quote is not None and before.quote != line.quote and not blank:
            written.append("")  # or this line would go on with the quote
        elif before and _breaks(before, line):
            written[-1] += "  "
        prefix = "" if line.quote is None else "> "
        rows = _block(line) if line.code else [_line(marks(line))]
        written += ((prefix + row).rstrip() if line.code is None else prefix + row for row in rows)
        before = line
    return "\n".join(written)


def _breaks(before: Line, line: Line) -> bool:
    return not before.code and not line.code and bool(before.text.strip() and line.text.strip())


def _block(line: Line) -> list[str]:
    code = harmless(line.text.strip("\n"))
    fence = "`" * max(3, 1 + _longest(code))
    language = line.code.detail if line.code and _LANGUAGE.fullmatch(line.code.detail) else ""
    return [fence + language, *code.split("\n"), fence]


def _longest(code: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(code)), default=0)


def _line(found: Sequence[Mark]) -> str:
    """Write a line; where CommonMark would not see a delimiter, a word joiner lets it."""
    if len(found) == 1 and found[0].what == "text":
        return _literal(found[0].text, start=True)
    chosen = _chosen(found)
    inner = [_literal(mark.text, start=not number) if mark.what == "text" else "" for number, mark in enumerate(found)]
    delimiters = [_delimiter(mark, chosen) for mark in found]
    heads = [text[:1] or delimiter[:1] for text, delimiter in zip(inner, delimiters, strict=True)] + [""]
    written = ""
    whole = None  # a link whose text is its URL
    for number, mark in enumerate(found):
        delimiter, after = delimiters[number], heads[number + 1]
        beside = number > 0 and found[number - 1].what in {"open", "close"}
        if whole is not None:
            whole = None if mark.span is whole and mark.what == "close" else whole
        elif mark.what == "text":
            written += inner[number]
        elif mark.what == "code":
            written += (JOINER if written.endswith("`") else "") + delimiter
        elif mark.span and mark.span.kind == "link":
            whole = mark.span if delimiter.startswith("<") else None
            written += delimiter
        elif mark.what == "open":
            written += JOINER if beside and written[-1:] == delimiter[0] else ""
            tight = _is_word(written[-1:]) and _is_mark(after) and after != delimiter[0]
            written += delimiter + (JOINER if tight else "")
        else:
            tight = _is_mark(written[-1:]) and (_is_word(after) or after == delimiter[0])
            written += (JOINER if tight or (beside and written[-1:] == delimiter[0]) else "") + delimiter
    return written


def _delimiter(mark: Mark, chosen: dict[int, str]) -> str:
    if mark.what == "code":
        return _code(mark.text)
    if mark.span is None:
        return ""
    if mark.span.kind == "link" and mark.what == "close":
        url = mark.span.detail
        return f"]({_URL_ENTITY.sub('%26', url).translate(_URL_ESCAPES)})"
    return chosen.get(id(mark.span)) or _DELIMITERS[mark.span.kind]


def _code(text: str) -> str:
    text = harmless(text)
    runs = {len(run) for run in _BACKTICKS.findall(text)}
    fence = "`" * next(count for count in range(1, len(runs) + 2) if count not in runs)
    pad = " " if text[0] == "`" or text[-1] == "`" or (text[0] == " " == text[-1]) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _chosen(found: Sequence[Mark]) -> dict[int, str]:
    """Choose how the spans open that can be written in more than one way."""
    ends = {id(mark.span): number for number, mark in enumerate(found) if mark.what == "close"}
    chosen: dict[int, str] = {}
    for number, mark in enumerate(found):
        if mark.what == "open" and mark.span and mark.span.kind == "italic":
            chosen[id(mark.span)] = _italic(found, number, ends[id(mark.span)])
        elif mark.what == "open" and mark.span and mark.span.kind == "link":
            url = mark.span.detail
            whole = mark.text == url and ends[id(mark.span)] == number + 2 and _AUTOLINK.fullmatch(url)
            chosen[id(mark.span)] = f"<{url}>" if whole else "["
    return chosen


def _italic(found: Sequence[Mark], first: int, last: int) -> str:
    """Choose a delimiter: underscores are not seen within a word, and stars are taken for those of bold beside them."""
    while first and found[first - 1].what == "open":
        first -= 1
    while last + 1 < len(found) and found[last + 1].what == "close":
        last += 1
    before = found[first - 1] if first else _NOTHING
    after = found[last + 1] if last + 1 < len(found) else _NOTHING
    if before.what == "close" or after.what == "open":
        return "*"  # a joiner may come between the two spans
    within = (before.what == "text" and _is_word(before.text[-1])) or (after.what == "text" and _is_word(after.text[0]))
    return "*" if within else "_"


def _literal(text: str, *, start: bool) -> str:
    if not start:
        return _SPECIAL.sub(_escaped, text)
    content = text.lstrip()
    indent = text[: len(text) - len(content)].replace("\t", " " * _TAB).replace(" ", _NBSP)
    opening = _OPENING.match(content)
    if not opening:
        return indent + _SPECIAL.sub(_escaped, content)
    head, rest = opening.group(), content[opening.end() :]
    if head[0].isdigit():
        return f"{indent}{head}\\{rest[0]}{_SPECIAL.sub(_escaped, rest[1:])}"
    return indent + "".join(f"\\{char}" for char in head) + _SPECIAL.sub(_escaped, rest)


def _escaped(found: re.Match[str]) -> str:
    char = found.group()
    return _ENTITIES.get(char, "\\" + char)


def _is_word(char: str) -> bool:
    """Tell whether a delimiter that stands beside this character might be taken for a part of a word."""
    return bool(char) and not char.isspace() and not (char.isascii() and not char.isalnum()) and category(char)[0] != "P"


def _is_mark(char: str) -> bool:
    return bool(char) and category(char)[0] in "PS"

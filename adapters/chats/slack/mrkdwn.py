"""Slack's own mrkdwn, for notifications and wherever its Markdown is not taken."""

import re
from collections.abc import Sequence

from adapters.chats.rich.text import RichText
from adapters.chats.slack.lines import Mark, lines, marks

# Formatting is seen only between words: this makes a gap within one.
_GAP = "\u200b"
# There are no escapes. A soft hyphen at both sides of a literal star makes it as good as one within a word.
_HYPHEN = "\u00ad"
_DELIMITERS = {"bold": "*", "italic": "_", "strike": "~"}
_LITERAL = re.compile(r"(?<![^\W_])[*_~`]|[*_~`](?![^\W_])")
_BOUNDARY = " ([{-:;,.!?'\"" + _GAP
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_URL_ESCAPES = str.maketrans({"&": "&amp;", "<": "%3C", ">": "%3E", "|": "%7C"})


def mrkdwn(rich: RichText) -> str:
    """Write a fitted text."""
    written: list[str] = []
    for line in lines(rich):
        if line.code:
            code = line.text.strip("\n").replace("```", f"`{_HYPHEN}`{_HYPHEN}`")
            written.append(f"```\n{code.translate(_ENTITIES)}\n```")
        else:
            prefix = "" if line.quote is None else "> "
            written.append((prefix + _line(marks(line))).rstrip())
    return "\n".join(written)


def _line(found: Sequence[Mark]) -> str:
    written = ""
    linked = whole = False
    for number, mark in enumerate(found):
        kind = mark.span.kind if mark.span else None
        after = found[number + 1] if number + 1 < len(found) else None
        if kind == "link" and mark.span:
            linked = mark.what == "open"
            whole = linked and mark.text == mark.span.detail
            bar = "" if whole else "|"
            written += f"<{mark.span.detail.translate(_URL_ESCAPES)}{bar}" if linked else ">"
        elif whole:
            continue  # the URL shows itself
        elif kind == "spoiler":
            written += "||"
        elif mark.what == "text" or (mark.what == "code" and (linked or "`" in mark.text)):
            written += _literal(mark.text, start=not written)
        elif mark.what == "code":
            written = f"{_apart(written)}`{mark.text.translate(_ENTITIES)}`{_gap(after)}"
        elif kind and not linked:
            delimiter = _DELIMITERS[kind]
            if mark.what == "open":
                held = number and found[number - 1].what == "open"
                written = (written if held else _apart(written)) + delimiter
            else:
                written += delimiter + _gap(after)
    return written


def _apart(written: str) -> str:
    return written + _GAP if written and written[-1] not in _BOUNDARY else written


def _gap(after: Mark | None) -> str:
    if after is None or after.what == "close":
        return ""
    return _GAP if after.what != "text" or after.text[0] not in _BOUNDARY else ""


def _literal(text: str, *, start: bool) -> str:
    text = _LITERAL.sub(lambda found: _HYPHEN + found.group() + _HYPHEN, text).translate(_ENTITIES)
    # At the beginning of a line even an escaped one makes a quote.
    return _HYPHEN + text if start and text.startswith("&gt;") else text

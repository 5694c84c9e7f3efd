"""Markdown that still arrives: what is open at its end shows as it will when it is closed."""

import re

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.text import RichText

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]*)(?:\](?:\([^\s()]*)?)?$")
_MARKER = re.compile(r"\*\*|~~|[*`]")


def parse_unfinished(markdown: str) -> RichText:
    """Read Markdown that may end within a link, an emphasis or a code span."""
    if len(_FENCE.findall(markdown)) % 2:
        return parse(markdown)
    before, newline, line = markdown.rpartition("\n")
    line = _LINK.sub(r"\1", line).rstrip("*~` ")
    return parse(before + newline + line + "".join(reversed(_open_markers(line))))


def _open_markers(line: str) -> list[str]:
    found: list[str] = []
    for match in _MARKER.finditer(line):
        marker = match.group()
        if found and found[-1] == "`" != marker:
            continue
        if marker in found:
            del found[found.index(marker) :]
        elif not line[match.end() : match.end() + 1].isspace() and not line[: match.start()][-1:].isalnum():
            found.append(marker)
    return found

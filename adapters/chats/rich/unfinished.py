"""Markdown that still arrives: what is open at its end shows as it will when it is closed."""

import re

from adapters.chats.rich.markdown import parse
from adapters.chats.rich.text import RichText

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]*)(?:\](?:\([^\s()]*)?)?$")
_MARKER = re.compile(r"\*\*|~~|[*`]")


def parse_unfinished(markdown: str) -> RichText:
    """Read Markdown that may end within a link, an emphasis or a code span."""
    if is_within_code(markdown):
        return parse(markdown)
    before, newline, line = markdown.rpartition("\n")
    line = _LINK.sub(r"\1", line).rstrip("*~` ")
    return parse(before + newline + line + "".join(reversed(_open_markers(line))))


def is_within_code(markdown: str) -> bool:
    """Tell whether a block of code is open at the end."""
    return len(_FENCE.findall(markdown)) % 2 == 1


def without_open_link(markdown: str) -> str:
    """Cut off a link of which it is not known yet whether it is one."""
    line = markdown.rfind("\n") + 1
    found = None if is_within_code(markdown) else _LINK.search(markdown, line)
    return markdown[: found.start()] if found else markdown


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

"""Paths of files that somebody types, pastes or drags into a terminal."""

import re
from collections.abc import Iterator
from pathlib import Path

from bot.messages import Attachment, FileKind

# @/path, @~/path or @./path anywhere in a line, in quotes where it has spaces; a terminal writes `\ ` for a space when a
# file is dragged into it.
_MARKED = re.compile(
    r"""(?:^|(?<=\s))@(?:"(?P<double>[~./][^"]*)"|'(?P<single>[~./][^']*)'|(?P<plain>(?:~/|\.{0,2}/)(?:\\.|[^\s\\])+))"""
)
_DRAGGED = re.compile(
    r"""\s*(?:'(?P<single>/[^']+)'|"(?P<double>/[^"]+)"|(?P<plain>/(?:\\.|[^\s\\])+/(?:\\.|[^\s\\])+))(?:\s+|$)"""
)
_ESCAPED = re.compile(r"\\(.)")


def attached(line: str) -> tuple[str, tuple[Attachment, ...]]:
    """Return the words of a line, and the files whose paths stand in it."""
    dragged: list[Path] = []
    while (found := _DRAGGED.match(line)) and (path := _path(found)).is_file():
        dragged.append(path)
        line = line[found.end() :]
    marked = list(_MARKED.finditer(line))
    words = _MARKED.sub("", line) if marked else line
    paths = [*dragged, *map(_path, marked)]
    return (words.strip() if paths else line), tuple(_attachments(paths))


def _path(found: "re.Match[str]") -> Path:
    typed = found["double"] or found["single"] or _ESCAPED.sub(r"\1", found["plain"])
    return Path(typed).expanduser().absolute()


def _attachments(paths: list[Path]) -> Iterator[Attachment]:
    for path in paths:
        yield Attachment(kind=FileKind.DOCUMENT, ref={"id": str(path)}, name=path.name)

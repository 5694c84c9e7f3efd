"""Mentions that a model writes: they read as they are, and notify nobody."""

import re
from collections.abc import Collection

from adapters.chats.rich.text import Edit, Kind, RichText, edited

# It shows nothing, lets no line break, and is part of no name: no vendor finds a mention behind it.
JOINER = "\u2060"

_EXACT: Collection[Kind] = ("code", "pre", "link")
# As Telegram finds them (TDLib's match_mentions): after a letter or a digit it is a mail address.
_SIGN = re.compile(r"(?<!\w)@(?=\w\w)")
# A vendor takes a URL as a whole, and a person in its path is not called: https://example.social/@somebody.
_WITHIN_URL = re.compile(r"https?://[\w-]+(?:\.[\w-]+)+(?::\d+)?/(?:[\w.~%+=&?#@:-]+/)*$", re.IGNORECASE)
# No name before a mail address's sign is longer, and a cut never shortens a word of this length.
_LONGEST_NAME = 64
_WORD = re.compile(r"\w@(?=\w\w)")


def defused(rich: RichText, spared: Collection[Kind] = _EXACT) -> RichText:
    """Put a word joiner after every sign that would notify somebody, but where the text is meant to be exact."""
    text = rich.text
    if "@" not in text:
        return rich
    signs = [found.start() for found in _SIGN.finditer(text) if not _in_url(text, found.start())]
    signs += (found.start() + 1 for found in _WORD.finditer(text) if _is_overlong(text, found.start() + 1))
    if not signs:
        return rich
    exact = [(span.start, span.end) for span in rich.spans if span.kind in spared]
    edits: list[Edit] = []
    first = 0
    for sign in sorted(signs):
        while first < len(exact) and exact[first][1] <= sign:
            first += 1  # these are in order and apart from each other
        if first == len(exact) or sign < exact[first][0]:
            edits.append(Edit(sign + 1, sign + 1, JOINER))
    return edited(rich, edits)


def _in_url(text: str, sign: int) -> bool:
    return text[sign - 1 : sign] == "/" and bool(_WITHIN_URL.search(text, max(0, sign - _LONGEST_NAME * 4), sign))


def _is_overlong(text: str, sign: int) -> bool:
    """Tell whether a cut within this word could leave its sign at the beginning of a piece."""
    word = text[max(0, sign - _LONGEST_NAME - 1) : sign]
    return len(word) > _LONGEST_NAME and not any(char.isspace() for char in word)

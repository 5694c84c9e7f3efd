"""Names that somebody else chose, made safe for the place where they are put."""

import re
import unicodedata

LONGEST = 64
_UNSEEN = ("Cc", "Cf")  # control characters, and those that turn the direction of writing or show nothing
_SIGNS = re.compile(r"[\\`*_~\[\]<>|!$&#]")
_FROM_THE_RIGHT = ("R", "AL")  # Hebrew, Arabic and their like
_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"
_BRACKETS = str.maketrans("", "", "[]")


def one_line(name: str, longest: int = LONGEST) -> str:
    """Return a name on one line, without characters that nobody sees."""
    seen = (letter for letter in " ".join(name.split()) if unicodedata.category(letter) not in _UNSEEN)
    return " ".join("".join(seen).split())[:longest]


def clean(name: str) -> str:
    """Return a person's name as it is kept: without the brackets in which the house speaks to a model, too."""
    return one_line(name.translate(_BRACKETS))


def plain(text: str) -> str:
    """Return a text as Markdown that shows its very letters."""
    return _SIGNS.sub(r"\\\g<0>", text)


def escaped(name: str, longest: int = LONGEST) -> str:
    """Return a name, or other words on one line, as Markdown that shows its very letters."""
    return plain(one_line(name, longest))


def bold(name: str) -> str:
    """Return a name as bold Markdown that shows its very letters, of which those written from the right turn nothing around."""
    shown = f"**{escaped(name)}**"
    is_turned = any(unicodedata.bidirectional(letter) in _FROM_THE_RIGHT for letter in name)
    return f"{_ISOLATE}{shown}{_END_OF_ISOLATE}" if is_turned else shown


def quoted(name: str) -> str:
    """Return what a stranger calls themselves, so that it is seen where their words begin and end."""
    return f"“{escaped(name).replace('“', '').replace('”', '')}”"

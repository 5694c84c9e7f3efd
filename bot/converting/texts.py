"""Words that were found in a file: tidied, and written where the house finds them."""

import re
from pathlib import Path

from bot.converting.results import LONGEST_TEXT, TEXT

_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff]")
_SPACES = re.compile(r"[ \t\u00a0]+(?=\n|$)")
_GAPS = re.compile(r"\n{3,}")


def tidy(text: str) -> str:
    """Return a text without what nobody sees, with lines ended in one way."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _GAPS.sub("\n\n", _SPACES.sub("", _UNSEEN.sub("", text))).strip("\n")


def keep(text: str) -> str:
    """Write the words of a file into the working folder; return what is to be said about those that were left out."""
    Path(TEXT).write_text(text[:LONGEST_TEXT], encoding="utf-8")
    if len(text) <= LONGEST_TEXT:
        return ""
    return f"It is longer than {LONGEST_TEXT:,} characters; the rest is left out."
